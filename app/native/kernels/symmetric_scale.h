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

/* ggml multiplies from the left, (w * x) * q, so w * x can be kept. */
INLINE void add_products(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES],
                         const float (*RESTRICT wx)[LANES], SymmetricSearch search, const float *RESTRICT factor,
                         Products *RESTRICT sums) {
    FOR_LANES sums->qx[lane] = sums->qq[lane] = 0;
    for (int i = 0; i < search.length; i++) {
        FOR_LANES {
            const float number = symmetric_number(factor[lane] * x[i][lane], search);
            sums->qx[lane] += wx[i][lane] * number;
            sums->qq[lane] += w[i][lane] * number * number;
        }
    }
}

/* Starts with the factor that maps the extreme to -limit, tries nine to each side, keeps the best fit. */
INLINE void search_factors(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], SymmetricSearch search,
                           const float *RESTRICT extreme, BestScale *RESTRICT best) {
    ALIGNED float wx[MOST_VALUES][LANES], factor[LANES];
    Products sums;
    for (int i = 0; i < search.length; i++) {
        FOR_LANES wx[i][lane] = w[i][lane] * x[i][lane];
    }
    FOR_LANES best->factor[lane] = -(float)search.limit / extreme[lane];
    add_products(x, w, wx, search, best->factor, &sums);
    FOR_LANES {
        best->scale[lane] = sums.qq[lane] != 0 ? sums.qx[lane] / sums.qq[lane] : 0;
        best->fit[lane] = best->scale[lane] * sums.qx[lane];
    }
    for (int n = -9; n <= 9; n++) {
        if (n == 0) continue;
        FOR_LANES factor[lane] = -((float)search.limit + 0.1f * (float)n) / extreme[lane];
        add_products(x, w, wx, search, factor, &sums);
        keep_better(&sums, factor, best);
    }
}

/* Finds each lane's scale and the numbers that it was found for, as stored; ggml leaves both at zero where no
 * value is large enough. The numbers are narrowed to bytes in a loop of their own: one loop for both would make
 * the vectors of floats as short as those of bytes. */
INLINE void find_symmetric_scale(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES],
                                 SymmetricSearch search, float *RESTRICT scale, uint8_t (*RESTRICT numbers)[LANES]) {
    ALIGNED float extreme[LANES];
    BestScale best;
    find_extremes(x, search.length, extreme);
    search_factors(x, w, search, extreme, &best);
    FOR_LANES scale[lane] = fabsf(extreme[lane]) < SMALLEST_MAXIMUM ? 0 : best.scale[lane];
    for (int i = 0; i < search.length; i++) {
        ALIGNED int32_t found[LANES];
        FOR_LANES {
            const int32_t number = stored_number(best.factor[lane] * x[i][lane], search.limit);
            found[lane] = fabsf(extreme[lane]) < SMALLEST_MAXIMUM ? 0 : number;
        }
        FOR_LANES numbers[i][lane] = (uint8_t)found[lane];
    }
}

#endif
