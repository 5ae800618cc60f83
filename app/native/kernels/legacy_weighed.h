/* Q4_0, Q4_1, Q5_0 and Q5_1 with importance: one block of 32 weights per lane.
 * ggml-quants.c: quantize_row_q4_0_impl and its like. */
#ifndef GRISTMILL_LEGACY_WEIGHED_H
#define GRISTMILL_LEGACY_WEIGHED_H

#include "lanes.h"
#include "scale_and_min.h"
#include "symmetric_scale.h"
#include "transposes.h"

enum { BLOCK = 32, HALF_BLOCK = 16, MOST_BLOCK_BYTES = 24 };

/* A block: the scale, the minimum if there is one, the fifth bits if there are any, four bits of each weight. */
typedef struct {
    int bits;
    int has_minimum;
} LegacyFormat;

INLINE int fifth_bits_at(LegacyFormat format) { return format.has_minimum ? 4 : 2; }

INLINE int nibbles_at(LegacyFormat format) { return fifth_bits_at(format) + (format.bits == 5 ? 4 : 0); }

INLINE int legacy_block_bytes(LegacyFormat format) { return nibbles_at(format) + HALF_BLOCK; }

/* ggml adds a whole row's squares one after the other; `LANES` rows side by side. */
INLINE void mean_squares_of_rows(const float *rows, int64_t width, float *RESTRICT mean) {
    ALIGNED float x[BLOCK][LANES];
    const float *starts[LANES];
    FOR_LANES mean[lane] = 0;
    for (int64_t offset = 0; offset < width; offset += BLOCK) {
        FOR_LANES starts[lane] = rows + lane * width + offset;
        load_lanes(x, starts, BLOCK);
        for (int i = 0; i < BLOCK; i++) {
            FOR_LANES mean[lane] += x[i][lane] * x[i][lane];
        }
    }
    FOR_LANES mean[lane] /= (float)width;
}

INLINE float mean_square(const float *row, int64_t width) {
    float sum = 0;
    for (int64_t i = 0; i < width; i++) sum += row[i] * row[i];
    return sum / (float)width;
}

INLINE void number_with_minimum(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], int bits,
                                uint8_t (*RESTRICT bytes)[LANES], uint8_t (*RESTRICT numbers)[LANES]) {
    const Search search = {.length = BLOCK, .highest = (1 << bits) - 1, .start = -0.9f, .step = 0.05f, .last = 36};
    ScaleAndMin found;
    search_scales_and_mins(x, w, search, 1, &found);
    put_half(bytes, found.scale);
    put_half(bytes + 2, found.minimum);
    for (int i = 0; i < BLOCK; i++) {
        ALIGNED int32_t number[LANES];
        FOR_LANES {
            const float value = found.factor[lane] * (x[i][lane] - found.origin[lane]);
            number[lane] = clamp_int(nearest_int(value), 0, search.highest);
        }
        FOR_LANES numbers[i][lane] = (uint8_t)number[lane];
    }
}

INLINE void number_symmetrically(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], int bits,
                                 uint8_t (*RESTRICT bytes)[LANES], uint8_t (*RESTRICT numbers)[LANES]) {
    const SymmetricSearch search = {.length = BLOCK, .limit = 1 << (bits - 1), .finite = 1};
    ALIGNED float scale[LANES], factor[LANES];
    find_symmetric_scale(x, w, search, scale, factor);
    number_by_search(x, BLOCK, search.limit, factor, numbers);
    put_half(bytes, scale);
}

INLINE void pack_lanes(const uint8_t (*RESTRICT numbers)[LANES], LegacyFormat format,
                       uint8_t (*RESTRICT bytes)[LANES]) {
    ALIGNED uint32_t fifth_bits[LANES] = {0};
    for (int i = 0; i < HALF_BLOCK; i++) {
        uint8_t *pair = bytes[nibbles_at(format) + i];
        FOR_LANES pair[lane] = (uint8_t)((numbers[i][lane] & 0xF) | (numbers[i + HALF_BLOCK][lane] & 0xF) << 4);
    }
    if (format.bits == 4) return;
    for (int i = 0; i < BLOCK; i++) {
        FOR_LANES fifth_bits[lane] |= (uint32_t)(numbers[i][lane] >> 4) << i;
    }
    for (int i = 0; i < 4; i++) {
        FOR_LANES bytes[fifth_bits_at(format) + i][lane] = (uint8_t)(fifth_bits[lane] >> (8 * i));
    }
}

/* Quantizes up to LANES rows, whose mean squares are given. */
INLINE void quantize_row_group(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                               const float *importance, const float *mean_squares, LegacyFormat format) {
    const int64_t per_row = width / BLOCK, count = row_count * per_row;
    for (int64_t first = 0; first < count; first += LANES) {
        ALIGNED float x[BLOCK][LANES], w[BLOCK][LANES], variance[LANES];
        ALIGNED uint8_t numbers[BLOCK][LANES], bytes[MOST_BLOCK_BYTES][LANES];
        const float *blocks[LANES], *importances[LANES];
        find_blocks(blocks, rows, first, count, count, BLOCK);
        find_blocks(importances, importance, first, count, per_row, BLOCK);
        FOR_LANES variance[lane] = mean_squares[(first + lane < count ? first + lane : count - 1) / per_row];
        load_lanes(x, blocks, BLOCK);
        load_lanes(w, importances, BLOCK);
        weigh_by_importance(x, BLOCK, variance, w);
        if (format.has_minimum) {
            number_with_minimum(x, w, format.bits, bytes, numbers);
        } else {
            number_symmetrically(x, w, format.bits, bytes, numbers);
        }
        pack_lanes(numbers, format, bytes);
        store_lanes(target, bytes, first, count, legacy_block_bytes(format));
    }
}

INLINE void quantize_weighed(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                             const float *importance, LegacyFormat format) {
    const int64_t row_bytes = width / BLOCK * legacy_block_bytes(format);
    for (int64_t first = 0; first < row_count; first += LANES) {
        ALIGNED float mean_squares[LANES];
        const float *group = rows + first * width;
        const int64_t count = row_count - first < LANES ? row_count - first : LANES;
        if (count == LANES) {
            mean_squares_of_rows(group, width, mean_squares);
        } else {
            for (int64_t row = 0; row < count; row++) mean_squares[row] = mean_square(group + row * width, width);
        }
        quantize_row_group(group, target + first * row_bytes, count, width, importance, mean_squares, format);
    }
}

#endif
