/* IQ4_NL and IQ4_XS: four bits a weight, which choose among sixteen uneven levels.
 * ggml-quants.c: quantize_row_iq4_nl_impl with ntry 7. */
#include "lanes.h"
#include "least_squares.h"
#include "transposes.h"

enum { SUB_BLOCK = 32, LEVELS = 16, TRIES = 7 };
enum { SUPER_BLOCK = 256, SUB_BLOCKS = 8, SCALE_LIMIT = 32 };
/* A block of IQ4_NL: the scale, four bits of each weight. */
enum { NL_NUMBERS_AT = 2, NL_BLOCK_BYTES = 18 };
/* A block of IQ4_XS: the scale of the scales, two high bits of each scale, four low bits, the weights. */
enum { XS_HIGH_AT = 2, XS_LOW_AT = 4, XS_NUMBERS_AT = 8, XS_BLOCK_BYTES = 136 };

/* ggml-common.h: kvalues_iq4nl. */
static const float levels[LEVELS] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/* ggml-quants.c: best_index_int8 takes level n + 1 from here on: halfway between level n and the next. */
static const float borders[LEVELS - 1] = {-115.5f, -93.5f, -74, -57, -42, -28.5f, -16, -4.5f,
                                          7,       19,     31.5f, 45.5f, 61, 79,   101};

/* NaN takes the last level, as in ggml. */
INLINE float level_of(float value) {
    float level = levels[0];
    for (int n = 0; n < LEVELS - 1; n++) level = value < borders[n] ? level : levels[n + 1];
    return level;
}

INLINE int32_t number_of(float value) {
    int32_t number = 0;
    for (int n = 0; n < LEVELS - 1; n++) number += value < borders[n] ? 0 : 1;
    return number;
}

/* The tries stretch the values by less than 12 percent, and neighboring borders lie further apart: so each
 * weight has at most two levels to choose from, `lower` and `upper`, and one border. */
typedef struct {
    ALIGNED float lower[SUB_BLOCK][LANES];
    ALIGNED float upper[SUB_BLOCK][LANES];
    ALIGNED float border[SUB_BLOCK][LANES];
} Choices;

INLINE float factor_of_try(int n, float extreme) { return (levels[0] + (float)n) / extreme; }

INLINE void find_choices(const float (*RESTRICT x)[LANES], const float *RESTRICT extreme, Choices *RESTRICT choices) {
    ALIGNED float least[LANES], most[LANES];
    FOR_LANES {
        least[lane] = factor_of_try(TRIES, extreme[lane]);
        most[lane] = factor_of_try(-TRIES, extreme[lane]);
    }
    for (int i = 0; i < SUB_BLOCK; i++) {
        FOR_LANES {
            const float near = level_of(least[lane] * x[i][lane]), far = level_of(most[lane] * x[i][lane]);
            choices->lower[i][lane] = near < far ? near : far;
            choices->upper[i][lane] = near < far ? far : near;
            choices->border[i][lane] = (near + far) / 2;
        }
    }
}

INLINE void add_product(float x, float w, float level, float *RESTRICT qx, float *RESTRICT qq) {
    const float weighed = w * level;
    *qx += weighed * x;
    *qq += weighed * level;
}

/* The first factor maps the extreme to +127, the tries map it to about -127. */
INLINE void add_first_products(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES],
                               const float *RESTRICT factor, Products *RESTRICT sums) {
    FOR_LANES sums->qx[lane] = sums->qq[lane] = 0;
    for (int i = 0; i < SUB_BLOCK; i++) {
        FOR_LANES {
            const float level = level_of(factor[lane] * x[i][lane]);
            add_product(x[i][lane], w[i][lane], level, &sums->qx[lane], &sums->qq[lane]);
        }
    }
}

