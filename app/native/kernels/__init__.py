"""Quantize to exactly ggml's bytes, several times faster: one block per vector lane."""

from __future__ import annotations

import ctypes
import functools
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.gguf_file.tensor_types import TENSOR_TYPES

_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")

# By the number that processor.c gives.
_INSTRUCTION_SETS = ("baseline", "avx2", "avx512")


BLOCK_FORMATS = {number: kind for number, kind in TENSOR_TYPES.items() if kind.has_kernel}


class KernelLibrary:
    """The kernels built for one instruction set."""

    def __init__(self, instruction_set: str) -> None:
        self.instruction_set = instruction_set
        self._library = ctypes.CDLL(str(_library_file(instruction_set)))

    def type_numbers(self) -> list[int]:
        """Return the types that have a kernel here, by ggml's numbers."""
        return [number for number in BLOCK_FORMATS if self._kernel(number) is not None]

    def instruction_level(self) -> int:
        """Return how many instruction sets beyond the baseline this processor supports."""
        level: int = self._library.gristmill_instruction_level()
        return level

    def quantize(
        self,
        type_number: int,
        rows: npt.NDArray[np.float32],
        importance: npt.NDArray[np.float32] | None = None,
    ) -> npt.NDArray[np.uint8] | None:
        """Quantize `rows` (row count x width) to bytes (row count x row size).

        Runs without the interpreter's lock, so that several threads can work side by side.

        Args:
            type_number: ggml's number for the type.
            rows: Finite numbers; the width is a multiple of the type's block.
            importance: One non-negative weight for each column, shared by all rows.

        Returns:
            The bytes that ggml would produce; None where there is no kernel for the type.

        Raises:
            ValueError: The width or the importance doesn't fit.
        """
        kernel = self._kernel(type_number)
        if kernel is None:
            return None
        block = BLOCK_FORMATS[type_number]
        count, width = rows.shape
        if width % block.block_size:
            raise ValueError(f"a width of {width} is no multiple of {block.block_size}")
        if importance is not None and importance.shape != (width,):
            raise ValueError(f"importance of shape {importance.shape} for a width of {width}")
        rows = np.ascontiguousarray(rows, dtype=np.float32)
        target = np.empty((count, width // block.block_size * block.block_bytes), dtype=np.uint8)
        shared = None if importance is None else np.ascontiguousarray(importance, dtype=np.float32)
        address = None if shared is None else shared.ctypes.data
        kernel(rows.ctypes.data, target.ctypes.data, count, width, address)
        return target

    def _kernel(self, type_number: int) -> ctypes._NamedFuncPointer | None:
        block = BLOCK_FORMATS.get(type_number)
        if block is None:
            return None
        kernel = getattr(self._library, f"gristmill_quantize_{block.name.lower()}", None)
        if kernel is not None:
            kernel.restype = None
            kernel.argtypes = [
                ctypes.c_void_p,
                ctypes.c_void_p,
                ctypes.c_int64,
                ctypes.c_int64,
                ctypes.c_void_p,
            ]
        return kernel


@functools.cache
def available_instruction_sets() -> tuple[str, ...]:
    """Return the instruction sets that were built and that this processor supports, best first."""
    if not _library_file("baseline").is_file():
        return ()
    level = KernelLibrary("baseline").instruction_level()
    runs_here = reversed(_INSTRUCTION_SETS[: level + 1])
    return tuple(name for name in runs_here if _library_file(name).is_file())


@functools.cache
def kernel_library(instruction_set: str | None = None) -> KernelLibrary | None:
    """Return the kernels for `instruction_set`, or the best that this processor supports.

    Returns:
        None where none were built, or not for `instruction_set`.
    """
    available = available_instruction_sets()
    if instruction_set is None:
        return KernelLibrary(available[0]) if available else None
    return KernelLibrary(instruction_set) if instruction_set in available else None


def quantize(
    type_number: int,
    rows: npt.NDArray[np.float32],
    importance: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.uint8] | None:
    """Quantize with the best library for this processor; None where there is no kernel."""
    library = kernel_library()
    return None if library is None else library.quantize(type_number, rows, importance)


def _library_file(instruction_set: str) -> Path:
    return Path(__file__).with_name(f"kernels_{instruction_set}{_SUFFIX}")
