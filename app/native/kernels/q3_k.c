/* Q3_K: super-blocks of 256 weights, 16 sub-blocks with a scale of six bits; three bits a weight.
 * ggml-quants.c: quantize_row_q3_K_ref and quantize_row_q3_K_impl. */
#include "lanes.h"
#include "least_squares.h"
#include "settled_scales.h"
#include "symmetric_scale.h"
#include "transposes.h"

enum { SCALE_LIMIT = 32 };
/* A block: the high bit of each weight, two more of each, the scales, the scale of the scales. */
enum { HIGH_AT = 0, LOW_AT = 32, SCALES_AT = 96, SCALE_AT = 108, BLOCK_BYTES = 110 };

/* The scale of greatest magnitude becomes -32; ggml keeps zeros where there is none. */
INLINE void scale_by_extreme(const float (*RESTRICT scales)[LANES], uint8_t (*RESTRICT numbers)[LANES],
                             float *RESTRICT scale) {
    ALIGNED float extreme[LANES], factor[LANES];
    find_extremes(scales, SUB_BLOCKS, extreme);
    FOR_LANES {
        factor[lane] = -(float)SCALE_LIMIT / extreme[lane];
        scale[lane] = extreme[lane] != 0 ? 1 / factor[lane] : 0;
    }
    for (int block = 0; block < SUB_BLOCKS; block++) {
        FOR_LANES {
            const int32_t number = stored_number(factor[lane] * scales[block][lane], SCALE_LIMIT);
            numbers[block][lane] = (uint8_t)(extreme[lane] != 0 ? number : 0);
        }
    }
}

INLINE int are_finite(const float (*RESTRICT x)[LANES], int length) {
    ALIGNED int32_t strange[LANES] = {0};
    for (int i = 0; i < length; i++) {
        FOR_LANES strange[lane] |= -!(fabsf(x[i][lane]) < INFINITY);
    }
    return !any_lane(strange);
}

INLINE void quantize_weighed(const float (*RESTRICT x)[LANES], const float *const *importance,
                             float (*RESTRICT factors)[LANES], uint8_t (*RESTRICT scale_numbers)[LANES],
                             float *RESTRICT scale) {
    const SymmetricSearch search = {.length = SUB_BLOCK, .limit = LIMIT, .finite = 1};
    SymmetricSearch scale_search = {.length = SUB_BLOCKS, .limit = SCALE_LIMIT, .finite = 1};
    ALIGNED float scales[SUB_BLOCKS][LANES], weights[SUB_BLOCKS][LANES], w[SUB_BLOCK][LANES], variance[LANES];
    ALIGNED float factor[LANES];
    sum_squares(x, SUPER_BLOCK, variance);
    FOR_LANES variance[lane] = 2 * variance[lane] / SUPER_BLOCK;
    for (int block = 0; block < SUB_BLOCKS; block++) {
        const int start = SUB_BLOCK * block;
        load_lanes_at(w, importance, start, SUB_BLOCK);
        weigh_by_importance(x + start, SUB_BLOCK, variance, w);
        sum_lanes(w, SUB_BLOCK, weights[block]);
        find_symmetric_scale(x + start, w, search, scales[block], factors[block]);
    }
    if (are_finite(scales, SUB_BLOCKS)) {
        find_symmetric_scale(scales, weights, scale_search, scale, factor);
    } else {
        scale_search.finite = 0;
        find_symmetric_scale(scales, weights, scale_search, scale, factor);
    }
    number_by_search(scales, SUB_BLOCKS, SCALE_LIMIT, factor, scale_numbers);
}

/* Low nibbles in bytes 0-7, the two high bits of each in bytes 8-11. */
INLINE void pack_scales(const uint8_t (*RESTRICT numbers)[LANES], uint8_t (*RESTRICT bytes)[LANES]) {
    for (int i = 0; i < 8; i++) {
        FOR_LANES bytes[i][lane] = (uint8_t)((numbers[i][lane] & 0xF) | (numbers[i + 8][lane] & 0xF) << 4);
    }
    for (int i = 0; i < 4; i++) {
        FOR_LANES {
            bytes[i + 8][lane] = (uint8_t)(numbers[i][lane] >> 4 | (numbers[i + 4][lane] >> 4) << 2 |
                                           (numbers[i + 8][lane] >> 4) << 4 | (numbers[i + 12][lane] >> 4) << 6);
        }
    }
}

INLINE void find_steps(const uint8_t (*RESTRICT scale_numbers)[LANES], const float *RESTRICT scale,
                       float (*RESTRICT steps)[LANES]) {
    for (int block = 0; block < SUB_BLOCKS; block++) {
        FOR_LANES steps[block][lane] = scale[lane] * (float)(scale_numbers[block][lane] - SCALE_LIMIT);
    }
}

