/* Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0: blocks of 32 weights with a scale and perhaps a minimum.
 * Without importance there is no search and no sum, so a block's own weights fill the vectors:
 * ggml-quants.c: quantize_row_q4_0_ref and its like. */
#include "lanes.h"
#include "legacy_weighed.h"

enum { Q8_0_BLOCK_BYTES = 34 };

/* gcc would unroll a loop of sixteen steps into scalars before it looks for vectors. */
#if defined(__GNUC__) && !defined(__clang__)
#define KEEP_ROLLED _Pragma("GCC unroll 1")
#else
#define KEEP_ROLLED
#endif

static void write_half(uint8_t *target, float value) {
    const uint16_t half = half_from_float(value);
    target[0] = (uint8_t)(half & 0xFF);
    target[1] = (uint8_t)(half >> 8);
}

/* The bits of a float without its sign are in the order of magnitudes, and the greatest integer, unlike the
 * greatest float, may be looked for in any order. */
INLINE int32_t magnitude_bits(float value) { return bits_of(value) & 0x7fffffff; }

INLINE int32_t greatest_magnitude_bits(const float *x) {
    int32_t greatest = 0;
    for (int i = 0; i < BLOCK; i++) greatest = magnitude_bits(x[i]) > greatest ? magnitude_bits(x[i]) : greatest;
    return greatest;
}

/* The value of greatest magnitude, the first one among equals; 0 for a block of zeros of any sign. */
INLINE float block_extreme(const float *x) {
    const int32_t greatest = greatest_magnitude_bits(x);
    int32_t first = BLOCK - 1;
    for (int32_t i = 0; i < BLOCK; i++) {
        const int32_t place = magnitude_bits(x[i]) == greatest ? i : BLOCK - 1;
        first = place < first ? place : first;
    }
    return greatest ? x[first] : 0.f;
}

/* Maps floats to integers in the same order, and back. */
INLINE int32_t ordered_bits(int32_t bits) { return bits ^ ((bits >> 31) & 0x7fffffff); }

/* The integers put -0 below 0, ggml takes the one that comes first. */
INLINE void block_range(const float *x, float *least, float *greatest) {
    int32_t low = INT32_MAX, high = INT32_MIN;
    for (int i = 0; i < BLOCK; i++) {
        const int32_t bits = ordered_bits(bits_of(x[i]));
        low = bits < low ? bits : low;
        high = bits > high ? bits : high;
    }
    *least = float_of(ordered_bits(low));
    *greatest = float_of(ordered_bits(high));
    for (int i = 0; *least == 0 && i < BLOCK; i++) {
        if (x[i] != 0) continue;
        *least = x[i];
        break;
    }
}

INLINE float reciprocal(float scale) { return scale != 0 ? 1.f / scale : 0.f; }

/* (x - least) * factor + offset, cut off. ggml narrows to a byte before it limits, which matters where a scale is
 * too small to have a reciprocal. */
INLINE void number_block(const float *x, float least, float factor, float offset, int highest, uint8_t *numbers) {
    int32_t found[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        const int32_t whole = (int32_t)((x[i] - least) * factor + offset);
        const int32_t number = (int8_t)whole;
        found[i] = number < highest ? number : highest;
    }
    for (int i = 0; i < BLOCK; i++) numbers[i] = (uint8_t)found[i];
}

INLINE void pack_block(const uint8_t *numbers, LegacyFormat format, uint8_t *target) {
    uint32_t fifth_bits = 0;
    KEEP_ROLLED for (int i = 0; i < HALF_BLOCK; i++) {
        const uint8_t first = numbers[i], second = numbers[i + HALF_BLOCK];
        target[nibbles_at(format) + i] = (uint8_t)((first & 0xF) | (second & 0xF) << 4);
    }
    if (format.bits == 4) return;
    for (int i = 0; i < BLOCK; i++) fifth_bits |= ((uint32_t)numbers[i] >> 4) << i;
    for (int i = 0; i < 4; i++) target[fifth_bits_at(format) + i] = (uint8_t)(fifth_bits >> (8 * i));
}

INLINE void quantize_block(const float *x, LegacyFormat format, uint8_t *target) {
    const int highest = (1 << format.bits) - 1, middle = 1 << (format.bits - 1);
    uint8_t numbers[BLOCK];
    if (format.has_minimum) {
        float least, greatest;
        block_range(x, &least, &greatest);
        const float scale = (greatest - least) / (float)highest;
        write_half(target, scale);
        write_half(target + 2, least);
        number_block(x, least, reciprocal(scale), 0.5f, highest, numbers);
    } else {
        const float scale = block_extreme(x) / (float)-middle;
        write_half(target, scale);
        number_block(x, 0.f, reciprocal(scale), (float)middle + 0.5f, highest, numbers);
    }
    pack_block(numbers, format, target);
}

INLINE void quantize_legacy(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                            const float *importance, LegacyFormat format) {
    if (importance) {
        quantize_weighed(rows, target, row_count, width, importance, format);
        return;
    }
    for (int64_t block = 0; block < row_count * (width / BLOCK); block++) {
        quantize_block(rows + block * BLOCK, format, target + block * legacy_block_bytes(format));
    }
}

EXPORT void gristmill_quantize_q4_0(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                                    const float *importance) {
    const LegacyFormat format = {.bits = 4, .has_minimum = 0};
    quantize_legacy(rows, target, row_count, width, importance, format);
}

EXPORT void gristmill_quantize_q4_1(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                                    const float *importance) {
    const LegacyFormat format = {.bits = 4, .has_minimum = 1};
    quantize_legacy(rows, target, row_count, width, importance, format);
}

EXPORT void gristmill_quantize_q5_0(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                                    const float *importance) {
    const LegacyFormat format = {.bits = 5, .has_minimum = 0};
    quantize_legacy(rows, target, row_count, width, importance, format);
}

EXPORT void gristmill_quantize_q5_1(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                                    const float *importance) {
    const LegacyFormat format = {.bits = 5, .has_minimum = 1};
    quantize_legacy(rows, target, row_count, width, importance, format);
}

/* ggml-quants.c: quantize_row_q8_0_ref, whose roundf takes halves away from zero: adding the float just below
 * one half and cutting off does the same. It has no use for importance. */
EXPORT void gristmill_quantize_q8_0(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                                    const float *importance) {
    (void)importance;
    for (int64_t block = 0; block < row_count * (width / BLOCK); block++) {
        const float *x = rows + block * BLOCK;
        uint8_t *bytes = target + block * Q8_0_BLOCK_BYTES;
        const float scale = float_of(greatest_magnitude_bits(x)) / 127;
        const float factor = reciprocal(scale);
        int32_t numbers[BLOCK];
        write_half(bytes, scale);
        for (int i = 0; i < BLOCK; i++) {
            const float value = x[i] * factor;
            numbers[i] = (int32_t)(value + (value < 0 ? -0x1.fffffep-2f : 0x1.fffffep-2f));
        }
        for (int i = 0; i < BLOCK; i++) bytes[i + 2] = (uint8_t)numbers[i];
    }
}
