"""The cost of computing an importance matrix: `python -m tests.benchmarks.calibration [MODEL]`.

The same chunks are processed with and without it, in turns; the best of several rounds counts. The
model is SmolLM2-135M unless a GGUF file is given.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import replace
from pathlib import Path

from app.inference.loading.loaded_model import LoadRequest, opened_model
from app.measurement.activations import GatheredActivations
from app.measurement.calibration import _evaluate, _load_request
from tests.support.checkpoints.checkpoints import smollm2_gguf

CHUNKS, ROUNDS = 2, 5


def main(model: Path) -> None:
    """Print a table."""
    load_request = [_load_request(model, None, None, GatheredActivations(), lambda _: None)]
    load_request.append(replace(load_request[0], evaluation_callback=None))
    best = [float("inf")] * len(load_request)
    for _ in range(ROUNDS):
        best = [
            min(seconds, seconds_of(wish)) for seconds, wish in zip(best, load_request, strict=True)
        ]
    tokens = CHUNKS * load_request[0].context
    print(f"{'':<24}{'tokens/s':>10}")
    for name, seconds in zip(("gathering", "reading alone"), best, strict=True):
        print(f"{name:<24}{tokens / seconds:>10.1f}")
    print(f"{'share of gathering':<24}{1 - best[1] / best[0]:>10.1%}")


def seconds_of(load_request: LoadRequest) -> float:
    """Return the seconds to process the chunks, after one chunk to warm up."""
    chance = random.Random(0)
    with opened_model(load_request, lambda _: None) as loaded:
        for number in range(CHUNKS + 1):
            if number == 1:
                began = time.perf_counter()
            tokens = [chance.randrange(100, 400) for _ in range(load_request.context)]
            _evaluate(loaded, tokens, load_request.model.name)
        return time.perf_counter() - began


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else smollm2_gguf())
