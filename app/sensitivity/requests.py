"""Requests to the process that computes gradients, and its answers."""

from __future__ import annotations

import msgspec

Harms = dict[int, float]
"""Mean KL divergences in nats, by ggml's type numbers."""


class CheckpointTokens(msgspec.Struct, frozen=True):
    """A checkpoint's matrices, and the tokens to measure them on.

    Attributes:
        checkpoint: The folder.
        tensors: The names in the GGUF file of its matrices, by their names in the checkpoint.
        tokens: Sequences of equal length.
        threads: The number of threads; the results don't depend on it.
    """

    checkpoint: str
    tensors: dict[str, str]
    tokens: list[list[int]]
    threads: int


class SensitivityRequest(msgspec.Struct, frozen=True, tag="sensitivity"):
    """Measure the harm of each of ggml's `types` that are given for a tensor."""

    source: CheckpointTokens
    types: dict[str, tuple[int, ...]]


class Sensitivity(msgspec.Struct, frozen=True):
    """How much errors in each tensor matter, by its name in the GGUF file.

    Attributes:
        harms: The mean KL divergence, in nats, if only this tensor had a type.
        importance: The weights of the columns for ggml's search, as float32.
    """

    harms: dict[str, Harms]
    importance: dict[str, bytes]


class DivergenceRequest(msgspec.Struct, frozen=True, tag="divergence"):
    """Measure the mean KL divergence of the model with these types from the model itself."""

    source: CheckpointTokens
    types: dict[str, int]
    importance: dict[str, bytes]


class MeasuredDivergence(msgspec.Struct, frozen=True):
    """A mean KL divergence, in nats."""

    mean: float


GradientRequest = SensitivityRequest | DivergenceRequest
