/* The search for a scale without a minimum, x = scale * q with q from -limit to limit - 1, of one sub-block
 * per lane: ggml-quants.c: make_qx_quants with rmse_type 1. */
#ifndef GRISTMILL_SYMMETRIC_SCALE_H
#define GRISTMILL_SYMMETRIC_SCALE_H

#include "lanes.h"
#include "least_squares.h"

enum { MOST_VALUES = 32 };

typedef struct {
    int length; /* values per sub-block */
    int limit;
    int finite; /* no value is infinite or not a number: allows a quicker rounding */
} SymmetricSearch;

/* The number as ggml stores it, from 0 to 2 * limit - 1. */
INLINE int32_t stored_number(float value, int limit) {
    return clamp_int(nearest_int(value), -limit, limit - 1) + limit;
}

/* nearest_int, clamped. With 1.5 * 2^23 added, the low bits of a float below 2^22 are an integer already. */
INLINE float symmetric_number(float value, SymmetricSearch search) {
    const int32_t zero = 0x4B400000, lowest = zero - search.limit, highest = zero + search.limit - 1;
    if (!search.finite) return (float)clamp_int(nearest_int(value), -search.limit, search.limit - 1);
    return float_of(clamp_int(bits_of(value + 12582912.f), lowest, highest)) - 12582912.f;
}

/* symmetric_number in fewer instructions. As integers, the bits of positive floats are in order and above those of
 * negative ones; as unsigned integers, those of negative floats are in the order of magnitudes and above the others. */
INLINE float searched_number(float value, SymmetricSearch search, int may_be_below) {
    if (!search.finite) return symmetric_number(value, search);
    const int32_t bits = bits_of(round_small(value)), highest = bits_of((float)(search.limit - 1));
    const uint32_t limited = (uint32_t)(bits < highest ? bits : highest);
    const uint32_t lowest = (uint32_t)bits_of(-(float)search.limit);
    return float_of((int32_t)(may_be_below && limited > lowest ? lowest : limited));
}

/* Tries the factor that maps the extreme to -(limit + 0.1 * n); keeps it if it fits better, or if it is the first.
 * ggml multiplies from the left, (w * x) * q, so w * x can be kept. */
INLINE void try_symmetric_factor(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES],
                                 const float (*RESTRICT wx)[LANES], SymmetricSearch search,
                                 const float *RESTRICT extreme, int n, BestScale *RESTRICT best) {
    ALIGNED float factor[LANES], sum_qx[LANES] = {0}, sum_qq[LANES] = {0};
    FOR_LANES factor[lane] = -((float)search.limit + 0.1f * (float)n) / extreme[lane];
    const int may_be_below = n >= 5;
    for (int i = 0; i < search.length; i++) {
        FOR_LANES {
            const float number = searched_number(factor[lane] * x[i][lane], search, may_be_below);
            sum_qx[lane] += wx[i][lane] * number;
            sum_qq[lane] += w[i][lane] * number * number;
        }
    }
    FOR_LANES {
        const float qx = sum_qx[lane], qq = sum_qq[lane];
        const int better = n == 0 ? qq != 0 : (qq > 0) & (qx * qx > best->fit[lane] * qq);
        const float scale = choose(better, qx / qq, n == 0 ? 0 : best->scale[lane]);
        best->fit[lane] = choose(better | (n == 0), scale * qx, best->fit[lane]);
        best->scale[lane] = scale;
        best->factor[lane] = choose(better | (n == 0), factor[lane], best->factor[lane]);
    }
}

/* Starts with the factor that maps the extreme to -limit, tries nine to each side, keeps the best fit. Only from n = 5
 * on may a number round to less than -limit; a loop of its own spares the others that comparison. */
INLINE void search_factors(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], SymmetricSearch search,
                           const float *RESTRICT extreme, BestScale *RESTRICT best) {
    ALIGNED float wx[MOST_VALUES][LANES];
    for (int i = 0; i < search.length; i++) {
        FOR_LANES wx[i][lane] = w[i][lane] * x[i][lane];
    }
    try_symmetric_factor(x, w, wx, search, extreme, 0, best);
    for (int n = -9; n < 0; n++) try_symmetric_factor(x, w, wx, search, extreme, n, best);
    for (int n = 1; n < 5; n++) try_symmetric_factor(x, w, wx, search, extreme, n, best);
    for (int n = 5; n <= 9; n++) try_symmetric_factor(x, w, wx, search, extreme, n, best);
}

/* Finds each lane's scale, and the factor that gives the numbers that it was found for; where no value is large enough,
 * the scale is 0 and the factor infinite. */
INLINE void find_symmetric_scale(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES],
                                 SymmetricSearch search, float *RESTRICT scale, float *RESTRICT factor) {
    ALIGNED float extreme[LANES];
    BestScale best;
    find_extremes(x, search.length, extreme);
    search_factors(x, w, search, extreme, &best);
    FOR_LANES {
        const int is_empty = fabsf(extreme[lane]) < SMALLEST_MAXIMUM;
        scale[lane] = choose(is_empty, 0, best.scale[lane]);
        factor[lane] = choose(is_empty, INFINITY, best.factor[lane]);
    }
}

/* The number of the search as ggml stores it; where it finds no scale, it leaves zeros. */
INLINE int32_t number_of_search(float value, float factor, int limit) {
    return factor != INFINITY ? stored_number(factor * value, limit) : 0;
}

/* The numbers are narrowed to bytes in a loop of their own: one loop for both would make the vectors of floats as
 * short as those of bytes. */
INLINE void number_by_search(const float (*RESTRICT x)[LANES], int length, int limit, const float *RESTRICT factor,
                             uint8_t (*RESTRICT numbers)[LANES]) {
    for (int i = 0; i < length; i++) {
        ALIGNED int32_t found[LANES];
        FOR_LANES found[lane] = number_of_search(x[i][lane], factor[lane], limit);
        FOR_LANES numbers[i][lane] = (uint8_t)found[lane];
    }
}

#endif