INLINE void add_products(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES],
                         const Choices *RESTRICT choices, const float *RESTRICT factor, Products *RESTRICT sums) {
    FOR_LANES sums->qx[lane] = sums->qq[lane] = 0;
    for (int i = 0; i < SUB_BLOCK; i++) {
        FOR_LANES {
            const int below = factor[lane] * x[i][lane] < choices->border[i][lane];
            const float level = choose(below, choices->lower[i][lane], choices->upper[i][lane]);
            add_product(x[i][lane], w[i][lane], level, &sums->qx[lane], &sums->qq[lane]);
        }
    }
}

INLINE void find_scale(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], float *RESTRICT scale) {
    ALIGNED float extreme[LANES], factor[LANES];
    BestScale best;
    Choices choices;
    Products sums;
    find_extremes(x, SUB_BLOCK, extreme);
    find_choices(x, extreme, &choices);
    FOR_LANES best.factor[lane] = 1 / (-extreme[lane] / levels[0]);
    add_first_products(x, w, best.factor, &sums);
    FOR_LANES {
        best.scale[lane] = sums.qq[lane] > 0 ? sums.qx[lane] / sums.qq[lane] : 0;
        best.fit[lane] = best.scale[lane] * sums.qx[lane];
    }
    for (int n = -TRIES; n <= TRIES; n++) {
        FOR_LANES factor[lane] = factor_of_try(n, extreme[lane]);
        add_products(x, w, &choices, factor, &sums);
        keep_better(&sums, factor, &best);
    }
    FOR_LANES scale[lane] = fabsf(extreme[lane]) < SMALLEST_MAXIMUM ? 0 : best.scale[lane];
}

/* Without importance a weight counts by its square; `squares` is their sum over `length` values. */
INLINE void weigh(const float (*RESTRICT x)[LANES], const float *const *importance, int offset,
                  const float *RESTRICT squares, int length, float (*RESTRICT w)[LANES]) {
    if (importance) {
        ALIGNED float variance[LANES];
        FOR_LANES variance[lane] = squares[lane] * (2.f / (float)length);
        load_lanes_at(w, importance, offset, SUB_BLOCK);
        weigh_by_importance(x, SUB_BLOCK, variance, w);
    } else {
        for (int i = 0; i < SUB_BLOCK; i++) {
            FOR_LANES w[i][lane] = x[i][lane] * x[i][lane];
        }
    }
}

/* A weight and the one sixteen further share a byte; ggml multiplies by the reciprocal, and by zero for zero. */
INLINE void pack_numbers(const float (*RESTRICT x)[LANES], const float *RESTRICT scale,
                         uint8_t (*RESTRICT bytes)[LANES]) {
    ALIGNED float factor[LANES];
    ALIGNED int32_t pair[LANES];
    FOR_LANES factor[lane] = scale[lane] != 0 ? 1 / scale[lane] : 0;
    for (int i = 0; i < SUB_BLOCK / 2; i++) {
        FOR_LANES {
            const int32_t first = number_of(factor[lane] * x[i][lane]);
            const int32_t second = number_of(factor[lane] * x[i + SUB_BLOCK / 2][lane]);
            pair[lane] = first | second << 4;
        }
        FOR_LANES bytes[i][lane] = (uint8_t)pair[lane];
    }
}

EXPORT void gristmill_quantize_iq4_nl(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                                      const float *importance) {
    const int64_t per_row = width / SUB_BLOCK, count = row_count * per_row;
    for (int64_t first = 0; first < count; first += LANES) {
        ALIGNED float x[SUB_BLOCK][LANES], w[SUB_BLOCK][LANES], squares[LANES], scale[LANES], rounded[LANES];
        ALIGNED uint8_t bytes[NL_BLOCK_BYTES][LANES];
        /* Zero, because gcc doesn't see that nothing reads them without importance. */
        const float *blocks[LANES], *importances[LANES] = {0};
        find_blocks(blocks, rows, first, count, count, SUB_BLOCK);
        if (importance) find_blocks(importances, importance, first, count, per_row, SUB_BLOCK);
        load_lanes(x, blocks, SUB_BLOCK);
        sum_squares(x, SUB_BLOCK, squares);
        weigh(x, importance ? importances : NULL, 0, squares, SUB_BLOCK, w);
        find_scale(x, w, scale);
        FOR_LANES rounded[lane] = scale[lane];
        put_half(bytes, rounded);
        pack_numbers(x, scale, bytes + NL_NUMBERS_AT);
        store_lanes(target, bytes, first, count, NL_BLOCK_BYTES);
    }
}

