/* Shared by Q2_K, Q4_K and Q5_K: super-blocks of 256 weights, whose sub-blocks have a scale and a minimum each,
 * both kept as small numbers beside one scale and one minimum of the super-block. */
#ifndef GRISTMILL_SUPER_BLOCKS_H
#define GRISTMILL_SUPER_BLOCKS_H

#include "lanes.h"
#include "positive_scales.h"
#include "scale_and_min.h"
#include "transposes.h"

enum { SUPER_BLOCK = 256, MOST_SUB_BLOCKS = 16, MOST_BYTES = 176 };

/* The weights that stand in for importance. */
typedef void Weigh(const float (*x)[LANES], float (*weights)[LANES]);

/* Packs the numbers of the sub-blocks' scales and minimums, and reads them back as ggml will. */
typedef void PackScales(int32_t (*scales)[LANES], int32_t (*minimums)[LANES], uint8_t (*bytes)[LANES]);

/* Packs the numbers of the 256 weights. */
typedef void PackNumbers(const uint8_t (*numbers)[LANES], uint8_t (*bytes)[LANES]);

/* The search for scales and minimums. */
typedef struct {
    Search search;
    int largest_scale; /* the number that stands for the largest scale or minimum */
    int limit;         /* what ggml cuts those numbers to */
    Weigh *weigh;        /* without importance */
    int variance_factor; /* with importance: this times the mean square */
} Fit;

/* Where in the block things are, and how they are packed. */
typedef struct {
    int scale_at, minimum_at, scales_at, numbers_at, bytes;
    PackScales *pack_scales;
    PackNumbers *pack_numbers;
} Layout;

/* The search's result for the sub-blocks of one super-block per lane. */
typedef struct {
    ScaleAndMin found[MOST_SUB_BLOCKS];
    ALIGNED float scales[MOST_SUB_BLOCKS][LANES];
    ALIGNED float minimums[MOST_SUB_BLOCKS][LANES];
    ALIGNED float weights[MOST_SUB_BLOCKS][LANES];
} SubBlocks;

INLINE void search_sub_blocks(const float (*RESTRICT x)[LANES], const float *const *importance, Fit fit,
                              SubBlocks *RESTRICT blocks) {
    PAGE_ALIGNED float weights[TOGETHER * LONGEST_SUB_BLOCK][LANES];
    ALIGNED float variance[LANES];
    const int length = fit.search.length;
    sum_squares(x, SUPER_BLOCK, variance);
    FOR_LANES variance[lane] = (float)fit.variance_factor * variance[lane] / SUPER_BLOCK;
    for (int first = 0; first < SUPER_BLOCK / length; first += TOGETHER) {
        for (int block = first; block < first + TOGETHER; block++) {
            const float(*values)[LANES] = x + length * block;
            float(*own)[LANES] = weights + length * (block - first);
            if (importance) {
                load_lanes_at(own, importance, length * block, length);
                weigh_by_importance(values, length, variance, own);
                sum_lanes(own, length, blocks->weights[block]);
            } else {
                fit.weigh(values, own);
            }
        }
        search_scales_and_mins(x + length * first, weights, fit.search, TOGETHER, &blocks->found[first]);
    }
    for (int block = 0; block < SUPER_BLOCK / length; block++) {
        FOR_LANES blocks->scales[block][lane] = blocks->found[block].scale[lane];
        FOR_LANES blocks->minimums[block][lane] = -blocks->found[block].minimum[lane];
    }
}

/* ggml-quants.c: quantize_row_q2_K_ref and its like: the largest of `count` values becomes `highest`. */
INLINE void fit_largest(const float (*RESTRICT x)[LANES], int count, int highest, int32_t (*RESTRICT numbers)[LANES],
                        float *RESTRICT scale) {
    ALIGNED float largest[LANES] = {0}, factor[LANES];
    for (int i = 0; i < count; i++) {
        FOR_LANES largest[lane] = x[i][lane] > largest[lane] ? x[i][lane] : largest[lane];
    }
    FOR_LANES factor[lane] = largest[lane] > 0 ? (float)highest / largest[lane] : 0;
    FOR_LANES scale[lane] = largest[lane] / (float)highest;
    for (int i = 0; i < count; i++) {
        FOR_LANES numbers[i][lane] = nearest_int(factor[lane] * x[i][lane]) & 0xFF;
    }
}

/* `scale` of the super-block times numbers, for the sub-blocks' scales or minimums `x`. */
INLINE void fit_scales(const float (*RESTRICT x)[LANES], const float (*RESTRICT weights)[LANES], Fit fit,
                       int32_t (*RESTRICT numbers)[LANES], float *RESTRICT scale) {
    const int count = SUPER_BLOCK / fit.search.length;
    if (weights) {
        fit_positive(x, weights, count, fit.largest_scale, numbers, scale);
    } else {
        fit_largest(x, count, fit.largest_scale, numbers, scale);
    }
    for (int i = 0; i < count; i++) {
        FOR_LANES numbers[i][lane] = numbers[i][lane] < fit.limit ? numbers[i][lane] : fit.limit;
    }
}

INLINE void quantize_super_blocks(const float (*RESTRICT x)[LANES], const float *const *importance, Fit fit,
                                  Layout layout, uint8_t (*RESTRICT bytes)[LANES]) {
    SubBlocks blocks;
    ALIGNED int32_t scales[MOST_SUB_BLOCKS][LANES], minimums[MOST_SUB_BLOCKS][LANES];
    ALIGNED float scale[LANES], minimum[LANES];
    ALIGNED uint8_t numbers[SUPER_BLOCK][LANES];
    const int length = fit.search.length;
    search_sub_blocks(x, importance, fit, &blocks);
    fit_scales(blocks.scales, importance ? blocks.weights : NULL, fit, scales, scale);
    fit_scales(blocks.minimums, importance ? blocks.weights : NULL, fit, minimums, minimum);
    put_half(bytes + layout.scale_at, scale);
    put_half(bytes + layout.minimum_at, minimum);
    layout.pack_scales(scales, minimums, bytes + layout.scales_at);
    for (int block = 0; block < SUPER_BLOCK / length; block++) {
        number_weights(x + length * block, fit.search, &blocks.found[block], scale, scales[block], minimum,
                       minimums[block], numbers + length * block);
    }
    layout.pack_numbers(numbers, bytes + layout.numbers_at);
}

INLINE void quantize_rows(const float *rows, uint8_t *target, int64_t row_count, int64_t width, const float *importance,
                          Fit fit, Layout layout) {
    const int64_t per_row = width / SUPER_BLOCK, count = row_count * per_row;
    for (int64_t first = 0; first < count; first += LANES) {
        PAGE_ALIGNED float x[SUPER_BLOCK][LANES];
        ALIGNED uint8_t bytes[MOST_BYTES][LANES];
        const float *blocks[LANES], *importances[LANES];
        find_blocks(blocks, rows, first, count, count, SUPER_BLOCK);
        if (importance) find_blocks(importances, importance, first, count, per_row, SUPER_BLOCK);
        load_lanes(x, blocks, SUPER_BLOCK);
        fetch_blocks(rows, first + LANES, count, SUPER_BLOCK);
        quantize_super_blocks(x, importance ? importances : NULL, fit, layout, bytes);
        store_lanes(target, bytes, first, count, layout.bytes);
    }
}

#endif
