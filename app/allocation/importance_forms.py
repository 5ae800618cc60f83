"""The two forms of importance: llama.cpp's matrix, and the answers' columns in bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.measurement.text_chunks import DEFAULT_CHUNK_TOKENS
from app.native.importance_matrix import Activations, ImportanceMatrix
from app.sensitivity.requests import Importance


def importance_matrix(importance: Importance) -> ImportanceMatrix:
    """Return importance in the form of an importance matrix, of one token."""
    entries = {name: _activations(experts) for name, experts in importance.items() if any(experts)}
    return ImportanceMatrix(entries, chunk_count=1, chunk_size=DEFAULT_CHUNK_TOKENS)


def _activations(experts: Sequence[bytes]) -> Activations:
    unseen = bytes(max(map(len, experts)))
    sums = np.stack([np.frombuffer(content or unseen, np.float32) for content in experts])
    return Activations(sums, np.array([bool(content) for content in experts], np.int64))


def importance_of_matrix(matrix: ImportanceMatrix) -> Importance:
    """Return an importance matrix as the weights of columns."""
    return {name: _columns(activations) for name, activations in matrix.entries.items()}


def _columns(activations: Activations) -> list[bytes]:
    means = activations.means().reshape(activations.sums.shape)
    seen = activations.counts > 0
    return [row.tobytes() if found else b"" for row, found in zip(means, seen, strict=True)]
