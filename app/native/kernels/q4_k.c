/* Q4_K: ggml-quants.c: quantize_q4_K. */
#include "six_bit_scales.h"

enum { HIGHEST = 15, UNLIMITED = 0xFF };

static const Layout LAYOUT = {
    .scale_at = SCALE_AT,
    .minimum_at = MINIMUM_AT,
    .scales_at = SCALES_AT,
    .numbers_at = NUMBERS_AT,
    .bytes = 144,
    .pack_scales = pack_six_bits,
    .pack_numbers = pack_nibbles,
};

/* quantize_row_q4_K_ref. */
static const Fit PLAIN = {
    .search = {SUB_BLOCK, HIGHEST, -1.f, 0.1f, 20, 16, 0},
    .largest_scale = LARGEST_SCALE,
    .limit = LARGEST_SCALE,
    .weigh = weigh_by_magnitude,
};

/* quantize_row_q4_K_impl, which, unlike Q5_K's, doesn't cut the numbers of the scales. */
static const Fit WEIGHED = {
    .search = {SUB_BLOCK, HIGHEST, -0.9f, 0.05f, 36, 0, 0},
    .largest_scale = LARGEST_SCALE,
    .limit = UNLIMITED,
    .variance_factor = 2,
};

EXPORT void gristmill_quantize_q4_k(const float *rows, uint8_t *target, int64_t row_count, int64_t width,
                                    const float *importance) {
    if (importance) {
        quantize_rows(rows, target, row_count, width, importance, WEIGHED, LAYOUT);
    } else {
        quantize_rows(rows, target, row_count, width, NULL, PLAIN, LAYOUT);
    }
}
