"""Compute probabilities from logits and KL divergences, as llama-perplexity does.

llama.cpp, tools/perplexity/perplexity.cpp: `log_softmax` and `kl_divergence`. There the reference's
logarithms are rounded to 16 bits in a file; here they are exact.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


def log_softmax(logits: Floats) -> Floats:
    """Return the logarithms of the probabilities (positions, vocabulary) of logits."""
    below = logits - logits.max(axis=-1, keepdims=True)
    sums = np.exp(below).sum(axis=-1, dtype=np.float64, keepdims=True)
    logarithms: Floats = below - np.log(sums).astype(np.float32)
    return logarithms


def kl_divergences(reference: Floats, logarithms: Floats) -> Doubles:
    """Return the Kullback-Leibler divergence (positions) from the reference, in nats.

    Both arguments are logarithms of probabilities (positions, vocabulary).
    """
    probabilities = np.exp(reference)
    # Tokens impossible for the reference add nothing, even if both logarithms are infinite.
    ratios = np.zeros_like(reference)
    np.subtract(reference, logarithms, out=ratios, where=probabilities > 0)
    divergences: Doubles = (probabilities * ratios).sum(axis=-1, dtype=np.float64)
    return divergences
