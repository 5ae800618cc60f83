"""The table of tensor types, held equal to ggml and to the types that caches can have."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from app.core.load_options import CACHE_TYPES, QUANTIZED_CACHE_TYPES
from app.gguf_file.tensor_types import TENSOR_TYPES, GgmlType
from app.native.library import load_ggml_base
from app.native.quantization import can_dequantize, quantize_rows

WIDTH = 256


def test_the_table_is_that_of_the_engine():
    ggml = load_ggml_base()
    ggml.ggml_blck_size.restype = ctypes.c_int64
    ggml.ggml_type_size.restype = ctypes.c_size_t
    ggml.ggml_type_name.restype = ctypes.c_char_p
    known = {
        number: (name.decode(), ggml.ggml_blck_size(number), ggml.ggml_type_size(number))
        for number in range(max(TENSOR_TYPES) + 1)
        if (name := ggml.ggml_type_name(number)) and ggml.ggml_blck_size(number)
    }
    assert known == {
        number: (kind.ggml_name, kind.block_size, kind.block_bytes)
        for number, kind in TENSOR_TYPES.items()
    }


@pytest.mark.parametrize("kind", TENSOR_TYPES.values(), ids=lambda kind: kind.name)
def test_what_is_claimed_of_a_type_is_true_of_the_engine(kind: GgmlType):
    ggml = load_ggml_base()
    ggml.ggml_is_quantized.restype = ctypes.c_bool
    is_plain = kind.is_float or kind.is_integer or kind.name == "F64"
    assert ggml.ggml_is_quantized(kind.number) != is_plain
    if kind.holds_weights:
        assert can_dequantize(kind.number) or kind.name == "F32"
    if kind.can_quantize:
        rows, importance = np.ones((1, WIDTH), np.float32), np.ones(WIDTH, np.float32)
        quantized = quantize_rows(kind.number, rows, importance, reference_only=True)
        assert quantized.nbytes == WIDTH // kind.block_size * kind.block_bytes


def test_caches_can_have_the_types_that_the_options_name():
    kinds = {kind.ggml_name: kind for kind in TENSOR_TYPES.values() if kind.can_cache}
    assert set(CACHE_TYPES) == kinds.keys()
    assert {name for name, kind in kinds.items() if not kind.is_float} == QUANTIZED_CACHE_TYPES
