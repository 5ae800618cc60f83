"""Predict the KL divergence of a quantized model from the errors in its matrices.

By the linearity theorem (Malinovskii et al. 2024, "Pushing the Limits of LLM Quantization via the
Linearity Theorem") the loss grows by Σ aₗ tₗ² over the matrices l, where tₗ² = ‖W − Q‖² / ‖W‖², as
long as the errors are small. The mean KL divergence from the exact model grows likewise:

    KL = s / width · Σ gₗ (tₗ² + q²) + o (t² + q²)

`width` is the length of the embedding vectors: the errors of many columns cancel out. gₗ is g for
the matrices that write into the residual stream or produce the values, else 1. The second term is
the output matrix, which produces the logits; nothing after it evens its error out. q² is the
engine's own error: it rounds activations to 8 bits before multiplying them by quantized weights.

Origin of the four constants (on WikiText-2, for the small Llama on other sentences; chunks of 512
tokens):

- o: only the output matrix in Q4_0: 9.6 for SmolLM2 135M, 6.1 for a Llama of 0.26 million weights.
- g: 2.2 fits SmolLM2 135M best, 2.5 Gemma 3 270M, 3.3 the published figures of Llama 3 8B.
- q²: the levels Q8_0 of SmolLM2 and Gemma.
- s: the median of eight models: 69 for SmolLM2, 106 Gemma (its weights, which came in 4 bits, made
  continuous by noise of a step's width), 27 the small Llama; and from `app.estimation.quality`'s
  published figures, with Gaussian weights in place of theirs, 97 for Llama 3 8B, 25 Llama 2 7B,
  27 Mistral 7B, 68 Qwen2.5 1.5B, 138 Qwen3 0.6B.

So all figures of a model may be off by the same factor of two or three; its levels are much more
accurate relative to each other. Predictions over measurements at ten levels from Q2_K to Q8_0: 0.66
to 1.22 for SmolLM2 and 0.57 to 0.81 for Gemma, both ranked correctly; 0.49 to 0.98 for SmolLM2 made
continuous, to which nothing was fitted, with one pair of neighbors swapped. With s from only the
other models (the median of seven, 68) SmolLM2 and Gemma stay within a factor of two. The band
covers all eight models, except the small Llama at Q6_K and Q8_0 (3.9).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.core.language import tr
from app.estimation.quality import Quality

_SCALE = 70.0
_WRITING_WEIGHT = 2.5
_OUTPUT_COEFFICIENT = 8.0
_ACTIVATION_ERROR = 5.5e-5
_LOWEST, _HIGHEST = 1 / 3.3, 2.4
_WRITING = re.compile(r"attn_(v|kv_b|v_b|output|out)|ffn_down")
_SOURCE = tr("the quantization error in a sample of its weights")


@dataclass(frozen=True)
class MatrixDistortion:
    """The relative squared error of a matrix; `is_output` if it produces the logits."""

    name: str
    error: float
    is_output: bool = False


def predicted_quality(matrices: Sequence[MatrixDistortion], width: int) -> Quality:
    """Predict the KL divergence that errors in these matrices cause, in nats.

    Args:
        matrices: The quantized ones; the others cause no error.
        width: The length of the model's embedding vectors.
    """
    inner = sum(
        _weight(matrix.name) * (matrix.error + _ACTIVATION_ERROR)
        for matrix in matrices
        if not matrix.is_output
    )
    output = sum(matrix.error + _ACTIVATION_ERROR for matrix in matrices if matrix.is_output)
    divergence = _SCALE / width * inner + _OUTPUT_COEFFICIENT * output
    low, high = divergence * _LOWEST, divergence * _HIGHEST
    return Quality("probed", divergence, low, high, _SOURCE)


def _weight(name: str) -> float:
    if "attn_qkv" in name:
        # Three matrices in one, one of which produces the values.
        return 2 + _WRITING_WEIGHT
    return _WRITING_WEIGHT if _WRITING.search(name) else 1.0
