/* Shared by the searches for a scale without a minimum: the scale that fits numbers q best is the sum of
 * w * x * q over the sum of w * q * q. */
#ifndef GRISTMILL_LEAST_SQUARES_H
#define GRISTMILL_LEAST_SQUARES_H

#include "lanes.h"

typedef struct {
    ALIGNED float qx[LANES]; /* sum of w * x * q */
    ALIGNED float qq[LANES]; /* sum of w * q * q */
} Products;

/* The best scale so far, the fit that it reached, and the factor from values to numbers that led to it. */
typedef struct {
    ALIGNED float scale[LANES];
    ALIGNED float fit[LANES];
    ALIGNED float factor[LANES];
} BestScale;

/* The value of greatest magnitude in each lane, the first one among equals. */
INLINE void find_extremes(const float (*RESTRICT x)[LANES], int length, float *RESTRICT extreme) {
    FOR_LANES extreme[lane] = 0;
    for (int i = 0; i < length; i++) {
        FOR_LANES extreme[lane] = fabsf(x[i][lane]) > fabsf(extreme[lane]) ? x[i][lane] : extreme[lane];
    }
}

INLINE void keep_better(const Products *RESTRICT sums, const float *RESTRICT factor, BestScale *RESTRICT best) {
    FOR_LANES {
        const float qx = sums->qx[lane], qq = sums->qq[lane], scale = qx / qq;
        const int better = (qq > 0) & (qx * qx > best->fit[lane] * qq);
        best->fit[lane] = choose(better, scale * qx, best->fit[lane]);
        best->scale[lane] = choose(better, scale, best->scale[lane]);
        best->factor[lane] = choose(better, factor[lane], best->factor[lane]);
    }
}

#endif
