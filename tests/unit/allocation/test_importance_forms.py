"""Importance as llama.cpp's matrix, and as the weights of columns."""

from __future__ import annotations

import numpy as np

from app.allocation.importance_forms import importance_matrix, importance_of_matrix
from app.native.importance_matrix import Activations, ImportanceMatrix


def test_both_forms_say_the_same_of_experts_that_saw_tokens() -> None:
    sums = np.array([[2, 4, 6], [0, 0, 0], [3, 3, 9]], np.float32)
    entries = {"blk.0.ffn_up_exps.weight": Activations(sums, np.array([2, 0, 3], np.int64))}
    found = importance_of_matrix(ImportanceMatrix(entries, 1, 512))
    first, unseen, last = found["blk.0.ffn_up_exps.weight"]
    assert np.frombuffer(first, np.float32).tolist() == [1, 2, 3]
    assert unseen == b""
    assert np.frombuffer(last, np.float32).tolist() == [1, 1, 3]
    again = importance_matrix(found).entries["blk.0.ffn_up_exps.weight"]
    assert again.counts.tolist() == [1, 0, 1]
    assert again.means().reshape(3, 3)[[0, 2]].tolist() == [[1, 2, 3], [1, 1, 3]]


def test_tensors_without_importance_are_left_out() -> None:
    assert importance_matrix({"token_embd.weight": [b""]}).entries == {}
