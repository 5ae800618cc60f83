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
    """Measure the harm of each of ggml's `types` that are given for a tensor.

    With `corrects`, also after corrected rounding.
    """

    source: CheckpointTokens
    types: dict[str, tuple[int, ...]]
    corrects: bool = False


class Sensitivity(msgspec.Struct, frozen=True):
    """How much errors in each tensor matter, by its name in the GGUF file.

    Attributes:
        harms: The mean KL divergence, in nats, if only this tensor had a type.
        corrected_harms: The same after corrected rounding, if that was asked for.
        importance: The weights of the columns for ggml's search, as float32.
    """

    harms: dict[str, Harms]
    corrected_harms: dict[str, Harms]
    importance: dict[str, bytes]


class QuantizedModel(msgspec.Struct, frozen=True):
    """One way to quantize a model: types, and importance of columns, by the names of tensors.

    `rounded` has the folders of tensors whose rows were rounded beforehand.
    """

    types: dict[str, int]
    importance: dict[str, bytes] = {}
    rounded: dict[str, str] = {}


class ComparisonRequest(msgspec.Struct, frozen=True, tag="comparison"):
    """Compare quantized models with the model itself."""

    source: CheckpointTokens
    models: tuple[QuantizedModel, ...]


class CorrectionRequest(msgspec.Struct, frozen=True, tag="correction"):
    """Round tensors to these of ggml's types, and write the rows to `folder`."""

    source: CheckpointTokens
    types: dict[str, int]
    folder: str


class CorrectedTensor(msgspec.Struct, frozen=True):
    """A tensor whose corrected rounding was tried.

    Attributes:
        folder: Where the rows are, if they were accepted; else empty.
        loss: The weighed error of its outputs on held-out text.
        plain_loss: The same with ggml's own rounding.
    """

    type: int
    folder: str
    loss: float
    plain_loss: float


class CorrectedTensors(msgspec.Struct, frozen=True):
    """The tensors whose rounding was corrected or tried, and the importance of all columns."""

    tensors: dict[str, CorrectedTensor]
    importance: dict[str, bytes]


class MeasuredQuality(msgspec.Struct, frozen=True):
    """The distance of a model from the exact one.

    Attributes:
        divergence: The mean KL divergence, in nats.
        top_token_agreement: The share of positions with the same most likely token, 0 to 1.
        perplexity: The model's own.
    """

    divergence: float
    top_token_agreement: float
    perplexity: float


class ComparedModels(msgspec.Struct, frozen=True):
    """The exact model's perplexity, and the quality of each model that was compared with it."""

    perplexity: float
    models: tuple[MeasuredQuality, ...]


GradientRequest = SensitivityRequest | ComparisonRequest | CorrectionRequest
