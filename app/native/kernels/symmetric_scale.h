/* The search for a scale without a minimum, x = scale * q with q from -limit to limit - 1, of one sub-block
 * per lane: ggml-quants.c: make_qx_quants with rmse_type 1. */
#ifndef GRISTMILL_SYMMETRIC_SCALE_H
#define GRISTMILL_SYMMETRIC_SCALE_H

#include "lanes.h"
#include "least_squares.h"

enum { MOST_VALUES = 32, MOST_FACTORS = 3 };

/* Unrolled, so that all sums stay in registers. */
#if defined(__GNUC__) && !defined(__clang__)
#define FOR_FACTORS(k) _Pragma("GCC unroll 3") for (int k = 0; k < count; k++)
#else
#define FOR_FACTORS(k) for (int k = 0; k < count; k++)
#endif

typedef struct {
    int length; /* values per sub-block */
    int limit;
    int finite; /* no value is infinite or not a number: allows a quicker rounding */
} SymmetricSearch;

/* The number as ggml stores it, from 0 to 2 * limit - 1. */
INLINE int32_t stored_number(float value, int limit) {
    return clamp_int(nearest_int(value), -limit, limit - 1) + limit;
}

/* Which limits a number may exceed before it is limited. */
enum { NEITHER = 0, UPPER = 1, LOWER = 2 };

/* nearest_int, limited. As integers, the bits of positive floats are in order and above those of negative ones; as
 * unsigned integers, those of negative floats are in the order of magnitudes and above the others. */
INLINE float symmetric_number(float value, SymmetricSearch search, int exceeded) {
    if (!search.finite) return (float)clamp_int(nearest_int(value), -search.limit, search.limit - 1);
    const int32_t highest = bits_of((float)(search.limit - 1)), lowest = bits_of(-(float)search.limit);
    int32_t bits = bits_of(round_small(value));
    if (exceeded & UPPER) bits = bits < highest ? bits : highest;
    if (exceeded & LOWER) bits = (uint32_t)bits < (uint32_t)lowest ? bits : lowest;
    return float_of(bits);
}

/* Keeps a factor if it fits better, or if it is the first. */
INLINE void keep_better_factor(const Products *RESTRICT sums, const float *RESTRICT factor, int is_first,
                               BestScale *RESTRICT best) {
    FOR_LANES {
        const float qx = sums->qx[lane], qq = sums->qq[lane];
        const int better = is_first ? qq != 0 : (qq > 0) & (qx * qx > best->fit[lane] * qq);
        const float scale = choose(better, qx / qq, is_first ? 0 : best->scale[lane]);
        best->fit[lane] = choose(better | is_first, scale * qx, best->fit[lane]);
        best->scale[lane] = scale;
        best->factor[lane] = choose(better | is_first, factor[lane], best->factor[lane]);
    }
}

/* ggml tries 0 first, then -9 to -1 and 1 to 9. */
INLINE int number_of_try(int place) { return place == 0 ? 0 : place < 10 ? place - 10 : place - 9; }

/* Tries the factors that map the extreme to -(limit + 0.1 * n) for the n at `count` places from `first` on, side by
 * side, which hides latency. ggml multiplies from the left, (w * x) * q, so w * x can be kept. */
INLINE void try_factors(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES],
                        const float (*RESTRICT wx)[LANES], SymmetricSearch search, const float *RESTRICT extreme,
                        int first, int count, int exceeded, BestScale *RESTRICT best) {
    ALIGNED float factors[MOST_FACTORS][LANES];
    Products sums[MOST_FACTORS];
    FOR_FACTORS(k) {
        const float limit = (float)search.limit + 0.1f * (float)number_of_try(first + k);
        FOR_LANES {
            factors[k][lane] = -limit / extreme[lane];
            sums[k].qx[lane] = sums[k].qq[lane] = 0;
        }
    }
    for (int i = 0; i < search.length; i++) {
        FOR_FACTORS(k) {
            FOR_LANES {
                const float number = symmetric_number(factors[k][lane] * x[i][lane], search, exceeded);
                sums[k].qx[lane] += wx[i][lane] * number;
                sums[k].qq[lane] += w[i][lane] * number * number;
            }
        }
    }
    FOR_FACTORS(k) keep_better_factor(&sums[k], factors[k], first + k == 0, best);
}

/* Keeps the best fit. Up to n = -6 no number can round to `limit`, and only from n = 5 on may one round to less than
 * -limit; loops of their own spare the others the comparisons. */
INLINE void search_factors(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], SymmetricSearch search,
                           const float *RESTRICT extreme, BestScale *RESTRICT best) {
    ALIGNED float wx[MOST_VALUES][LANES];
    for (int i = 0; i < search.length; i++) {
        FOR_LANES wx[i][lane] = w[i][lane] * x[i][lane];
    }
    try_factors(x, w, wx, search, extreme, 0, 2, UPPER, best);
    try_factors(x, w, wx, search, extreme, 2, 3, NEITHER, best);
    for (int place = 5; place < 14; place += 3) try_factors(x, w, wx, search, extreme, place, 3, UPPER, best);
    try_factors(x, w, wx, search, extreme, 14, 3, UPPER | LOWER, best);
    try_factors(x, w, wx, search, extreme, 17, 2, UPPER | LOWER, best);
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
