"""Contents of a GGUF model: facts, metadata, tensors and the share of each type."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice

import msgspec

from app.core.allocation_events import FileCompared
from app.core.language import tr
from app.gguf_file.header_reader import (
    ARRAY,
    STRING,
    Header,
    Scalar,
    TensorInfo,
    read_strings,
)
from app.gguf_file.model import Model
from app.gguf_file.tensor_types import TYPE_NUMBERS, type_name

_TOKENS = "tokenizer.ggml.tokens"
_LONGEST_VALUE = 2000
_MOST_ELEMENTS = 8
_TYPE_NAMES = {
    0: "uint8",
    1: "int8",
    2: "uint16",
    3: "int16",
    4: "uint32",
    5: "int32",
    6: "float32",
    7: "bool",
    STRING: "string",
    10: "uint64",
    11: "int64",
    12: "float64",
}


class MetadataEntry(msgspec.Struct, frozen=True):
    """An entry of the header; `type` is GGUF's, `value` a text of bounded length."""

    key: str
    type: str
    value: str


class StoredTensor(msgspec.Struct, frozen=True):
    """A tensor; its shape has the slowest dimension first."""

    name: str
    shape: tuple[int, ...]
    type: str
    size_bytes: int

    @property
    def type_number(self) -> int:
        """The type as ggml's number."""
        return TYPE_NUMBERS[self.type]

    @property
    def weights(self) -> int:
        """The number of values."""
        return math.prod(self.shape)


class TypeShare(msgspec.Struct, frozen=True):
    """The tensors of one type: how many there are, their values and their bytes."""

    type: str
    tensors: int
    weights: int
    size_bytes: int


class ModelContents(msgspec.Struct, frozen=True, kw_only=True):
    """A model; `path` is its first file.

    `size_bytes` counts all files, `header_bytes` what comes before the weights in the first.
    `template` is empty if the file has none that is text of at most 1 MB. `begin` and `end` are the
    texts of the tokens at the beginning and end of a sequence. `compared` is the quality of a file
    that was made here by measuring the model, None if it is unknown.
    """

    path: str
    files: tuple[str, ...]
    name: str
    level: str
    architecture: str
    size_bytes: int
    header_bytes: int
    parameters: int
    context: int
    layers: int
    width: int
    vocabulary: int
    metadata: tuple[MetadataEntry, ...]
    tensors: tuple[StoredTensor, ...]
    template: str = ""
    begin: str = ""
    end: str = ""
    compared: FileCompared | None = None

    @property
    def bits_per_weight(self) -> float:
        """The average over all tensors; 0 if there are none."""
        size_bytes = sum(tensor.size_bytes for tensor in self.tensors)
        return 8 * size_bytes / self.parameters if self.parameters else 0

    def value(self, key: str) -> str:
        """Return the value of an entry as text; empty if there is none."""
        return next((entry.value for entry in self.metadata if entry.key == key), "")


def contents_of(model: Model, compared: FileCompared | None = None) -> ModelContents:
    """Describe a model, with its quality if that is known; reads parts of its file."""
    first, info = model.headers[0], model.info
    return ModelContents(
        path=str(model.path),
        files=tuple(map(str, model.files)),
        name=info.name,
        level=info.level,
        architecture=info.architecture,
        size_bytes=info.size_bytes,
        header_bytes=first.data_offset,
        parameters=info.parameters,
        context=info.context,
        layers=info.layers,
        width=info.width,
        vocabulary=info.vocabulary,
        metadata=tuple(_entry(first, key) for key in first.entries),
        tensors=tuple(_tensor(one) for header in model.headers for one in header.tensors),
        template=info.chat_template or "",
        begin=_token(first, "bos"),
        end=_token(first, "eos"),
        compared=compared,
    )


def type_shares(tensors: Iterable[StoredTensor]) -> tuple[TypeShare, ...]:
    """Return the share of each type, the largest first."""
    by_type: dict[str, list[StoredTensor]] = defaultdict(list)
    for tensor in tensors:
        by_type[tensor.type].append(tensor)
    shares = (
        TypeShare(
            name,
            len(own),
            sum(tensor.weights for tensor in own),
            sum(tensor.size_bytes for tensor in own),
        )
        for name, own in by_type.items()
    )
    return tuple(sorted(shares, key=lambda share: (-share.size_bytes, share.type)))


def _tensor(tensor: TensorInfo) -> StoredTensor:
    shape = tuple(reversed(tensor.shape))
    return StoredTensor(tensor.name, shape, type_name(tensor.type_number), tensor.size_bytes)


def _entry(header: Header, key: str) -> MetadataEntry:
    kind = header.value_types[key]
    if kind != ARRAY:
        return MetadataEntry(key, _TYPE_NAMES[kind], _scalar_text(header.metadata.get(key)))
    place = header.arrays[key]
    name = tr("{count} × {type}", count=f"{place.count:,}", type=_TYPE_NAMES[place.element_type])
    elements = header.metadata.get(key)
    if isinstance(elements, tuple):
        shown: Sequence[Scalar] = elements[:_MOST_ELEMENTS]
    elif place.element_type == STRING:
        raw = islice(read_strings(header, key), _MOST_ELEMENTS)
        shown = [text.decode("utf-8", "replace") for text in raw]
    else:
        shown = ()
    more = ["…"] if place.count > len(shown) else []
    return MetadataEntry(key, name, _shortened(", ".join([*map(_scalar_text, shown), *more])))


def _scalar_text(value: object) -> str:
    match value:
        case None:
            return tr("(longer than 1 MB)")
        case bool():
            return tr("yes") if value else tr("no")
        case float():
            # Most are float32, which has seven digits.
            return f"{value:.7g}"
        case int() | str():
            return _shortened(str(value))
        case _:
            return ""


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _token(header: Header, name: str) -> str:
    number = header.metadata.get(f"tokenizer.ggml.{name}_token_id")
    place = header.arrays.get(_TOKENS)
    if place is None or place.element_type != STRING or not isinstance(number, int):
        return ""
    if not 0 <= number < place.count:
        return ""
    raw = next(islice(read_strings(header, _TOKENS), number, None))
    return raw.decode("utf-8", "replace")
