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

/* nearest_int, limited. Finite values are limited before, by limit_values. */
INLINE float symmetric_number(float value, SymmetricSearch search) {
    if (search.finite) return round_small(value);
    return (float)clamp_int(nearest_int(value), -search.limit, search.limit - 1);
}

/* A share of the extreme that every factor for n from `first` to `last` maps to `number`, which is a limit: greater
 * shares are mapped to it, or beyond. */
INLINE float share_of_limit(int number, int limit, int first, int last) {
    const float least = ((float)number - 0.5f) / ((float)limit + 0.1f * (float)first);
    const float greatest = ((float)number + 0.5f) / ((float)limit + 0.1f * (float)last);
    return (least + greatest) / 2;
}

/* Limits values to what the factors for n from `first` to `last` map to the limits, which spares each factor to limit
 * its numbers. Up to n = 4 none is mapped below -limit. */
INLINE void limit_values(const float (*RESTRICT x)[LANES], SymmetricSearch search, const float *RESTRICT extreme,
                         int first, int last, float (*RESTRICT limited)[LANES]) {
    const float upper_share = share_of_limit(search.limit - 1, search.limit, first, last);
    const float lower_share = last > 4 ? share_of_limit(search.limit, search.limit, first, last) : 1;
    ALIGNED float least[LANES], greatest[LANES];
    FOR_LANES {
        const float upper = -upper_share * extreme[lane], lower = lower_share * extreme[lane];
        least[lane] = upper < lower ? upper : lower;
        greatest[lane] = upper < lower ? lower : upper;
    }
    for (int i = 0; i < search.length; i++) {
        FOR_LANES {
            const float value = x[i][lane] > least[lane] ? x[i][lane] : least[lane];
            limited[i][lane] = value < greatest[lane] ? value : greatest[lane];
        }
    }
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
                        int first, int count, BestScale *RESTRICT best) {
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
                const float number = symmetric_number(factors[k][lane] * x[i][lane], search);
                sums[k].qx[lane] += wx[i][lane] * number;
                sums[k].qq[lane] += w[i][lane] * number * number;
            }
        }
    }
    FOR_FACTORS(k) keep_better_factor(&sums[k], factors[k], first + k == 0, best);
}

/* Keeps the best fit. Up to n = -6 no number can round to `limit`. */
INLINE void search_factors(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], SymmetricSearch search,
                           const float *RESTRICT extreme, BestScale *RESTRICT best) {
    ALIGNED float wx[MOST_VALUES][LANES], limited[MOST_VALUES][LANES];
    const float(*values)[LANES] = search.finite ? (const float(*)[LANES])limited : x;
    for (int i = 0; i < search.length; i++) {
        FOR_LANES wx[i][lane] = w[i][lane] * x[i][lane];
    }
    if (search.finite) limit_values(x, search, extreme, -5, 4, limited);
    try_factors(values, w, wx, search, extreme, 0, 1, best);
    try_factors(x, w, wx, search, extreme, 1, 2, best);
    try_factors(x, w, wx, search, extreme, 3, 2, best);
    for (int place = 5; place < 14; place += 3) try_factors(values, w, wx, search, extreme, place, 3, best);
    if (search.finite) limit_values(x, search, extreme, 5, 9, limited);
    try_factors(values, w, wx, search, extreme, 14, 3, best);
    try_factors(values, w, wx, search, extreme, 17, 2, best);
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
