"""Probabilities from logits, and how far apart two models' are, as llama-perplexity has them.

llama.cpp, tools/perplexity/perplexity.cpp: `log_softmax` and `kl_divergence`. There the reference's
logarithms go through a file of 16-bit steps; here they are as the model gives them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


def log_softmax(logits: Floats) -> Floats:
    """The logarithms of the probabilities (places, vocabulary) that logits stand for."""
    below = logits - logits.max(axis=-1, keepdims=True)
    sums = np.exp(below).sum(axis=-1, dtype=np.float64, keepdims=True)
    logarithms: Floats = below - np.log(sums).astype(np.float32)
    return logarithms


def kl_divergences(reference: Floats, logarithms: Floats) -> Doubles:
    """The Kullback-Leibler divergence (places) from the reference's distributions, in nats.

    Both are logarithms of probabilities (places, vocabulary).
    """
    probabilities = np.exp(reference)
    # What the reference holds for impossible adds nothing, even if both logarithms are infinite.
    ratios = np.zeros_like(reference)
    np.subtract(reference, logarithms, out=ratios, where=probabilities > 0)
    divergences: Doubles = (probabilities * ratios).sum(axis=-1, dtype=np.float64)
    return divergences
