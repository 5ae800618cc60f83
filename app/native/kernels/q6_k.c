/* Q6_K: super-blocks of 256 weights, 16 sub-blocks with a scale of eight bits; six bits a weight.
 * ggml-quants.c: quantize_row_q6_K_ref and quantize_row_q6_K_impl. */
#include "lanes.h"
#include "symmetric_scale.h"
#include "transposes.h"

enum { SUPER_BLOCK = 256, SUB_BLOCK = 16, SUB_BLOCKS = 16, LIMIT = 32 };
/* A block: four bits of each weight, two more of each, the scales, the scale of the scales. */
enum { LOW_AT = 0, HIGH_AT = 128, SCALES_AT = 192, SCALE_AT = 208, BLOCK_BYTES = 210 };

/* Without importance a weight counts by its square. */
INLINE void find_scales(const float (*RESTRICT x)[LANES], const float *const *importance,
                        float (*RESTRICT scales)[LANES], float (*RESTRICT factors)[LANES]) {
    const SymmetricSearch search = {.length = SUB_BLOCK, .limit = LIMIT, .finite = 1};
    ALIGNED float w[SUB_BLOCK][LANES];
    for (int block = 0; block < SUB_BLOCKS; block++) {
        const int start = SUB_BLOCK * block;
        if (importance) {
            load_lanes_at(w, importance, start, SUB_BLOCK);
        } else {
            for (int i = 0; i < SUB_BLOCK; i++) {
                FOR_LANES w[i][lane] = x[start + i][lane] * x[start + i][lane];
            }
        }
        find_symmetric_scale(x + start, w, search, scales[block], factors[block]);
    }
}

/* The scale of greatest magnitude becomes -128; `steps` are the scales that a reader will see. */
INLINE void quantize_scales(const float (*RESTRICT scales)[LANES], uint8_t (*RESTRICT bytes)[LANES],
                            float (*RESTRICT steps)[LANES], int32_t *RESTRICT empty) {
    ALIGNED float extreme[LANES], factor[LANES], scale[LANES];
    find_extremes(scales, SUB_BLOCKS, extreme);
    FOR_LANES {
        empty[lane] = fabsf(extreme[lane]) < SMALLEST_MAXIMUM;
        factor[lane] = -128.f / extreme[lane];
        scale[lane] = empty[lane] ? 0 : 1 / factor[lane];
    }
    put_half(bytes + SCALE_AT, scale);
    for (int block = 0; block < SUB_BLOCKS; block++) {
        FOR_LANES {
            const int32_t number = nearest_int(factor[lane] * scales[block][lane]);
            const int8_t limited = (int8_t)(number < 127 ? number : 127);
            bytes[SCALES_AT + block][lane] = (uint8_t)(empty[lane] ? 0 : limited);
            steps[block][lane] = scale[lane] * (float)limited;
        }
    }
}

INLINE void number_by_step(const float (*RESTRICT x)[LANES], const float *RESTRICT step,
                           uint8_t (*RESTRICT numbers)[LANES]) {
    for (int i = 0; i < SUB_BLOCK; i++) {
        ALIGNED int32_t found[LANES];
        FOR_LANES found[lane] = stored_number(x[i][lane] / step[lane], LIMIT);
        FOR_LANES numbers[i][lane] = (uint8_t)found[lane];
    }
}

/* Where the step is zero, ggml leaves the numbers of the search, or zeros if all scales are empty. */
INLINE void keep_searched_numbers(const float (*RESTRICT x)[LANES], const float *RESTRICT step,
                                  const float *RESTRICT factor, const int32_t *RESTRICT empty,
                                  uint8_t (*RESTRICT numbers)[LANES]) {
    for (int lane = 0; lane < LANES; lane++) {
        if (step[lane] != 0) continue;
        for (int i = 0; i < SUB_BLOCK; i++) {
            numbers[i][lane] = (uint8_t)(empty[lane] ? 0 : number_of_search(x[i][lane], factor[lane], LIMIT));
        }
    }
}

INLINE void number_weights(const float (*RESTRICT x)[LANES], const float (*RESTRICT steps)[LANES],
                           const float (*RESTRICT factors)[LANES], const int32_t *RESTRICT empty,
                           uint8_t (*RESTRICT numbers)[LANES]) {
    for (int block = 0; block < SUB_BLOCKS; block++) {
        const int start = SUB_BLOCK * block;
        ALIGNED int32_t is_zero[LANES];
        number_by_step(x + start, steps[block], numbers + start);
        FOR_LANES is_zero[lane] = steps[block][lane] == 0;
        if (!any_lane(is_zero)) continue;
        keep_searched_numbers(x + start, steps[block], factors[block], empty, numbers + start);
    }
}

static void pack_numbers(const uint8_t (*RESTRICT numbers)[LANES], uint8_t (*RESTRICT low)[LANES],
                         uint8_t (*RESTRICT high)[LANES]) {
    for (int i = 0; i < 32; i++) {
        FOR_LANES {
            const uint8_t first = numbers[i][lane], second = numbers[i + 32][lane];
            const uint8_t third = numbers[i + 64][lane], fourth = numbers[i + 96][lane];
            low[i][lane] = (uint8_t)((first & 0xF) | (third & 0xF) << 4);
            low[i + 32][lane] = (uint8_t)((second & 0xF) | (fourth & 0xF) << 4);
            high[i][lane] = (uint8_t)(first >> 4 | (second >> 4) << 2 | (third >> 4) << 4 | (fourth >> 4) << 6);
        }
    }
}

INLINE void quantize_super_blocks(const float (*RESTRICT x)[LANES], const float *const *importance,
                                  uint8_t (*RESTRICT bytes)[LANES]) {
    ALIGNED float scales[SUB_BLOCKS][LANES], factors[SUB_BLOCKS][LANES], steps[SUB_BLOCKS][LANES];
    ALIGNED uint8_t numbers[SUPER_BLOCK][LANES];
    ALIGNED int32_t empty[LANES];
    find_scales(x, importance, scales, factors);
    quantize_scales(scales, bytes, steps, empty);
    number_weights(x, steps, factors, empty, numbers);
    pack_numbers(numbers, bytes + LOW_AT, bytes + HIGH_AT);
    pack_numbers(numbers + 128, bytes + LOW_AT + 64, bytes + HIGH_AT + 32);
}

EXPORT void gristmill_quantize_q6_k(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
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
        quantize_super_blocks(x, importance ? importances : NULL, bytes);
        store_lanes(target, bytes, first, count, BLOCK_BYTES);
    }
}
