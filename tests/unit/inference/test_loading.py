"""How many GPU layers are tried, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.inference.loading import LoadWishes, gpu_layer_steps


@pytest.mark.parametrize(
    ("layers", "wished", "has_gpu", "steps"),
    [
        (30, None, True, [31, 23, 15, 7, 0]),
        (80, None, True, [81, 60, 40, 20, 0]),
        (3, None, True, [4, 3, 2, 1, 0]),
        (1, None, True, [2, 1, 0]),
        (0, None, True, [1, 0]),
        (30, 12, True, [12]),
        (30, 0, True, [0]),
        (30, 999, True, [999]),
        (30, None, False, [0]),
        (30, 12, False, [0]),
    ],
)
def test_the_steps(layers: int, wished: int | None, has_gpu: bool, steps: list[int]) -> None:
    wishes = LoadWishes(Path("a.gguf"), layers, 4096, 8192, gpu_layers=wished)
    assert list(gpu_layer_steps(wishes, has_gpu=has_gpu)) == steps
