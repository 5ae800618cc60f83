"""Speed of the quantization kernels compared with ggml.

Run: `python -m tests.benchmarks.kernels [TYPE]`. CPU time on one core, the best of many short
rounds, of which some run undisturbed on a busy machine too; ours and ggml's take turns.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from app.native.kernels import (
    BLOCK_FORMATS,
    KernelLibrary,
    available_instruction_sets,
    kernel_library,
)
from tests.support.gguf.ggml_quantization import ggml_quantize

ROWS, WIDTH, ROUNDS = 24, 4096, 25
WANTED_RATIO = 5.0

Floats = npt.NDArray[np.float32]
Quantize = Callable[[int, Floats, Floats | None], npt.NDArray[np.uint8] | None]


def main(names: list[str]) -> None:
    """Print the table for the types in `names`, or for all types."""
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((ROWS, WIDTH)) * 0.02).astype(np.float32)
    importance = (rng.random(WIDTH) ** 3).astype(np.float32)
    libraries = [kernel_library(name) for name in available_instruction_sets()]
    print("million weights per second on one core")
    print(
        f"{'type':8}{'importance':12}{'instructions':14}{'ours':>8}{'ggml':>8}{'ratio':>8}  bytes"
    )
    for number, block in BLOCK_FORMATS.items():
        if names and block.name.lower() not in names:
            continue
        for weights in (None, importance):
            for library in libraries:
                if library is not None and number in library.type_numbers():
                    _print_line(library, number, rows, weights)


def _print_line(
    library: KernelLibrary, type_number: int, rows: Floats, importance: Floats | None
) -> None:
    ours, ggml = _best_seconds([library.quantize, ggml_quantize], type_number, rows, importance)
    equal = np.array_equal(
        library.quantize(type_number, rows, importance),
        ggml_quantize(type_number, rows, importance),
    )
    ratio = ggml / ours
    print(
        f"{BLOCK_FORMATS[type_number].name:8}{'no' if importance is None else 'yes':12}"
        f"{library.instruction_set:14}{rows.size / ours / 1e6:8.1f}{rows.size / ggml / 1e6:8.1f}"
        f"{ratio:8.2f}  {'equal' if equal else 'DIFFERENT'}"
        f"{'' if ratio >= WANTED_RATIO else f', less than {WANTED_RATIO:.0f} times'}",
        flush=True,
    )


def _best_seconds(
    candidates: list[Quantize], type_number: int, rows: Floats, importance: Floats | None
) -> list[float]:
    best = [float("inf")] * len(candidates)
    for _ in range(ROUNDS):
        for place, quantize in enumerate(candidates):
            start = time.thread_time()
            quantize(type_number, rows, importance)
            best[place] = min(best[place], time.thread_time() - start)
    return best


if __name__ == "__main__":
    main([name.lower() for name in sys.argv[1:]])
