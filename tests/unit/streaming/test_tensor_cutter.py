from __future__ import annotations

import random
from pathlib import Path

import pytest

from app.conversion.layout.layout import WeightRange
from app.streaming.tensor_cutter import TensorCutter

FILE = Path("model.safetensors")
CONTENT = random.Random(1).randbytes(1000)
RANGES = [WeightRange(FILE, 100, 300), WeightRange(FILE, 400, 1), WeightRange(FILE, 450, 550)]


@pytest.mark.parametrize("chunk_bytes", [1, 7, 100, 333, 1000])
def test_every_tensor_has_its_bytes_whatever_the_chunks(chunk_bytes: int) -> None:
    cutter = TensorCutter(RANGES, 0, lambda _: True)
    chunks = (CONTENT[at : at + chunk_bytes] for at in range(0, len(CONTENT), chunk_bytes))
    pieces = [piece for chunk in chunks for piece in cutter.cut(chunk)]

    assert b"".join(bytes(piece.content) for piece in pieces) == CONTENT
    outside = b"".join(bytes(piece.content) for piece in pieces if not piece.is_of_tensor)
    assert outside == CONTENT[:100] + CONTENT[401:450]
    completed = {piece.completed: piece.weights for piece in pieces if piece.completed}
    for weights in RANGES:
        content = completed[weights]
        assert content is not None
        assert content.tobytes() == CONTENT[weights.offset :][: weights.size_bytes]


def test_it_begins_in_the_middle_and_collects_only_what_is_wanted() -> None:
    cutter = TensorCutter(RANGES[1:], 400, lambda weights: weights.size_bytes == 1)
    pieces = list(cutter.cut(CONTENT[400:]))
    collected = [(piece.completed, piece.weights is not None) for piece in pieces]
    assert collected == [(RANGES[1], True), (None, False), (RANGES[2], False)]
