"""The layout of a model for the writer: its metadata and its tensors, the weights unread."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy.typing as npt

from app.conversion.layout.stored_rows import StoredRows
from app.core.events import NoticeReported
from app.gguf_file.tensor_types import FLOATING_TYPES, INTEGER_TYPES, TYPE_NUMBERS

FLOAT32, FLOAT16, BFLOAT16 = (TYPE_NUMBERS[name] for name in ("f32", "f16", "bf16"))
Q8_0, MXFP4, NVFP4 = (TYPE_NUMBERS[name] for name in ("q8_0", "mxfp4", "nvfp4"))


class WeightRange(NamedTuple):
    """The bytes of one stored tensor in a weight file of a checkpoint."""

    file: Path
    offset: int
    size_bytes: int


@dataclass(frozen=True)
class LaidOutTensor:
    """A tensor before it is quantized, slowest dimension first.

    `type_number` is ggml's. `load` reads the weights, once: as values of 16 or 32 bits, or as
    the bytes (of type uint8) that a GGUF file holds for that type. `stored` is where the rows of a
    matrix, or of a larger one that it is a part of, lie: expert after expert, else in any order;
    empty where that is unknown. If it `is_as_stored`, these rows are the whole tensor, in its order
    and type, and can be read a few at a time instead of by `load`. `reads` are the stored tensors
    that `load` reads; None where that is unknown.
    """

    name: str
    shape: tuple[int, ...]
    type_number: int
    size_bytes: int
    load: Callable[[], npt.NDArray[Any]]
    stored: tuple[StoredRows, ...] = ()
    is_as_stored: bool = False
    reads: frozenset[WeightRange] | None = None

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return math.prod(self.shape)

    @property
    def is_lossy(self) -> bool:
        """True if the weights have lost quality: they are in a block format other than Q8_0."""
        return self.type_number not in {Q8_0, *FLOATING_TYPES, *INTEGER_TYPES}


@dataclass(frozen=True)
class Layout:
    """A model before it is quantized; `metadata` maps the keys of a GGUF header to its entries.

    An entry is encoded as the file holds it: key, type and value. `notices` are for the user.
    `tokenizer_file` is the tokenizer.json that the vocabulary was made from, if it was.
    """

    architecture: str
    metadata: dict[str, bytes]
    tensors: tuple[LaidOutTensor, ...]
    notices: tuple[NoticeReported, ...] = ()
    tokenizer_file: Path | None = None

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return sum(tensor.parameters for tensor in self.tensors)

    @property
    def is_lossy(self) -> bool:
        """True if any of its weights have lost quality already."""
        return any(tensor.is_lossy for tensor in self.tensors)
