"""Candidate tokens in the format of llama.cpp's samplers."""

from __future__ import annotations

import ctypes
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.inference.tokens.decoding import Floats
from app.native.library import load_llama

Candidates: TypeAlias = NDArray[Any]
"""An array with the fields id, logit and p, laid out as llama_token_data."""
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


def candidates_of(logits: Floats) -> Candidates:
    """Return all tokens of the vocabulary as candidates."""
    candidates = np.zeros(len(logits), _CANDIDATE)
    candidates["id"], candidates["logit"] = np.arange(len(logits)), logits
    return candidates


def candidate_of(token: int) -> Candidates:
    """Return a single token as a candidate."""
    candidate = np.zeros(1, _CANDIDATE)
    candidate["id"] = token
    return candidate


def apply_sampler(sampler: Any, candidates: Candidates) -> Any:
    """Apply a sampler to the candidates in place; return the llama_token_data_array."""
    llama = load_llama()
    pointer = ctypes.cast(candidates.ctypes.data, llama.llama_token_data_p)
    array = llama.llama_token_data_array(pointer, len(candidates), -1, False)
    llama.llama_sampler_apply(sampler, ctypes.byref(array))
    return array
