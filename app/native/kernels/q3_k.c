/* Q3_K: super-blocks of 256 weights, 16 sub-blocks with a scale of six bits; three bits a weight.
 * ggml-quants.c: quantize_row_q3_K_ref and quantize_row_q3_K_impl. */
#include "lanes.h"
#include "least_squares.h"
#include "symmetric_scale.h"

enum { SUPER_BLOCK = 256, SUB_BLOCK = 16, SUB_BLOCKS = 16, LIMIT = 4, SCALE_LIMIT = 32, ROUNDS = 5 };
/* A block: the high bit of each weight, two more of each, the scales, the scale of the scales. */
enum { HIGH_AT = 0, LOW_AT = 32, SCALES_AT = 96, SCALE_AT = 108, BLOCK_BYTES = 110 };

/* The numbers of the sub-blocks and their sums, sixteen values to a sub-block. */
typedef struct {
    ALIGNED float numbers[SUPER_BLOCK][LANES];
    ALIGNED int32_t moved[SUB_BLOCKS][LANES];
    Products sums[SUB_BLOCKS];
} Settling;

/* Each number may move to where the other fifteen of its sub-block want it; `moved` tells whether it did. */
INLINE void move_number(const float *RESTRICT x, float *RESTRICT numbers, Products *RESTRICT sums,
                        int32_t *RESTRICT moved) {
    FOR_LANES {
        const float value = x[lane], w = value * value, old = numbers[lane];
        const float others_qx = sums->qx[lane] - w * value * old;
        const float others_qq = sums->qq[lane] - w * old * old;
        const int32_t wanted = nearest_int(value * others_qq / others_qx);
        const float number = (float)clamp_int(wanted, -LIMIT, LIMIT - 1);
        const float qx = others_qx + w * value * number;
        const float qq = others_qq + w * number * number;
        const int better = (others_qx > 0) & (number != old) & (qq > 0) &
                           (qx * qx * sums->qq[lane] > sums->qx[lane] * sums->qx[lane] * qq);
        numbers[lane] = choose(better, number, old);
        sums->qx[lane] = choose(better, qx, sums->qx[lane]);
        sums->qq[lane] = choose(better, qq, sums->qq[lane]);
        moved[lane] |= better;
    }
}

/* Steps through the sub-blocks side by side, which hides the latency of the division. */
INLINE void settle_round(const float (*RESTRICT x)[LANES], int sub_blocks, Settling *RESTRICT state) {
    for (int block = 0; block < sub_blocks; block++) {
        FOR_LANES state->moved[block][lane] = 0;
    }
    for (int i = 0; i < SUB_BLOCK; i++) {
        for (int block = 0; block < sub_blocks; block++) {
            const int at = SUB_BLOCK * block + i;
            move_number(x[at], state->numbers[at], &state->sums[block], state->moved[block]);
        }
    }
}

INLINE int any_moved(const Settling *state, int sub_blocks) {
    int any = 0;
    for (int block = 0; block < sub_blocks; block++) {
        FOR_LANES any |= state->moved[block][lane];
    }
    return any;
}

INLINE int list_movers(const Settling *state, int sub_blocks, int32_t *movers) {
    int count = 0;
    for (int place = 0; place < sub_blocks * LANES; place++) {
        movers[count] = place;
        count += state->moved[place / LANES][place % LANES];
    }
    return count;
}

INLINE void copy_sub_block(const float (*RESTRICT from)[LANES], int32_t source, float (*RESTRICT to)[LANES],
                           int32_t place) {
    for (int i = 0; i < SUB_BLOCK; i++) {
        to[SUB_BLOCK * (place / LANES) + i][place % LANES] = from[SUB_BLOCK * (source / LANES) + i][source % LANES];
    }
}

INLINE void copy_sums(const Products *RESTRICT from, int32_t source, Products *RESTRICT to, int32_t place) {
    to[place / LANES].qx[place % LANES] = from[source / LANES].qx[source % LANES];
    to[place / LANES].qq[place % LANES] = from[source / LANES].qq[source % LANES];
}

/* Further rounds for the `count` sub-blocks in which a number moved: about one in five, so they move together. */
static void settle_movers(const float (*RESTRICT x)[LANES], const int32_t *movers, int count,
                          Settling *RESTRICT state) {
    ALIGNED float values[SUPER_BLOCK][LANES];
    Settling close;
    const int sub_blocks = (count + LANES - 1) / LANES;
    for (int place = 0; place < sub_blocks * LANES; place++) {
        const int32_t source = movers[place < count ? place : count - 1];
        copy_sub_block(x, source, values, place);
        copy_sub_block(state->numbers, source, close.numbers, place);
        copy_sums(state->sums, source, close.sums, place);
    }
    for (int round = 1; round < ROUNDS; round++) {
        settle_round(values, sub_blocks, &close);
        if (!any_moved(&close, sub_blocks)) break;
    }
    for (int place = 0; place < count; place++) {
        copy_sub_block(close.numbers, place, state->numbers, movers[place]);
        copy_sums(close.sums, place, state->sums, movers[place]);
    }
}

INLINE void start_settling(const float (*RESTRICT x)[LANES], const float *RESTRICT extreme,
                           float (*RESTRICT numbers)[LANES], Products *RESTRICT sums) {
    const SymmetricSearch search = {.length = SUB_BLOCK, .limit = LIMIT, .finite = 1};
    ALIGNED float factor[LANES];
    FOR_LANES {
        factor[lane] = -(float)LIMIT / extreme[lane];
        sums->qx[lane] = sums->qq[lane] = 0;
    }
    for (int i = 0; i < SUB_BLOCK; i++) {
        FOR_LANES {
            const float value = x[i][lane], w = value * value, number = symmetric_number(factor[lane] * value, search);
            numbers[i][lane] = number;
            sums->qx[lane] += w * value * number;
            sums->qq[lane] += w * number * number;
        }
    }
}

