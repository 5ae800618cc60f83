/* Q5_K: ggml-quants.c: quantize_q5_K. */
#include "six_bit_scales.h"

enum { HIGHEST = 31 };

/* The fifth bits of all sub-blocks, one bit of a byte for each, and then the rest as in Q4_K. */
INLINE void pack_numbers(const uint8_t (*numbers)[LANES], uint8_t (*bytes)[LANES]) {
    for (int i = 0; i < SUB_BLOCK; i++) {
        FOR_LANES bytes[i][lane] = 0;
        for (int block = 0; block < SUB_BLOCKS; block++) {
            const uint8_t *number = numbers[SUB_BLOCK * block + i];
            FOR_LANES bytes[i][lane] |= (uint8_t)(number[lane] >> 4 << block);
        }
    }
    pack_nibbles(numbers, bytes + SUB_BLOCK);
}

static const Layout LAYOUT = {
    .scale_at = SCALE_AT,
    .minimum_at = MINIMUM_AT,
    .scales_at = SCALES_AT,
    .numbers_at = NUMBERS_AT,
    .bytes = 176,
    .pack_scales = pack_six_bits,
    .pack_numbers = pack_numbers,
};

/* quantize_row_q5_K_ref. */
static const Fit PLAIN = {
    .search = {SUB_BLOCK, HIGHEST, -0.5f, 0.1f, 15, 11, 0},
    .largest_scale = LARGEST_SCALE,
    .limit = LARGEST_SCALE,
    .weigh = weigh_by_magnitude,
};

/* quantize_row_q5_K_impl. */
static const Fit WEIGHED = {
    .search = {SUB_BLOCK, HIGHEST, -0.9f, 0.05f, 36, 0, 0},
    .largest_scale = LARGEST_SCALE,
    .limit = LARGEST_SCALE,
    .variance_factor = 2,
};

EXPORT void gristmill_quantize_q5_k(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                                    const float *importance) {
    if (importance) {
        quantize_rows(rows, target, row_count, width, importance, WEIGHED, LAYOUT);
    } else {
        quantize_rows(rows, target, row_count, width, NULL, PLAIN, LAYOUT);
    }
}