/* The scale of greatest magnitude becomes -32; `steps` are the rounded scales, the scale of scales unrounded. */
INLINE void quantize_scales(const float (*RESTRICT scales)[LANES], uint8_t (*RESTRICT bytes)[LANES],
                            float (*RESTRICT steps)[LANES]) {
    ALIGNED float scale[LANES], factor[LANES], rounded[LANES];
    ALIGNED int32_t high[LANES] = {0}, low[LANES] = {0};
    find_extremes(scales, SUB_BLOCKS, scale);
    FOR_LANES {
        scale[lane] = rounded[lane] = -scale[lane] / SCALE_LIMIT;
        factor[lane] = scale[lane] != 0 ? 1 / scale[lane] : 0;
    }
    put_half(bytes, rounded);
    for (int block = 0; block < SUB_BLOCKS; block++) {
        FOR_LANES {
            const int32_t wanted = nearest_int(factor[lane] * scales[block][lane]);
            const int32_t number = clamp_int(wanted, -SCALE_LIMIT, SCALE_LIMIT - 1);
            steps[block][lane] = scale[lane] * (float)number;
            low[lane] |= (int32_t)((uint32_t)((number + SCALE_LIMIT) & 0xF) << (4 * block));
            high[lane] |= (number + SCALE_LIMIT) >> 4 << (2 * block);
        }
    }
    FOR_LANES {
        bytes[XS_HIGH_AT][lane] = (uint8_t)high[lane];
        bytes[XS_HIGH_AT + 1][lane] = (uint8_t)(high[lane] >> 8);
    }
    for (int i = 0; i < 4; i++) {
        FOR_LANES bytes[XS_LOW_AT + i][lane] = (uint8_t)(low[lane] >> (8 * i));
    }
}

INLINE void quantize_super_blocks(const float (*RESTRICT x)[LANES], const float *const *importance,
                                  uint8_t (*RESTRICT bytes)[LANES]) {
    ALIGNED float w[SUB_BLOCK][LANES], scales[SUB_BLOCKS][LANES], steps[SUB_BLOCKS][LANES], squares[LANES];
    sum_squares(x, SUPER_BLOCK, squares);
    for (int block = 0; block < SUB_BLOCKS; block++) {
        const int start = SUB_BLOCK * block;
        weigh(x + start, importance, start, squares, SUPER_BLOCK, w);
        find_scale(x + start, w, scales[block]);
    }
    quantize_scales(scales, bytes, steps);
    for (int block = 0; block < SUB_BLOCKS; block++) {
        pack_numbers(x + SUB_BLOCK * block, steps[block], bytes + XS_NUMBERS_AT + SUB_BLOCK / 2 * block);
    }
}

EXPORT void gristmill_quantize_iq4_xs(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                                      const float *importance) {
    const int64_t per_row = width / SUPER_BLOCK, count = row_count * per_row;
    for (int64_t first = 0; first < count; first += LANES) {
        ALIGNED float x[SUPER_BLOCK][LANES];
        ALIGNED uint8_t bytes[XS_BLOCK_BYTES][LANES];
        const float *blocks[LANES], *importances[LANES];
        find_blocks(blocks, rows, first, count, count, SUPER_BLOCK);
        if (importance) find_blocks(importances, importance, first, count, per_row, SUPER_BLOCK);
        load_lanes(x, blocks, SUPER_BLOCK);
        fetch_blocks(rows, first + LANES, count, SUPER_BLOCK);
        quantize_super_blocks(x, importance ? importances : NULL, bytes);
        store_lanes(target, bytes, first, count, XS_BLOCK_BYTES);
    }
}