/* ggml-quants.c: make_q3_quants, for all sub-blocks. */
INLINE void settle_scales(const float (*RESTRICT x)[LANES], float (*RESTRICT scales)[LANES],
                          uint8_t (*RESTRICT found)[LANES]) {
    ALIGNED float extremes[SUB_BLOCKS][LANES];
    int32_t movers[SUB_BLOCKS * LANES];
    Settling state;
    for (int block = 0; block < SUB_BLOCKS; block++) {
        const int start = SUB_BLOCK * block;
        find_extremes(x + start, SUB_BLOCK, extremes[block]);
        start_settling(x + start, extremes[block], state.numbers + start, &state.sums[block]);
    }
    settle_round(x, SUB_BLOCKS, &state);
    settle_movers(x, movers, list_movers(&state, SUB_BLOCKS, movers), &state);
    for (int block = 0; block < SUB_BLOCKS; block++) {
        const Products *sums = &state.sums[block];
        FOR_LANES {
            const int empty = fabsf(extremes[block][lane]) < SMALLEST_MAXIMUM;
            scales[block][lane] = !empty & (sums->qq[lane] > 0) ? sums->qx[lane] / sums->qq[lane] : 0;
        }
    }
    for (int i = 0; i < SUPER_BLOCK; i++) {
        ALIGNED int32_t numbers[LANES];
        FOR_LANES {
            const int empty = fabsf(extremes[i / SUB_BLOCK][lane]) < SMALLEST_MAXIMUM;
            numbers[lane] = empty ? 0 : (int32_t)state.numbers[i][lane] + LIMIT;
        }
        FOR_LANES found[i][lane] = (uint8_t)numbers[lane];
    }
}

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

INLINE void quantize_plain(const float (*RESTRICT x)[LANES], uint8_t (*RESTRICT numbers)[LANES],
                           uint8_t (*RESTRICT scale_numbers)[LANES], float *RESTRICT scale) {
    ALIGNED float scales[SUB_BLOCKS][LANES];
    settle_scales(x, scales, numbers);
    scale_by_extreme(scales, scale_numbers, scale);
}

INLINE void quantize_weighed(const float (*RESTRICT x)[LANES], const float *const *importance,
                             uint8_t (*RESTRICT numbers)[LANES], uint8_t (*RESTRICT scale_numbers)[LANES],
                             float *RESTRICT scale) {
    const SymmetricSearch search = {.length = SUB_BLOCK, .limit = LIMIT, .finite = 1};
    const SymmetricSearch scale_search = {.length = SUB_BLOCKS, .limit = SCALE_LIMIT, .finite = 0};
    ALIGNED float scales[SUB_BLOCKS][LANES], weights[SUB_BLOCKS][LANES], w[SUB_BLOCK][LANES], variance[LANES];
    sum_squares(x, SUPER_BLOCK, variance);
    FOR_LANES variance[lane] = 2 * variance[lane] / SUPER_BLOCK;
    for (int block = 0; block < SUB_BLOCKS; block++) {
        const int start = SUB_BLOCK * block;
        load_lanes_at(w, importance, start, SUB_BLOCK);
        weigh_by_importance(x + start, SUB_BLOCK, variance, w);
        sum_lanes(w, SUB_BLOCK, weights[block]);
        find_symmetric_scale(x + start, w, search, scales[block], numbers + start);
    }
    find_symmetric_scale(scales, weights, scale_search, scale, scale_numbers);
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

/* Where the rounded scale is zero, ggml leaves the numbers of the search. */
INLINE void number_weights(const float (*RESTRICT x)[LANES], const uint8_t (*RESTRICT scale_numbers)[LANES],
                           const float *RESTRICT scale, uint8_t (*RESTRICT numbers)[LANES]) {
    ALIGNED float steps[SUB_BLOCKS][LANES];
    for (int block = 0; block < SUB_BLOCKS; block++) {
        FOR_LANES steps[block][lane] = scale[lane] * (float)(scale_numbers[block][lane] - SCALE_LIMIT);
    }
    for (int i = 0; i < SUPER_BLOCK; i++) {
        ALIGNED int32_t found[LANES];
        FOR_LANES found[lane] = numbers[i][lane];
        FOR_LANES {
            const float step = steps[i / SUB_BLOCK][lane];
            const int32_t rounded = stored_number(x[i][lane] / step, LIMIT);
            found[lane] = step != 0 ? rounded : found[lane];
        }
        FOR_LANES numbers[i][lane] = (uint8_t)found[lane];
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

INLINE void quantize_super_blocks(const float (*RESTRICT x)[LANES], const float *const *importance,
                                  uint8_t (*RESTRICT bytes)[LANES]) {
    ALIGNED uint8_t numbers[SUPER_BLOCK][LANES], scale_numbers[SUB_BLOCKS][LANES];
    ALIGNED float scale[LANES];
    if (importance) {
        quantize_weighed(x, importance, numbers, scale_numbers, scale);
    } else {
        quantize_plain(x, numbers, scale_numbers, scale);
    }
    put_half(bytes + SCALE_AT, scale);
    pack_scales(scale_numbers, bytes + SCALES_AT);
    number_weights(x, scale_numbers, scale, numbers);
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
        quantize_super_blocks(x, importance ? importances : NULL, bytes);
        store_lanes(target, bytes, first, count, BLOCK_BYTES);
    }
}
