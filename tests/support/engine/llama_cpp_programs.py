"""llama.cpp's own programs, built once on the libraries of the installed engine."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from app.inference.self_test.probe import engine_setting
from app.native.library import engine_fingerprint, engine_version
from tests.support.checkpoints.checkpoints import cache_folder, keep
from tests.support.engine.timed_streams import Address

_PROGRAMS = ("llama-bench", "llama-perplexity", "llama-server")
_POLL_SECONDS = 0.05
# Replaces llama.cpp's own project, which would build the libraries too. Using those of the engine's
# package makes both sides run the same machine code.
_PROJECT = """
cmake_minimum_required(VERSION 3.21)
project(llama.cpp C CXX)
find_package(Threads REQUIRED)
find_package(llama REQUIRED)
set(LLAMA_BUILD_COMMON ON)
set(LLAMA_OPENSSL ON)
set(LLAMA_BUILD_UI OFF)
set(LLAMA_USE_PREBUILT_UI OFF)
set(LLAMA_BUILD_NUMBER 0)
set(LLAMA_BUILD_COMMIT unknown)
include(cmake/license.cmake)
include(cmake/common.cmake)
add_subdirectory(vendor)
configure_file(common/build-info.cpp.in build-info.cpp)
add_library(build-info STATIC ${CMAKE_CURRENT_BINARY_DIR}/build-info.cpp)
target_include_directories(build-info PRIVATE common)
foreach(name llama-common mtmd)
    find_library(${name}_file ${name} REQUIRED HINTS ${LLAMA_LIB_DIR})
    add_library(${name} UNKNOWN IMPORTED)
    set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${${name}_file})
    target_link_libraries(${name} INTERFACE llama)
endforeach()
target_include_directories(llama-common INTERFACE common)
target_compile_definitions(llama-common INTERFACE LLAMA_SUBPROCESS)
target_link_libraries(llama-common INTERFACE build-info vendor::nlohmann vendor::sheredom)
add_subdirectory(tools/ui)
add_subdirectory(tools/llama-bench)
add_subdirectory(tools/perplexity)
add_subdirectory(tools/server)
"""
_FIGURES = {
    "perplexity": (r"(?:Final estimate: PPL|Mean PPL\(Q\)) +[=:] +([\d.]+)", 1),
    "mean": (r"Mean +KLD: +([\d.]+)", 1),
    "median": (r"Median +KLD: +([\d.]+)", 1),
    "p999": (r"99\.9% +KLD: +([\d.]+)", 1),
    "top_token_agreement": (r"Same top p: +([\d.]+)", 1 / 100),
}
"""The pattern of each figure printed by llama-perplexity, and its unit in ours."""


def speeds_by_llama_bench(model: Path, *options: str) -> list[float]:
    """Run llama-bench once, and return the tokens per second of each test in the options."""
    command = [str(_programs() / "llama-bench"), "-m", str(model), "-r", "1", "-o", "json"]
    said = subprocess.run([*command, *options], check=True, capture_output=True).stdout
    return [test["avg_ts"] for test in json.loads(said)]


def perplexity_by_llama_cpp(model: Path, reference: Path | None, text: Path) -> dict[str, float]:
    """Return llama-perplexity's figures under our names, for the whole text in chunks of 512."""
    if reference is None:
        return _figures(_perplexity(model, text))
    with tempfile.TemporaryDirectory() as folder:
        kept = ("--kl-divergence-base", f"{folder}/logits")
        _perplexity(reference, text, *kept)
        return _figures(_perplexity(model, text, *kept, "--kl-divergence"))


def _perplexity(model: Path, text: Path, *options: str) -> str:
    command = [str(_programs() / "llama-perplexity"), "-m", str(model), "-f", str(text)]
    # Dependencies of the engine's libraries are not on the program's search path.
    environment = os.environ | {"LD_LIBRARY_PATH": f"{sysconfig.get_path('purelib')}/lib"}
    if "extra_buffers" in engine_setting(lambda _: None).disabled_features:
        options += ("--no-repack",)
    return subprocess.run(
        [*command, "-c", "512", "-b", "512", *options],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ).stdout


def _figures(said: str) -> dict[str, float]:
    found = ((name, re.search(pattern, said)) for name, (pattern, _) in _FIGURES.items())
    return {name: float(match[1]) * _FIGURES[name][1] for name, match in found if match}


@contextmanager
def llama_server(model: Path, *options: str, log: Path | None = None) -> Iterator[Address]:
    """Run a llama-server, and yield it when it is ready; its `log` goes to a file, or nowhere."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [str(_programs() / "llama-server"), "-m", str(model), "--port", str(port)]
    with (
        Path(log or os.devnull).open("wb") as output,
        subprocess.Popen(
            [*command, "--offline", *options], stdout=output, stderr=output
        ) as process,
    ):
        try:
            while not _is_ready(port):
                assert process.poll() is None
                time.sleep(_POLL_SECONDS)
            yield Address(port)
        finally:
            process.kill()


def _is_ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success
    except httpx2.TransportError:
        return False


def _programs() -> Path:
    """Return the folder with the programs; the first build takes about two minutes."""
    libraries = sysconfig.get_path("purelib")
    facts = f"{engine_fingerprint()} | {libraries} | {_PROJECT}"
    mark = hashlib.sha256(facts.encode()).hexdigest()[:12]
    folder = cache_folder() / f"llama.cpp-{engine_version()}-{mark}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=cache_folder()) as name:
            _build(Path(name), libraries)
            keep(Path(name) / "programs", folder)
    return folder


def _build(work: Path, libraries: str) -> None:
    package = f"llama-cpp-python=={engine_version()}"
    options = ("--no-deps", "--no-binary", "llama-cpp-python", "--dest", str(work))
    _run(sys.executable, "-m", "pip", "download", *options, package)
    (archive,) = work.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        source.extractall(work, filter="data")
    (llama_cpp,) = work.glob("*/vendor/llama.cpp")
    (llama_cpp / "CMakeLists.txt").write_text(_PROJECT, encoding="utf-8")
    build, made = work / "build", work / "programs"
    settings = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_PREFIX_PATH": libraries,
        "CMAKE_RUNTIME_OUTPUT_DIRECTORY": str(made),
        "BUILD_SHARED_LIBS": "OFF",
    }
    flags = [f"-D{name}={value}" for name, value in settings.items()]
    _run("cmake", "-S", str(llama_cpp), "-B", str(build), *flags)
    _run("cmake", "--build", str(build), "--parallel", "2", "--target", *_PROGRAMS)


def _run(*command: str) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{command}\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
