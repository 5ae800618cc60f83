"""A GGUF file's beginning: metadata and tensor list, by the converter's own gguf package."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.core.errors import AppError, ErrorCode

ALIGNMENT = 32
_QUANTIZATION_VERSION_KEY = "general.quantization_version"
_FILE_TYPE_KEY = "general.file_type"


@dataclass(frozen=True)
class PlacedTensor:
    """One entry of the tensor list; the shape with the slowest dimension first."""

    name: str
    shape: tuple[int, ...]
    type_number: int
    size_bytes: int


def padded(size_bytes: int) -> int:
    """The size up to where the next tensor begins."""
    return -(-size_bytes // ALIGNMENT) * ALIGNMENT


def metadata_for(metadata: dict[str, Any], ftype: int) -> dict[str, Any]:
    """The metadata of a quantised file, in the order in which llama_model_quantize leaves it.

    It sets the version and the file type anew, and with that moves them to the end
    (src/llama-quant.cpp, ggml/src/gguf.cpp).
    """
    from gguf import GGML_QUANT_VERSION, GGUFValueType
    from gguf.gguf_writer import GGUFValue

    kept = {
        key: value
        for key, value in metadata.items()
        if key not in (_QUANTIZATION_VERSION_KEY, _FILE_TYPE_KEY)
    }
    return kept | {
        _QUANTIZATION_VERSION_KEY: GGUFValue(GGML_QUANT_VERSION, GGUFValueType.UINT32),
        _FILE_TYPE_KEY: GGUFValue(ftype, GGUFValueType.UINT32),
    }


def header_bytes(
    architecture: str, metadata: dict[str, Any], tensors: Iterable[PlacedTensor]
) -> bytes:
    """Everything before the first tensor's weights, padded to the alignment.

    Raises:
        AppError: `converter_failed`, for metadata that GGUF has no place for.
    """
    from gguf import GGMLQuantizationType, GGUFWriter
    from gguf.gguf_writer import TensorInfo, WriterState

    content = io.BytesIO()
    writer = GGUFWriter(None, architecture)
    writer.kv_data = [metadata]
    writer.tensors = [
        {
            tensor.name: TensorInfo(
                shape=tensor.shape,
                dtype=GGMLQuantizationType(tensor.type_number),
                nbytes=tensor.size_bytes,
            )
            for tensor in tensors
        }
    ]
    writer.fout, writer.state = [content], WriterState.EMPTY
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
    except (struct.error, TypeError, ValueError, AttributeError) as error:
        reason = f"its metadata can't be written ({error})"
        raise AppError(ErrorCode.CONVERTER_FAILED, reason=reason) from error
    return content.getvalue() + bytes(padded(content.tell()) - content.tell())
