"""ggml's tensor types: the one table that everything else about types is derived from."""

from __future__ import annotations

from typing import NamedTuple


class GgmlType(NamedTuple):
    """A type of tensors: `block_size` values are stored in `block_bytes` bytes.

    Attributes:
        number: ggml's number, which is part of the GGUF format and so never changes.
        name: The name in upper case, as the gguf package spells it.
        block_size: The number of values in a block; rows are made of whole blocks.
        block_bytes: The size of a block.
        is_float: Each value is a floating-point number that weights and norms may be stored as.
        is_integer: Each value is an integer: a table, which is never quantized.
        holds_weights: ggml multiplies matrices of this type.
        can_quantize: Weights can be converted to it (`ggml_quantize_chunk` in ggml/src/ggml.c).
        can_cache: llama.cpp stores keys and values in it (kv_cache_types in common/arg.cpp).
        has_kernel: app/native/kernels quantizes to it.
        needs_importance: llama.cpp makes a layer's matrix of it only with an importance matrix
            (tensor_requires_imatrix in src/llama-quant.cpp).
    """

    number: int
    name: str
    block_size: int
    block_bytes: int
    is_float: bool = False
    is_integer: bool = False
    holds_weights: bool = True
    can_quantize: bool = False
    can_cache: bool = False
    has_kernel: bool = False
    needs_importance: bool = False

    @property
    def ggml_name(self) -> str:
        """The spelling that ggml uses, such as `q4_K`."""
        return self.name.lower().replace("_k", "_K")


def _float(number: int, name: str, size_bytes: int) -> GgmlType:
    return GgmlType(number, name, 1, size_bytes, is_float=True, can_quantize=True, can_cache=True)


def _integer(number: int, name: str, size_bytes: int) -> GgmlType:
    return GgmlType(number, name, 1, size_bytes, is_integer=True, holds_weights=False)


def _cached(number: int, name: str, block_bytes: int) -> GgmlType:
    """Return a 32-value block type that has a kernel and that KV caches can use, too."""
    return GgmlType(
        number, name, 32, block_bytes, can_quantize=True, can_cache=True, has_kernel=True
    )


def _kernel(number: int, name: str, block_bytes: int) -> GgmlType:
    """Return a 256-value block type that has a kernel."""
    return GgmlType(number, name, 256, block_bytes, can_quantize=True, has_kernel=True)


def _plain(number: int, name: str, block_size: int, block_bytes: int) -> GgmlType:
    """Return a type that only ggml's own code quantizes to."""
    return GgmlType(number, name, block_size, block_bytes, can_quantize=True)


def _coarse(number: int, name: str, block_bytes: int) -> GgmlType:
    """Return a 256-value block type for which columns must be weighed."""
    return GgmlType(number, name, 256, block_bytes, can_quantize=True, needs_importance=True)


def _internal(number: int, name: str, block_size: int, block_bytes: int) -> GgmlType:
    """Return a type that ggml uses for intermediate results, not for weights."""
    return GgmlType(number, name, block_size, block_bytes, holds_weights=False)


_TYPES = (
    _float(0, "F32", 4),
    _float(1, "F16", 2),
    _cached(2, "Q4_0", 18),
    _cached(3, "Q4_1", 20),
    _cached(6, "Q5_0", 22),
    _cached(7, "Q5_1", 24),
    _cached(8, "Q8_0", 34),
    # Q8_1 and Q8_K hold activations during a product.
    _internal(9, "Q8_1", 32, 36),
    _kernel(10, "Q2_K", 84),
    _kernel(11, "Q3_K", 110),
    _kernel(12, "Q4_K", 144),
    _kernel(13, "Q5_K", 176),
    _kernel(14, "Q6_K", 210),
    _internal(15, "Q8_K", 256, 292),
    _coarse(16, "IQ2_XXS", 66),
    _coarse(17, "IQ2_XS", 74),
    _coarse(18, "IQ3_XXS", 98),
    _coarse(19, "IQ1_S", 50),
    _cached(20, "IQ4_NL", 18),
    _plain(21, "IQ3_S", 256, 110),
    _coarse(22, "IQ2_S", 82),
    _kernel(23, "IQ4_XS", 136),
    _integer(24, "I8", 1),
    _integer(25, "I16", 2),
    _integer(26, "I32", 4),
    _integer(27, "I64", 8),
    _internal(28, "F64", 1, 8),
    _coarse(29, "IQ1_M", 56),
    _float(30, "BF16", 2),
    _plain(34, "TQ1_0", 256, 54),
    _plain(35, "TQ2_0", 256, 66),
    _plain(39, "MXFP4", 32, 17),
    # ggml can quantize to these, too, but no level uses them and they are not offered.
    GgmlType(40, "NVFP4", 64, 36),
    GgmlType(41, "Q1_0", 128, 18),
    GgmlType(42, "Q2_0", 64, 18),
)
"""In ggml's order (ggml.h, ggml-common.h); the gaps are types that no file may use any more."""

TENSOR_TYPES = {kind.number: kind for kind in _TYPES}
TYPE_NUMBERS = {kind.ggml_name: kind.number for kind in _TYPES}
FLOATING_TYPES = frozenset(kind.number for kind in _TYPES if kind.is_float)
INTEGER_TYPES = frozenset(kind.number for kind in _TYPES if kind.is_integer)


def type_name(type_number: int) -> str:
    """Return ggml's name of a type, such as `q4_K`."""
    return TENSOR_TYPES[type_number].ggml_name
