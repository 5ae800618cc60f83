"""Requests to the process that computes gradients, and its answers."""

from __future__ import annotations

import msgspec

SAMPLED_SEQUENCES = 4
"""The last sequences, which give samples of gradients; the others give second moments."""
OUTPUT_SAMPLE_TOKENS = 128
"""Tokens of each sequence that are sampled at the output: gradients there are long."""
SAMPLED_ROWS = 1024
"""Rows of a large matrix of a layer that its harms are measured on."""
SLOWLY_SAMPLED_ROWS = 128
"""The same for types without a kernel, which take long."""
LAYERS = "blk."
"""The beginning of the names of all tensors of layers."""
TUNING_EPOCHS, TUNING_BATCH = 4, 4
"""How often scales are tuned on each sequence, and on how many at once."""
Harms = dict[int, float]
"""Mean KL divergences in nats, by ggml's type numbers."""


Importance = dict[str, list[bytes]]
"""The weights of the columns for ggml's search, as float32, by the names of tensors.

One for each expert, or a single one; empty for an expert that saw no tokens.
"""


class Place(msgspec.Struct, frozen=True):
    """The tensor of a GGUF file that a stored matrix becomes, or one expert of."""

    tensor: str
    expert: int = 0


class CheckpointTokens(msgspec.Struct, frozen=True):
    """A checkpoint's matrices, and the tokens to measure them on.

    Attributes:
        checkpoint: The folder.
        places: What its matrices become, by their names in the checkpoint.
        tokens: Sequences of equal length.
        threads: The number of threads; the results don't depend on it.
    """

    checkpoint: str
    places: dict[str, Place]
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
        importance: The importance of the columns.
    """

    harms: dict[str, Harms]
    corrected_harms: dict[str, Harms]
    importance: Importance


class QuantizedModel(msgspec.Struct, frozen=True):
    """One way to quantize a model: types, and importance of columns, by the names of tensors.

    Attributes:
        types: ggml's numbers.
        importance: The importance of the columns.
        rounded: The folders of tensors whose rows were rounded beforehand.
        shifts: What is added to the weights of norms, as float32.
        has_exact_weights: Only the inputs are rounded, as products with these types need it.
    """

    types: dict[str, int]
    importance: Importance = {}
    rounded: dict[str, str] = {}
    shifts: dict[str, bytes] = {}
    has_exact_weights: bool = False


class ComparisonRequest(msgspec.Struct, frozen=True, tag="comparison"):
    """Compare quantized models with the model itself."""

    source: CheckpointTokens
    models: tuple[QuantizedModel, ...]


class CorrectionRequest(msgspec.Struct, frozen=True, tag="correction"):
    """Round tensors to these of ggml's types, and write the rows to `folder`."""

    source: CheckpointTokens
    types: dict[str, int]
    folder: str


class CorrectedTensors(msgspec.Struct, frozen=True):
    """Tensors whose rounding was corrected.

    Attributes:
        folders: Where their rows are, by their names; experts may be missing there.
        importance: The importance of the columns of all tensors.
        tried: The number of matrices whose rounding was corrected.
        accepted: The number of those that are better than ggml's on held-out text.
    """

    folders: dict[str, str]
    importance: Importance
    tried: int
    accepted: int


class TuningRequest(msgspec.Struct, frozen=True, tag="tuning"):
    """Tune the block scales and norms of a quantized model, and write the rows to `folder`."""

    source: CheckpointTokens
    model: QuantizedModel
    folder: str


class TunedTensors(msgspec.Struct, frozen=True):
    """Tensors whose scales were tuned.

    Attributes:
        folders: Where the rows of quantized ones are, by their names.
        shifts: What is added to the weights of norms, as float32.
        before: The mean KL divergence on held-out text before, in nats.
        after: The same with tuned scales; both are empty unless it is lower.
    """

    folders: dict[str, str]
    shifts: dict[str, bytes]
    before: float
    after: float


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


class RatesRequest(msgspec.Struct, frozen=True, tag="rates"):
    """Measure how fast this machine computes, with this number of threads."""

    threads: int


class ComputingRates(msgspec.Struct, frozen=True):
    """How fast a machine computes on all threads.

    Attributes:
        operations: Floating-point operations per second, in products of matrices.
        roundings: Weights per second that are rounded to a 4-bit type and read back.
        slow_roundings: The same for the types without a kernel, on average.
    """

    operations: float
    roundings: float
    slow_roundings: float


GradientRequest = (
    SensitivityRequest | ComparisonRequest | CorrectionRequest | TuningRequest | RatesRequest
)
