"""llama.cpp's own converter and quantizer, whose files ours must equal."""

from __future__ import annotations

import atexit
import ctypes
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

from app.core.levels import COPY, level_named
from app.native.importance_matrix import ImportanceMatrix
from tests.ggml_quantization import silence_llama_cpp

_THREADS = 2
_RUN_SCRIPTS = """
import importlib, json, os, runpy, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/gguf-py"]
os.environ["NO_LOCAL_GGUF"] = "1"
for name in ("conversion", "transformers.models.llama.configuration_llama"):
    importlib.import_module(name)
for line in sys.stdin:
    arguments = json.loads(line)
    if child := os.fork():
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(status, flush=True)
        continue
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv = arguments
    sys.path[0] = os.path.dirname(arguments[0])
    runpy.run_path(arguments[0], run_name="__main__")
    os._exit(0)
"""


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
    matrix_file: str = "",
    **parameters: object,
) -> bytes:
    """What llama-quantize makes of a GGUF file; `parameters` are fields of the engine's struct.

    With a `matrix_file` it tells about the importance matrix as if it had read it from there.
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
    """What llama-quantize sets in the metadata (tools/quantize/quantize.cpp)."""
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


def _run_script(
    script: str, converter: Path, file: Path, source: Path, outtype: str, *options: str
) -> Path:
    (version,) = converter.resolve().iterdir()
    arguments = [str(source), "--outtype", outtype, "--outfile", str(file), *options]
    runner = _runner(version)
    assert runner.stdin is not None
    assert runner.stdout is not None
    runner.stdin.write(json.dumps([str(version / script), *arguments]) + "\n")
    runner.stdin.flush()
    assert runner.stdout.readline() == "0\n"
    return file


@functools.cache
def _runner(version: Path) -> subprocess.Popen[str]:
    """A process that has imported what llama.cpp's scripts import: that takes them seconds."""
    runner = subprocess.Popen(
        [sys.executable, "-c", _RUN_SCRIPTS, str(version)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    atexit.register(_end, runner)
    return runner


def _end(runner: subprocess.Popen[str]) -> None:
    with runner:
        pass
