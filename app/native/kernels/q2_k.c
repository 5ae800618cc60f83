/* Q2_K: ggml-quants.c: quantize_q2_K. 16 sub-blocks of 16 weights. */
#include "super_blocks.h"

enum { SUB_BLOCK = 16, SUB_BLOCKS = 16, HIGHEST = 3, LARGEST_SCALE = 15, UNLIMITED = 0xFF };

INLINE void weigh_by_magnitude(const float (*x)[LANES], float (*weights)[LANES]) {
    for (int i = 0; i < SUB_BLOCK; i++) {
        FOR_LANES weights[i][lane] = fabsf(x[i][lane]);
    }
}

/* Four bits of minimum above four bits of scale, read back because a negative scale spoils the minimum. */
INLINE void pack_scales(int32_t (*scales)[LANES], int32_t (*minimums)[LANES], uint8_t (*bytes)[LANES]) {
    for (int i = 0; i < SUB_BLOCKS; i++) {
        FOR_LANES {
            const int32_t packed = (scales[i][lane] | minimums[i][lane] << 4) & 0xFF;
            bytes[i][lane] = (uint8_t)packed;
            scales[i][lane] = packed & 0xF;
            minimums[i][lane] = packed >> 4;
        }
    }
}

/* Numbers 0-31, 32-63, 64-95 and 96-127 side by side, then the second half. */
INLINE void pack_numbers(const uint8_t (*numbers)[LANES], uint8_t (*bytes)[LANES]) {
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < 32; i++) {
            const uint8_t(*number)[LANES] = numbers + 128 * half + i;
            FOR_LANES bytes[32 * half + i][lane] = (uint8_t)(number[0][lane] | number[32][lane] << 2 |
                                                             number[64][lane] << 4 | number[96][lane] << 6);
        }
    }
}

static const Layout LAYOUT = {
    .scales_at = 0,
    .numbers_at = 16,
    .scale_at = 80,
    .minimum_at = 82,
    .bytes = 84,
    .pack_scales = pack_scales,
    .pack_numbers = pack_numbers,
};

/* quantize_row_q2_K_ref, the only one to weigh absolute differences. */
static const Fit PLAIN = {
    .search = {SUB_BLOCK, HIGHEST, -0.5f, 0.1f, 15, 0, 1},
    .largest_scale = LARGEST_SCALE,
    .limit = UNLIMITED,
    .weigh = weigh_by_magnitude,
};

/* quantize_row_q2_K_impl. */
static const Fit WEIGHED = {
    .search = {SUB_BLOCK, HIGHEST, -0.9f, 0.05f, 36, 0, 0},
    .largest_scale = LARGEST_SCALE,
    .limit = UNLIMITED,
    .variance_factor = 1,
};

EXPORT void gristmill_quantize_q2_k(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                                    const float *importance) {
    if (importance) {
        quantize_rows(rows, target, row_count, width, importance, WEIGHED, LAYOUT);
    } else {
        quantize_rows(rows, target, row_count, width, NULL, PLAIN, LAYOUT);
    }
}
