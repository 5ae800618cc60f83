"""Write a GGUF file's header (metadata and tensor list) with the converter's own gguf package."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.gguf_file.config_fields import config_field
from app.gguf_file.header_reader import STRING

ALIGNMENT = 32
_BEGINNING = struct.Struct("<4sIQQ")
_TYPE, _COUNT = struct.Struct("<I"), struct.Struct("<Q")
_LONG = 1024
_NUMBERS: dict[int, tuple[type, str]] = {5: (int, "i"), 6: (float, "f")}
"""GGUF's types for Python's numbers: INT32 and FLOAT32."""
_INTEGER_TYPES = frozenset({0, 1, 2, 3, 4, 5, 10, 11})
"""UINT8 to INT32, UINT64 and INT64 (gguf_type in ggml/include/gguf.h)."""
_MAGIC, _VERSION = b"GGUF", 3
_TOKENS_KEY, _VOCABULARY_KIND_KEY = "tokenizer.ggml.tokens", "tokenizer.ggml.model"
_NO_VOCABULARY = "no_vocab"
_VOCABULARY_KEYS = frozenset(
    {
        _TOKENS_KEY,
        "tokenizer.ggml.scores",
        "tokenizer.ggml.token_type",
        "tokenizer.ggml.merges",
        "tokenizer.ggml.precompiled_charsmap",
    }
)
_QUANTIZATION_VERSION_KEY = "general.quantization_version"
_FILE_TYPE_KEY = "general.file_type"
_GUESSED = 1024
"""LLAMA_FTYPE_GUESSED of llama.h: a file that does not state its type."""


@dataclass(frozen=True)
class PlacedTensor:
    """One entry of the tensor list; the shape with the slowest dimension first."""

    name: str
    shape: tuple[int, ...]
    type_number: int
    size_bytes: int


def padded(size_bytes: int) -> int:
    """Return the size, rounded up to the alignment."""
    return -(-size_bytes // ALIGNMENT) * ALIGNMENT


def encoded(values: Mapping[str, Any]) -> dict[str, bytes]:
    """Encode the converter's metadata (GGUFValue by key) into the bytes of each entry.

    Raises:
        AppError: `converter_failed`, for metadata that GGUF has no place for.
    """
    entries = {}
    for key, value in values.items():
        try:
            settled = _as_whole_number(value)
            entries[key] = _encoded_list(key, settled) or _encoded(key, settled)
        except (struct.error, TypeError, ValueError, AttributeError) as error:
            reason = tr(
                "it can't write the value of {field} ({reason})",
                field=config_field(key) or key,
                reason=error,
            )
            raise AppError(ErrorCode.CONVERTER_FAILED, reason=reason) from error
    return entries


def _as_whole_number(value: Any) -> Any:
    """Return a value that config.json writes as 512.0 where GGUF has an integer."""
    from gguf.gguf_writer import GGUFValue

    number = value.value
    if value.type not in _INTEGER_TYPES or not isinstance(number, float) or number % 1:
        return value
    return GGUFValue(int(number), value.type, value.sub_type)


def _encoded(key: str, value: Any) -> bytes:
    from gguf import GGUFWriter
    from gguf.gguf_writer import WriterState

    content = io.BytesIO()
    writer = GGUFWriter(None, "")
    writer.kv_data, writer.fout, writer.state = [{key: value}], [content], WriterState.HEADER
    writer.write_kv_data_to_file()
    return content.getvalue()


def _encoded_list(key: str, value: Any) -> bytes | None:
    """Encode a long list at once: the writer takes a second for a large vocabulary.

    What stands before the elements is the writer's own; None for lists that are left to it.
    """
    from gguf.gguf_writer import GGUFValue

    elements = value.value
    if not isinstance(elements, list) or len(elements) < _LONG:
        return None
    beginning = _encoded(key, GGUFValue(elements[:1], value.type, value.sub_type))
    place = _count_place(key)
    kinds, (kind,) = set(map(type, elements)), _TYPE.unpack_from(beginning, place - _TYPE.size)
    if kind == STRING and kinds <= {str, bytes}:
        content = _packed([text.encode() if isinstance(text, str) else text for text in elements])
    elif kind in _NUMBERS and _are_of_one_kind(kinds, _NUMBERS[kind][0]):
        content = struct.pack(f"<{len(elements)}{_NUMBERS[kind][1]}", *elements)
    else:
        return None
    return beginning[:place] + _COUNT.pack(len(elements)) + content


def _packed(texts: Sequence[bytes]) -> bytes:
    """Concatenate texts, each preceded by its length."""
    # Most have few bytes, and there are few lengths.
    lengths = list(map(len, texts))
    counts = {length: _COUNT.pack(length) for length in set(lengths)}
    return b"".join(chain.from_iterable(zip(map(counts.__getitem__, lengths), texts, strict=True)))


def _are_of_one_kind(kinds: Iterable[type], number: type) -> bool:
    """Return whether all are numbers of this kind, or members of an enum with such values."""
    return all(issubclass(kind, number) and kind is not bool for kind in kinds)


def metadata_for(
    metadata: Mapping[str, bytes], ftype: int | None, made_with: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return the metadata of a quantized file, in the order that llama_model_quantize produces.

    It sets the version, the file type and then the entries `made_with` anew, and with that moves
    them to the end (src/llama-quant.cpp, ggml/src/gguf.cpp). Without an `ftype` the file type stays
    as it is.
    """
    from gguf import GGML_QUANT_VERSION, GGUFValueType
    from gguf.gguf_writer import GGUFValue

    kept = {
        key: entry
        for key, entry in metadata.items()
        if key not in {_QUANTIZATION_VERSION_KEY, _FILE_TYPE_KEY, *made_with}
    }
    number = _GUESSED if ftype is None else ftype
    own = encoded(
        {
            _QUANTIZATION_VERSION_KEY: GGUFValue(GGML_QUANT_VERSION, GGUFValueType.UINT32),
            _FILE_TYPE_KEY: GGUFValue(number, GGUFValueType.UINT32),
        }
    )
    if ftype is None and _FILE_TYPE_KEY in metadata:
        own[_FILE_TYPE_KEY] = metadata[_FILE_TYPE_KEY]
    return {**kept, **own, **made_with}


