"""llama.cpp's own converter and quantizer, whose files ours must equal."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from app.conversion.converter.transformers_choice import Transformers, transformers_for
from app.core.levels import COPY, level_named
from app.native.importance_matrix import ImportanceMatrix
from tests.support.checkpoints.transformers_versions import environment_with
from tests.support.gguf.ggml_quantization import silence_llama_cpp
from tests.support.machine.prepared_processes import PreparedProcess, Run

_THREADS = 2
_IMPORT_SCRIPTS = """
import os, sys
sys.path[:0] = [sys.argv[2], sys.argv[2] + "/gguf-py"]
os.environ["NO_LOCAL_GGUF"] = "1"
import conversion, transformers.models.llama.configuration_llama
"""


def converted_by_llama_cpp(
    source: Path,
    converter: Path,
    outtype: str,
    folder: Path,
    *options: str,
    transformers: Transformers | None = None,
) -> Path:
    """Convert a checkpoint with convert_hf_to_gguf.py, to 16 or 32 bits.

    It runs in the environment that llama.cpp pins; checkpoints saved by transformers 5 are read
    with ours. `transformers` overrides that choice.
    """
    file = folder / f"{outtype}.gguf"
    arguments = (str(source), "--outtype", outtype, "--outfile", str(file), *options)
    chosen = transformers or transformers_for(source)
    run = run_script("convert_hf_to_gguf.py", converter, arguments, chosen)
    assert run.status == 0, run.output
    return file


def adapter_by_llama_cpp(
    source: Path, base: Path, converter: Path, outtype: str, folder: Path
) -> Path:
    """Convert an adapter with convert_lora_to_gguf.py."""
    file = folder / f"{outtype}.gguf"
    options = ("--outtype", outtype, "--outfile", str(file), "--base", str(base))
    script = "convert_lora_to_gguf.py"
    run = run_script(script, converter, (str(source), *options), transformers_for(base))
    assert run.status == 0, run.output
    return file


def quantized_by_llama_cpp(
    file: Path,
    level: str,
    importance: ImportanceMatrix | None = None,
    matrix_file: str = "",
    **parameters: object,
) -> bytes:
    """Quantize a GGUF file as llama-quantize does; `parameters` are fields of the engine's struct.

    With a `matrix_file`, the metadata names it as the source of the importance matrix.
    """
    from llama_cpp import llama_cpp

    silence_llama_cpp()
    chosen = llama_cpp.llama_model_quantize_default_params()
    chosen.nthread = _THREADS
    if level == COPY.name:
        chosen.only_copy = True
    else:
        chosen.ftype = level_named(level).ftype
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
    if importance and matrix_file:
        chosen.kv_overrides = _told_about(importance, matrix_file)
    made = file.with_name(f"quantized-{level}.gguf")
    status = llama_cpp.llama_model_quantize(os.fsencode(file), os.fsencode(made), chosen)
    assert status == 0
    content = made.read_bytes()
    made.unlink()
    return content


def _told_about(importance: ImportanceMatrix, file: str) -> ctypes.Array[ctypes.Structure]:
    """Return the metadata that llama-quantize sets (tools/quantize/quantize.cpp)."""
    from llama_cpp import llama_cpp

    values = {
        "file": file,
        **({"dataset": importance.datasets[0]} if importance.datasets else {}),
        "entries_count": len(importance.entries),
        **({"chunks_count": importance.chunk_count} if importance.chunk_count > 0 else {}),
    }
    overrides = (llama_cpp.llama_model_kv_override * (len(values) + 1))()
    for override, (name, value) in zip(overrides, values.items(), strict=False):
        override.key = f"quantize.imatrix.{name}".encode()
        if isinstance(value, str):
            override.tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR
            override.value.val_str = value.encode()[:127]
        else:
            override.tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_INT
            override.value.val_i64 = value
    return overrides


def run_script(
    script: str, converter: Path, arguments: Sequence[str], transformers: Transformers
) -> Run:
    """Run a script of llama.cpp with a version of transformers."""
    (version,) = converter.resolve().iterdir()
    return _prepared(version, transformers).run(str(version / script), *arguments)


@functools.cache
def _prepared(version: Path, transformers: Transformers) -> PreparedProcess:
    return PreparedProcess(_IMPORT_SCRIPTS, environment_with(transformers), (str(version),))
