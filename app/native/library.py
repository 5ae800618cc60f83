"""Load llama.cpp's library once, and keep its log so that a failure can be explained."""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
import importlib.util
import os
import platform
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from app.core.errors import AppError, ErrorCode
from app.core.language import tr

_KEPT_LINES = 400
_LEVEL_WARNING, _LEVEL_ERROR, _LEVEL_CONTINUED = 3, 4, 5


def _ignore(_: str) -> None:
    pass


class EngineLog:
    """The last lines that llama.cpp logged, and those of them that report a fault.

    `warnings` are those that report something odd, as they were logged. `on_abort` receives why
    ggml ends the process, on whatever thread it does so.
    """

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self.warnings: deque[str] = deque(maxlen=_KEPT_LINES)
        self._faults: deque[str] = deque(maxlen=_KEPT_LINES)
        self._level = 0
        self._shows_faults = True
        self._recorded: list[str] | None = None
        self.on_abort: Callable[[str], None] = _ignore

    @contextmanager
    def recording(self, *, shows_faults: bool = True) -> Iterator[list[str]]:
        """Record everything that is logged while the block runs, piece by piece."""
        self.clear()
        self._recorded, self._shows_faults = [], shows_faults
        try:
            yield self._recorded
        finally:
            self._recorded, self._shows_faults = None, True

    def take(self, level: int, untrusted_text: bytes) -> None:
        """Keep one piece of log; a piece without a newline is continued by the next."""
        text = untrusted_text.decode("utf-8", "replace")
        self.lines.append(text)
        if level == _LEVEL_WARNING:
            self.warnings.append(text)
        elif level == _LEVEL_ERROR:
            self._faults.append(text.strip())
        elif level == _LEVEL_CONTINUED and self._level == _LEVEL_WARNING and self.warnings:
            self.warnings[-1] += text
        if level != _LEVEL_CONTINUED:
            self._level = level
        if self._recorded is not None:
            self._recorded.append(text)
        if self._level in (_LEVEL_WARNING, _LEVEL_ERROR) and self._shows_faults:
            sys.stderr.write(text)

    def take_abort(self, untrusted_text: bytes) -> None:
        """Print why ggml is aborting the process, which happens once this returns."""
        text = untrusted_text.decode("utf-8", "replace").strip()
        sys.stderr.write(text + "\n")
        # It begins with the source file's path on the machine that built the engine.
        place, _, reason = text.partition(": ")
        # CUDA's says no more than “CUDA error” here: which one it was, it has logged before.
        reason = next((one for one in self._faults if one.startswith(f"{reason}: ")), reason)
        self.on_abort(f"{Path(place).name}: {reason}")

    def text(self) -> str:
        """Return everything kept, as logged."""
        return "".join(self.lines)

    def clear(self) -> None:
        """Forget what has been logged so far."""
        self.lines.clear()
        self.warnings.clear()
        self._faults.clear()

    def reason(self) -> str:
        """Return the line that explains a failure best: llama.cpp names the cause first."""
        for line in self._faults:
            _, marker, cause = line.partition("error loading model: ")
            if marker:
                return cause
        return self._faults[0] if self._faults else tr("it gave no reason")


log = EngineLog()


@functools.cache
def load_llama() -> ModuleType:
    """Load the low-level bindings `llama_cpp.llama_cpp`, initialized, logging to `log`.

    Raises:
        AppError: `engine_missing`.
    """
    # Else what ends by an exception starts a debugger to print where it was, and takes seconds.
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    # A thread that waits for one that another program keeps from a core must not keep it from its
    # own: GNU's OpenMP turns 300,000 times before it sleeps, and a token can take seconds.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        from llama_cpp import llama_cpp
    except (ImportError, OSError, RuntimeError, FileNotFoundError) as error:
        raise AppError(ErrorCode.ENGINE_MISSING, reason=str(error)) from error
    bindings: ModuleType = llama_cpp
    bindings.llama_log_set(_log_callback(bindings), None)
    engine_function("ggml_set_abort_callback")(_abort_callback())
    bindings.llama_backend_init()
    return bindings


@functools.cache
def load_ggml_base() -> ctypes.CDLL:
    """Load the library `ggml-base`, which has the block formats and their quantization.

    Raises:
        AppError: `engine_missing`.
    """
    return load_library("ggml-base")


@functools.cache
def load_ggml() -> ctypes.CDLL:
    """Load the library `ggml`, which knows all devices.

    Raises:
        AppError: `engine_missing`.
    """
    library = load_library("ggml")
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    library.ggml_backend_dev_get.restype = ctypes.c_void_p
    library.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    return library


def load_library(name: str) -> ctypes.CDLL:
    """Load one of the libraries that came with the engine.

    Raises:
        AppError: `engine_missing`, also when it was built without this one.
    """
    load_llama()
    return _library(name)


def _library(name: str) -> ctypes.CDLL:
    from llama_cpp._ctypes_extensions import load_shared_library

    try:
        library: ctypes.CDLL = load_shared_library(name, _library_folder())
    except (OSError, FileNotFoundError, RuntimeError) as error:
        raise AppError(ErrorCode.ENGINE_MISSING, reason=f"it has no {name}") from error
    return library


def engine_function(name: str) -> Any:
    """Return a function of ggml from the library that llama.cpp uses; there may be copies."""
    try:
        return getattr(_library("llama"), name)
    except AttributeError:
        # On Windows a library gives out nothing of those that it uses, and there are no copies.
        return getattr(_library("ggml-base"), name)


def engine_version() -> str:
    """Return the version of the installed engine, such as `0.3.36`; empty when there is none."""
    try:
        return importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        return ""


def engine_fingerprint() -> str:
    """Return a string that changes with the processor, the engine's version, or its build."""
    builds = [
        f"{file.stat().st_size}-{file.stat().st_mtime_ns}"
        for file in sorted(_library_folder().glob("*ggml-cpu*"))
        if not file.is_symlink()
    ]
    return " | ".join([_processor_name(), engine_version(), *builds])


def _library_folder() -> Path:
    specification = importlib.util.find_spec("llama_cpp")
    if specification is None or specification.origin is None:
        raise AppError(ErrorCode.ENGINE_MISSING, reason=tr("it is not installed"))
    return Path(specification.origin).parent / "lib"


def _processor_name() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@functools.cache
def _log_callback(llama_cpp: ModuleType) -> object:
    # Cached: the library keeps the pointer, so the callback must live as long as the process.
    def take(level: int, text: bytes, _: object) -> None:
        log.take(level, text)

    return llama_cpp.llama_log_callback(take)


@functools.cache
def _abort_callback() -> object:
    # Cached for the same reason.
    def take(message: bytes) -> None:
        log.take_abort(message)

    return ctypes.CFUNCTYPE(None, ctypes.c_char_p)(take)