def without_vocabulary(architecture: str, metadata: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the metadata of a model with the same number of tokens, but without their texts.

    llama.cpp then makes them up (`llama_vocab::impl::load` in src/llama-vocab.cpp). Metadata that
    counts no tokens stays as it is.
    """
    from gguf import GGUFValueType
    from gguf.gguf_writer import GGUFValue

    tokens = metadata.get(_TOKENS_KEY)
    if tokens is None:
        return dict(metadata)
    (count,) = _COUNT.unpack_from(tokens, _count_place(_TOKENS_KEY))
    kept = {key: entry for key, entry in metadata.items() if key not in _VOCABULARY_KEYS}
    return kept | encoded(
        {
            _VOCABULARY_KIND_KEY: GGUFValue(_NO_VOCABULARY, GGUFValueType.STRING),
            f"{architecture}.vocab_size": GGUFValue(count, GGUFValueType.UINT32),
        }
    )


def _count_place(key: str) -> int:
    """Return the position of the number of elements in an entry that is an array."""
    return int(_COUNT.size + len(key.encode()) + 2 * _TYPE.size)


def header_bytes(metadata: Mapping[str, bytes], tensors: Iterable[PlacedTensor]) -> bytes:
    """Return everything before the first tensor's weights, padded to the alignment."""
    from gguf import GGMLQuantizationType, GGUFWriter
    from gguf.gguf_writer import TensorInfo, WriterState

    placed = list(tensors)
    content = io.BytesIO()
    content.write(_BEGINNING.pack(_MAGIC, _VERSION, len(placed), len(metadata)))
    content.writelines(metadata.values())
    writer = GGUFWriter(None, "")
    writer.tensors = [
        {
            tensor.name: TensorInfo(
                shape=tensor.shape,
                dtype=GGMLQuantizationType(tensor.type_number),
                nbytes=tensor.size_bytes,
            )
            for tensor in placed
        }
    ]
    writer.fout, writer.state = [content], WriterState.KV_DATA
    writer.write_ti_data_to_file()
    return content.getvalue() + bytes(padded(content.tell()) - content.tell())
