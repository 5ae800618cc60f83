"""The fields of ggml's block types: unpacked from their bytes into arrays, and packed again.

Every type here stores a weight as `scale · level − minimum`. The scale of a sub-block is d · sc and
its minimum dmin · mn: d and dmin are half-precision numbers of a whole block, sc and mn small
integers of a sub-block, and the level belongs to the weight's code. The layouts are those of
ggml/src/ggml-common.h.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from app.gguf_file.tensor_types import TYPE_NUMBERS

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
_Bits = npt.NDArray[Any]
"""Small whole numbers."""
_TWO_BITS = np.array([0, 2, 4, 6], np.uint8)


class Fields(NamedTuple):
    """The fields of some blocks, as whole numbers or exact halves (blocks x …).

    Attributes:
        d: The scale of each block (blocks x 1).
        dmin: The minimum's scale of each block (blocks x 1); zero where there is none.
        scales: sc of each sub-block.
        minimums: mn of each sub-block.
        codes: The code of each weight.
    """

    d: Floats
    dmin: Floats
    scales: Floats
    minimums: Floats
    codes: Floats


class BlockFormat(NamedTuple):
    """How one type stores its blocks.

    Attributes:
        sub_block: Weights that share a scale.
        lowest: The level of code 0; levels go up by one.
        levels: The number of levels.
        scale_range: The least and greatest sc; None if it is always 1.
        minimum_range: The least and greatest mn; None if it is fixed.
        has_minimum: dmin is a field.
        unpack: Bytes of blocks (blocks x size) to fields.
        pack: Fields to bytes.
        table: The level of each code, where levels aren't evenly spaced.
    """

    sub_block: int
    lowest: int
    levels: int
    scale_range: tuple[int, int] | None
    minimum_range: tuple[int, int] | None
    has_minimum: bool
    unpack: Callable[[Bytes], Fields]
    pack: Callable[[Fields], Bytes]
    table: Floats | None = None


def _half(raw: Bytes) -> Floats:
    return np.ascontiguousarray(raw).view(np.float16).astype(np.float32)


def _half_bytes(values: Floats) -> Bytes:
    return values.reshape(-1, 1).astype(np.float16).view(np.uint8)


def _whole(values: Floats) -> Bytes:
    return values.astype(np.int16).astype(np.uint8)


def _nibbles(raw: _Bits, run: int) -> Bytes:
    """Split bytes: of each run, first all lower halves, then all upper ones."""
    runs = raw.reshape(len(raw), -1, run)
    return np.stack([runs & 15, runs >> 4], axis=2).reshape(len(raw), -1)


def _joined_nibbles(codes: _Bits, run: int) -> Bytes:
    runs = codes.reshape(len(codes), -1, 2, run)
    joined: Bytes = (runs[:, :, 0] | runs[:, :, 1] << 4).reshape(len(codes), -1)
    return joined


def _bit_planes(raw: Bytes, planes: int) -> Bytes:
    """Split bytes into bits: bit number n of all bytes is plane n."""
    bits = np.unpackbits(raw[:, :, None], axis=2, bitorder="little")
    return bits[:, :, :planes].transpose(0, 2, 1).reshape(len(raw), -1)


def _joined_planes(bits: _Bits, width: int) -> Bytes:
    planes = bits.reshape(len(bits), -1, width).transpose(0, 2, 1)
    return np.packbits(planes, axis=2, bitorder="little")[:, :, 0]


def _pairs_of_bits(raw: _Bits, run: int) -> _Bits:
    """Split bytes into four pairs of bits; of each run, first the lowest pair of all its bytes."""
    runs = raw.reshape(len(raw), -1, 1, run)
    return (runs >> _TWO_BITS[:, None] & 3).reshape(len(raw), -1)


def _joined_pairs(codes: _Bits, run: int) -> Bytes:
    runs = codes.reshape(len(codes), -1, 4, run)
    joined: Bytes = runs[:, :, 0] | runs[:, :, 1] << 2 | runs[:, :, 2] << 4 | runs[:, :, 3] << 6
    return joined.reshape(len(codes), -1)


def _plain(d: Floats, codes: _Bits, dmin: Floats | None = None) -> Fields:
    """Return the fields of a type without sub-blocks; a stored minimum is added."""
    ones = np.ones((len(d), 1), np.float32)
    minimum = np.zeros_like(ones) if dmin is None else -ones
    dmin = np.zeros_like(ones) if dmin is None else dmin
    return Fields(d, dmin, ones, minimum, codes.astype(np.float32))


def _no_minimum(d: Floats, scales: _Bits, codes: _Bits) -> Fields:
    sc = scales.astype(np.float32)
    zeros = np.zeros((len(d), 1), np.float32)
    return Fields(d, zeros, sc, np.zeros_like(sc), codes.astype(np.float32))


def _unpack_q4(raw: Bytes) -> Fields:
    return _plain(_half(raw[:, :2]), _nibbles(raw[:, 2:], 16))


def _pack_q4(fields: Fields) -> Bytes:
    return np.hstack([_half_bytes(fields.d), _joined_nibbles(_whole(fields.codes), 16)])


def _unpack_q4_1(raw: Bytes) -> Fields:
    return _plain(_half(raw[:, :2]), _nibbles(raw[:, 4:], 16), _half(raw[:, 2:4]))


def _pack_q4_1(fields: Fields) -> Bytes:
    codes = _joined_nibbles(_whole(fields.codes), 16)
    return np.hstack([_half_bytes(fields.d), _half_bytes(fields.dmin), codes])


def _five_bits(high: Bytes, low: Bytes) -> _Bits:
    bits = np.unpackbits(high, axis=1, bitorder="little")
    fives: _Bits = _nibbles(low, 16) | bits << 4
    return fives


def _pack_five_bits(codes: _Bits) -> list[_Bits]:
    return [np.packbits(codes >> 4, axis=1, bitorder="little"), _joined_nibbles(codes & 15, 16)]


def _unpack_q5_0(raw: Bytes) -> Fields:
    return _plain(_half(raw[:, :2]), _five_bits(raw[:, 2:6], raw[:, 6:]))


def _pack_q5_0(fields: Fields) -> Bytes:
    return np.hstack([_half_bytes(fields.d), *_pack_five_bits(_whole(fields.codes))])


def _unpack_q5_1(raw: Bytes) -> Fields:
    return _plain(_half(raw[:, :2]), _five_bits(raw[:, 4:8], raw[:, 8:]), _half(raw[:, 2:4]))


def _pack_q5_1(fields: Fields) -> Bytes:
    halves = [_half_bytes(fields.d), _half_bytes(fields.dmin)]
    return np.hstack([*halves, *_pack_five_bits(_whole(fields.codes))])


def _unpack_q2_k(raw: Bytes) -> Fields:
    both = raw[:, :16]
    codes = _pairs_of_bits(raw[:, 16:80], 32)
    d, dmin = _half(raw[:, 80:82]), _half(raw[:, 82:84])
    scales, minimums = (part.astype(np.float32) for part in (both & 15, both >> 4))
    return Fields(d, dmin, scales, minimums, codes.astype(np.float32))


def _pack_q2_k(fields: Fields) -> Bytes:
    both = _whole(fields.scales) | _whole(fields.minimums) << 4
    codes = _joined_pairs(_whole(fields.codes), 32)
    return np.hstack([both, codes, _half_bytes(fields.d), _half_bytes(fields.dmin)])


def _unpack_q3_k(raw: Bytes) -> Fields:
    codes = _pairs_of_bits(raw[:, 32:96], 32) | _bit_planes(raw[:, :32], 8) << 2
    low = np.hstack([raw[:, 96:104] & 15, raw[:, 96:104] >> 4])
    scales = (low | _pairs_of_bits(raw[:, 104:108], 4) << 4).astype(np.int16) - 32
    return _no_minimum(_half(raw[:, 108:110]), scales, codes)


def _pack_q3_k(fields: Fields) -> Bytes:
    codes, scales = _whole(fields.codes), _whole(fields.scales + 32)
    low = scales[:, :8] & 15 | (scales[:, 8:] & 15) << 4
    parts = [_joined_planes(codes >> 2, 32), _joined_pairs(codes & 3, 32)]
    return np.hstack([*parts, low, _joined_pairs(scales >> 4, 4), _half_bytes(fields.d)])


def _unpack_six_bits(raw: Bytes) -> tuple[Floats, Floats]:
    """Unpack the eight scales and minimums of Q4_K and Q5_K (get_scale_min_k4)."""
    first, second, third = raw[:, :4], raw[:, 4:8], raw[:, 8:]
    scales = np.hstack([first & 63, third & 15 | first >> 6 << 4])
    minimums = np.hstack([second & 63, third >> 4 | second >> 6 << 4])
    return scales.astype(np.float32), minimums.astype(np.float32)


def _pack_six_bits(fields: Fields) -> list[_Bits]:
    scales, minimums = _whole(fields.scales), _whole(fields.minimums)
    third = scales[:, 4:] & 15 | (minimums[:, 4:] & 15) << 4
    parts = [low[:, :4] | low[:, 4:] >> 4 << 6 for low in (scales, minimums)]
    return [*parts, third]


def _unpack_q4_k(raw: Bytes) -> Fields:
    codes = _nibbles(raw[:, 16:], 32).astype(np.float32)
    return Fields(_half(raw[:, :2]), _half(raw[:, 2:4]), *_unpack_six_bits(raw[:, 4:16]), codes)


def _pack_q4_k(fields: Fields) -> Bytes:
    halves = [_half_bytes(fields.d), _half_bytes(fields.dmin)]
    codes = _joined_nibbles(_whole(fields.codes), 32)
    return np.hstack([*halves, *_pack_six_bits(fields), codes])


def _unpack_q5_k(raw: Bytes) -> Fields:
    codes = _nibbles(raw[:, 48:], 32) | _bit_planes(raw[:, 16:48], 8) << 4
    halves = _half(raw[:, :2]), _half(raw[:, 2:4])
    return Fields(*halves, *_unpack_six_bits(raw[:, 4:16]), codes.astype(np.float32))


def _pack_q5_k(fields: Fields) -> Bytes:
    halves = [_half_bytes(fields.d), _half_bytes(fields.dmin)]
    codes = _whole(fields.codes)
    high, low = _joined_planes(codes >> 4, 32), _joined_nibbles(codes & 15, 32)
    return np.hstack([*halves, *_pack_six_bits(fields), high, low])


def _unpack_q6_k(raw: Bytes) -> Fields:
    codes = _nibbles(raw[:, :128], 64) | _pairs_of_bits(raw[:, 128:192], 32) << 4
    return _no_minimum(_half(raw[:, 208:210]), raw[:, 192:208].view(np.int8), codes)


def _pack_q6_k(fields: Fields) -> Bytes:
    codes = _whole(fields.codes)
    scales = fields.scales.astype(np.int8).view(np.uint8)
    parts = [_joined_nibbles(codes & 15, 64), _joined_pairs(codes >> 4, 32)]
    return np.hstack([*parts, scales, _half_bytes(fields.d)])


def _unpack_iq4_xs(raw: Bytes) -> Fields:
    high = _pairs_of_bits(np.ascontiguousarray(raw[:, 2:4]), 1)
    low = np.stack([raw[:, 4:8] & 15, raw[:, 4:8] >> 4], axis=2).reshape(len(raw), 8)
    scales = (low | high << 4).astype(np.int16) - 32
    return _no_minimum(_half(raw[:, :2]), scales, _nibbles(raw[:, 8:], 16))


def _pack_iq4_xs(fields: Fields) -> Bytes:
    scales = _whole(fields.scales + 32)
    low = (scales & 15).reshape(len(scales), 4, 2)
    high = _joined_pairs(scales >> 4, 1)
    parts = [_half_bytes(fields.d), high, low[:, :, 0] | low[:, :, 1] << 4]
    return np.hstack([*parts, _joined_nibbles(_whole(fields.codes), 16)])


_NON_LINEAR = np.array(
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.float32
)
"""kvalues_iq4nl of ggml-common.h."""
_SIX, _SIGNED_SIX, _FOUR, _SIGNED_BYTE = (0, 63), (-32, 31), (0, 15), (-128, 127)
_FORMATS = {
    "q4_0": BlockFormat(32, -8, 16, None, None, False, _unpack_q4, _pack_q4),
    "q4_1": BlockFormat(32, 0, 16, None, None, True, _unpack_q4_1, _pack_q4_1),
    "q5_0": BlockFormat(32, -16, 32, None, None, False, _unpack_q5_0, _pack_q5_0),
    "q5_1": BlockFormat(32, 0, 32, None, None, True, _unpack_q5_1, _pack_q5_1),
    "iq4_nl": BlockFormat(32, 0, 16, None, None, False, _unpack_q4, _pack_q4, _NON_LINEAR),
    "q2_K": BlockFormat(16, 0, 4, _FOUR, _FOUR, True, _unpack_q2_k, _pack_q2_k),
    "q3_K": BlockFormat(16, -4, 8, _SIGNED_SIX, None, False, _unpack_q3_k, _pack_q3_k),
    "q4_K": BlockFormat(32, 0, 16, _SIX, _SIX, True, _unpack_q4_k, _pack_q4_k),
    "q5_K": BlockFormat(32, 0, 32, _SIX, _SIX, True, _unpack_q5_k, _pack_q5_k),
    "q6_K": BlockFormat(16, -32, 64, _SIGNED_BYTE, None, False, _unpack_q6_k, _pack_q6_k),
    "iq4_xs": BlockFormat(
        32, 0, 16, _SIGNED_SIX, None, False, _unpack_iq4_xs, _pack_iq4_xs, _NON_LINEAR
    ),
}
BLOCK_FIELDS = {TYPE_NUMBERS[name]: layout for name, layout in _FORMATS.items()}
"""The types that can be corrected, by ggml's numbers."""
