"""llama.cpp's own converter and quantizer, whose files ours must equal."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

from app.core.levels import level_named
from app.native.importance_matrix import ImportanceMatrix
from tests.ggml_quantization import silence_llama_cpp

_THREADS = 2


def converted_by_llama_cpp(
    source: Path, converter: Path, outtype: str, folder: Path, *options: str
) -> Path:
    """The file that convert_hf_to_gguf.py makes of a checkpoint, in 16 or 32 bits."""
    script = "convert_hf_to_gguf.py"
    return _run_script(script, converter, folder / f"{outtype}.gguf", source, outtype, *options)


def adapter_by_llama_cpp(
    source: Path, base: Path, converter: Path, outtype: str, folder: Path
) -> Path:
    """The file that convert_lora_to_gguf.py makes of an adapter."""
    file, options = folder / f"{outtype}.gguf", ("--base", str(base))
    return _run_script("convert_lora_to_gguf.py", converter, file, source, outtype, *options)


def quantized_by_llama_cpp(
    file: Path,
    level: str,
    importance: ImportanceMatrix | None = None,
    **parameters: object,
) -> bytes:
    """What llama_model_quantize makes of a GGUF file; `parameters` are fields of its struct."""
    from llama_cpp import llama_cpp

    silence_llama_cpp()
    chosen = llama_cpp.llama_model_quantize_default_params()
    chosen.ftype, chosen.nthread = level_named(level).ftype, _THREADS
    for name, value in parameters.items():
        setattr(chosen, name, value)
    weights = (
        {name: importance.weights_for(name) for name in importance.entries} if importance else {}
    )
    entries = (llama_cpp.llama_model_imatrix_data * (len(weights) + 1))()
    for entry, (name, values) in zip(entries, weights.items(), strict=False):
        entry.name, entry.size = name.encode(), values.size
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    if weights:
        chosen.imatrix = entries
    made = file.with_name(f"quantized-{level}.gguf")
    status = llama_cpp.llama_model_quantize(os.fsencode(file), os.fsencode(made), chosen)
    assert status == 0
    content = made.read_bytes()
    made.unlink()
    return content


def _run_script(
    script: str, converter: Path, file: Path, source: Path, outtype: str, *options: str
) -> Path:
    (version,) = converter.iterdir()
    command = [sys.executable, str(version / script), str(source), "--outtype", outtype]
    subprocess.run([*command, "--outfile", str(file), *options], check=True, capture_output=True)
    return file