INLINE void number_weights(const float (*RESTRICT x)[LANES], const float (*RESTRICT steps)[LANES],
                           uint8_t (*RESTRICT numbers)[LANES]) {
    for (int i = 0; i < SUPER_BLOCK; i++) {
        ALIGNED int32_t found[LANES];
        FOR_LANES found[lane] = stored_number(x[i][lane] / steps[i / SUB_BLOCK][lane], LIMIT);
        FOR_LANES numbers[i][lane] = (uint8_t)found[lane];
    }
}

/* Lists the sub-blocks whose step is zero; ggml leaves the numbers of the search there. */
INLINE int list_zero_steps(const float (*RESTRICT steps)[LANES], int32_t *RESTRICT places) {
    int count = 0;
    for (int block = 0; block < SUB_BLOCKS; block++) {
        int any = 0;
        FOR_LANES any |= steps[block][lane] == 0;
        for (int lane = 0; any && lane < LANES; lane++) {
            places[count] = LANES * block + lane;
            count += steps[block][lane] == 0;
        }
    }
    return count;
}

INLINE void keep_searched_numbers(const float (*RESTRICT x)[LANES], const float (*RESTRICT factors)[LANES],
                                  const int32_t *RESTRICT places, int count, uint8_t (*RESTRICT numbers)[LANES]) {
    for (int n = 0; n < count; n++) {
        const int block = places[n] / LANES, lane = places[n] % LANES;
        for (int i = SUB_BLOCK * block; i < SUB_BLOCK * (block + 1); i++) {
            numbers[i][lane] = (uint8_t)number_of_search(x[i][lane], factors[block][lane], LIMIT);
        }
    }
}

INLINE uint8_t low_bits(const uint8_t (*numbers)[LANES], int lane) {
    const int first = numbers[0][lane] & 3, second = numbers[32][lane] & 3;
    const int third = numbers[64][lane] & 3, fourth = numbers[96][lane] & 3;
    return (uint8_t)(first | second << 2 | third << 4 | fourth << 6);
}

INLINE uint8_t high_bits(const uint8_t (*numbers)[LANES], int lane) {
    const int first = numbers[0][lane] >> 2, second = numbers[32][lane] >> 2;
    const int third = numbers[64][lane] >> 2, fourth = numbers[96][lane] >> 2;
    return (uint8_t)(first | second << 1 | third << 2 | fourth << 3);
}

INLINE void pack_numbers(const uint8_t (*RESTRICT numbers)[LANES], uint8_t (*RESTRICT bytes)[LANES]) {
    for (int i = 0; i < 32; i++) {
        FOR_LANES {
            bytes[LOW_AT + i][lane] = low_bits(numbers + i, lane);
            bytes[LOW_AT + 32 + i][lane] = low_bits(numbers + 128 + i, lane);
            const int first = high_bits(numbers + i, lane), second = high_bits(numbers + 128 + i, lane);
            bytes[HIGH_AT + i][lane] = (uint8_t)(first | second << 4);
        }
    }
}

INLINE void quantize_super_blocks(const float (*RESTRICT x)[LANES], const float *const blocks[LANES],
                                  const float *const *importance, uint8_t (*RESTRICT bytes)[LANES]) {
    ALIGNED uint8_t numbers[SUPER_BLOCK][LANES], scale_numbers[SUB_BLOCKS][LANES];
    ALIGNED float scale[LANES], scales[SUB_BLOCKS][LANES], factors[SUB_BLOCKS][LANES], steps[SUB_BLOCKS][LANES];
    int32_t places[SUB_BLOCKS * LANES];
    Starts starts;
    Settling s;
    if (importance) {
        quantize_weighed(x, importance, factors, scale_numbers, scale);
    } else {
        settle_scales(x, blocks, &starts, &s, scales);
        scale_by_extreme(scales, scale_numbers, scale);
    }
    put_half(bytes + SCALE_AT, scale);
    pack_scales(scale_numbers, bytes + SCALES_AT);
    find_steps(scale_numbers, scale, steps);
    number_weights(x, steps, numbers);
    const int count = list_zero_steps(steps, places);
    if (importance) {
        keep_searched_numbers(x, factors, places, count, numbers);
    } else {
        settle(blocks, &starts, places, count, &s, NULL, numbers);
    }
    pack_numbers(numbers, bytes);
}

EXPORT void gristmill_quantize_q3_k(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                                    const float *importance) {
    const int64_t per_row = width / SUPER_BLOCK, count = row_count * per_row;
    for (int64_t first = 0; first < count; first += LANES) {
        ALIGNED float x[SUPER_BLOCK][LANES];
        ALIGNED uint8_t bytes[BLOCK_BYTES][LANES];
        const float *blocks[LANES], *importances[LANES];
        find_blocks(blocks, rows, first, count, count, SUPER_BLOCK);
        if (importance) find_blocks(importances, importance, first, count, per_row, SUPER_BLOCK);
        load_lanes(x, blocks, SUPER_BLOCK);
        fetch_blocks(rows, first + LANES, count, SUPER_BLOCK);
        quantize_super_blocks(x, blocks, importance ? importances : NULL, bytes);
        store_lanes(target, bytes, first, count, BLOCK_BYTES);
    }
}
