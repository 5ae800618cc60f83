"""Build the native engine once per kind of machine and backend, and cache the wheel."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from console import run_step
from system import find_compiler

NAME, VERSION = "llama-cpp-python", "0.3.36"
_BACKEND_FLAGS = {
    "cpu": (),
    "cuda": ("-DGGML_CUDA=ON",),
    "vulkan": ("-DGGML_VULKAN=ON",),
    "metal": ("-DGGML_METAL=ON",),
    "rocm": ("-DGGML_HIP=ON",),
}
BACKENDS = tuple(_BACKEND_FLAGS)
# Older versions drop stores of the tile configuration, and the first matrix product crashes.
_FIRST_GCC_WITH_SOUND_AMX = 13
_WITHOUT_AMX = "-mno-amx-int8"
_CPU_LINES = re.compile(r"^(model name|flags|Features|CPU implementer|CPU part)\s*:\s*(.*)$", re.M)
_INSTRUCTION_SETS = re.compile(r"\b(?:avx|amx|fma|f16c|bmi|sve|asimd|i8mm)\w*")


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler: its version line, and its major version if it is GCC (0 otherwise)."""

    version: str = ""
    gcc_major: int = 0
    knows_amx: bool = False


def default_backend(system: str = sys.platform) -> str:
    """Return the default backend."""
    return "metal" if system == "darwin" else "cpu"


def cmake_arguments(
    backend: str, compiler: Compiler, machine: str, system: str = sys.platform, extra: str = ""
) -> str:
    """Return the value of CMAKE_ARGS for a backend; `extra` is the user's own value."""
    flags = ["-DGGML_RPC=ON", *_BACKEND_FLAGS[backend]]
    if system == "darwin" and backend != "metal":
        flags.append("-DGGML_METAL=OFF")
    is_x86 = machine.lower() in ("x86_64", "amd64")
    if is_x86 and compiler.knows_amx and 0 < compiler.gcc_major < _FIRST_GCC_WITH_SOUND_AMX:
        flags += [f"-DCMAKE_C_FLAGS={_WITHOUT_AMX}", f"-DCMAKE_CXX_FLAGS={_WITHOUT_AMX}"]
    return " ".join([*flags, *extra.split()])


def fingerprint(arguments: str, compiler: Compiler, processor: str, python_tag: str) -> str:
    """Return twelve hexadecimal digits that identify everything that affects the build."""
    facts = json.dumps([arguments, asdict(compiler), processor, python_tag])
    return hashlib.sha256(facts.encode()).hexdigest()[:12]


def processor() -> str:
    """Return the processor's model and instruction sets, which determine the build."""
    if sys.platform == "linux":
        return processor_from(Path("/proc/cpuinfo").read_text("utf-8", "replace"))
    if sys.platform == "darwin":
        query = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    return platform.processor()


def processor_from(listing: str) -> str:
    """Parse `/proc/cpuinfo` for that, without flags that no compiler uses."""
    facts = dict(reversed(_CPU_LINES.findall(listing)))
    for name in ("flags", "Features"):
        if name in facts:
            facts[name] = " ".join(sorted(set(_INSTRUCTION_SETS.findall(facts[name]))))
    return json.dumps(facts, sort_keys=True)


def engine_wheel(python: Path, backend: str, log: Path) -> Path:
    """Return the engine's wheel for `backend`, cached or newly built.

    Raises:
        SetupError: the build failed.
    """
    compiler = _compiler()
    arguments = cmake_arguments(
        backend, compiler, platform.machine(), extra=os.environ.get("CMAKE_ARGS", "")
    )
    tag = f"{sys.implementation.cache_tag}-{platform.machine()}"
    mark = fingerprint(arguments, compiler, processor(), tag)
    folder = cache_folder() / f"{VERSION}-{backend}-{mark}"
    if not folder.is_dir():
        _build(python, backend, arguments, folder, log)
    return next(folder.glob("*.whl"))


def cache_folder() -> Path:
    """Return the folder of cached builds, outside of any checkout."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "gristmill" / "engine"


def _build(python: Path, backend: str, arguments: str, folder: Path, log: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="build-", dir=folder.parent) as temporary:
        work = Path(temporary)
        pip = [str(python), "-m", "pip"]
        source = ["--no-deps", "--no-binary", NAME]
        run_step(
            "Fetching the engine's source (77 MB, under a minute)",
            [*pip, "download", *source, "--dest", str(work / "source"), f"{NAME}=={VERSION}"],
            log,
        )
        archive = next((work / "source").glob("*.tar.gz"))
        run_step(
            f"Building the engine for {backend} (once; 5 to 15 minutes, more on few cores)",
            # pip caches wheels regardless of the flags that they were built with.
            [*pip, "wheel", *source, "--no-cache-dir", "-w", str(work / "wheel"), str(archive)],
            log,
            {"CMAKE_ARGS": arguments, "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 1)},
        )
        if not folder.is_dir():
            (work / "wheel").rename(folder)


def _compiler() -> Compiler:
    path = find_compiler("CXX")
    if path is None:
        return Compiler()
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    version = said.stdout.partition("\n")[0]
    if "Free Software Foundation" not in said.stdout:
        return Compiler(version)
    number = subprocess.run([path, "-dumpversion"], capture_output=True, text=True, check=False)
    tried = subprocess.run(
        [path, _WITHOUT_AMX, "-E", "-x", "c++", os.devnull], capture_output=True, check=False
    )
    major = int(number.stdout.strip().partition(".")[0] or 0)
    return Compiler(version, major, tried.returncode == 0)
