/* The scales of the scales: ggml-quants.c: make_qp_quants, for one super-block per lane. */
#ifndef GRISTMILL_POSITIVE_SCALES_H
#define GRISTMILL_POSITIVE_SCALES_H

#include "lanes.h"

INLINE int32_t limited_number(float value, int32_t highest) {
    const int32_t number = nearest_int(value);
    return number < highest ? number : highest;
}

/* Starts with the factor that maps the maximum to `highest`, tries eight beside it, keeps the least error. */
INLINE void choose_factor(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], int length, int highest,
                          const float *RESTRICT maximum, float *RESTRICT factor) {
    ALIGNED float best[LANES] = {0}, scale[LANES];
    FOR_LANES factor[lane] = (float)highest / maximum[lane];
    FOR_LANES scale[lane] = 1 / factor[lane];
    for (int i = 0; i < length; i++) {
        FOR_LANES {
            const int32_t number = nearest_int(factor[lane] * x[i][lane]) & 0xFF;
            const float difference = x[i][lane] - scale[lane] * (float)number;
            best[lane] += w[i][lane] * difference * difference;
        }
    }
    for (int n = -4; n <= 4; n++) {
        ALIGNED float error[LANES] = {0}, other[LANES];
        if (n == 0) continue;
        FOR_LANES other[lane] = (0.1f * (float)n + (float)highest) / maximum[lane];
        FOR_LANES scale[lane] = 1 / other[lane];
        for (int i = 0; i < length; i++) {
            FOR_LANES {
                const int32_t number = limited_number(other[lane] * x[i][lane], highest);
                const float difference = x[i][lane] - scale[lane] * (float)number;
                error[lane] += w[i][lane] * difference * difference;
            }
        }
        FOR_LANES {
            const int better = error[lane] < best[lane];
            best[lane] = better ? error[lane] : best[lane];
            factor[lane] = better ? other[lane] : factor[lane];
        }
    }
}

/* One round in which each number may move to where the others want it; returns whether any did. */
INLINE int move_numbers(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], int length, int highest,
                        int32_t (*RESTRICT numbers)[LANES], float *RESTRICT sum_qx, float *RESTRICT sum_qq) {
    ALIGNED int32_t moved[LANES] = {0};
    for (int i = 0; i < length; i++) {
        FOR_LANES {
            const float weight = w[i][lane], value = x[i][lane], old = (float)numbers[i][lane];
            const float rest_qx = sum_qx[lane] - weight * value * old;
            const float rest_qq = sum_qq[lane] - weight * old * old;
            const int32_t number = limited_number(value * rest_qq / rest_qx, highest);
            const float qx = rest_qx + weight * value * (float)number;
            const float qq = rest_qq + weight * (float)number * (float)number;
            const int better = (rest_qx > 0) & (rest_qq > 0) & (number != numbers[i][lane]) &
                               (qx * qx * sum_qq[lane] > sum_qx[lane] * sum_qx[lane] * qq);
            numbers[i][lane] = better ? number & 0xFF : numbers[i][lane];
            sum_qx[lane] = better ? qx : sum_qx[lane];
            sum_qq[lane] = better ? qq : sum_qq[lane];
            moved[lane] |= better;
        }
    }
    int any = 0;
    FOR_LANES any |= moved[lane];
    return any;
}

/* Finds x = scale * number, with numbers from 0 to `highest`; where no x is above zero, all is zero.
 * ggml keeps numbers in bytes, so a negative one wraps: `& 0xFF`. */
INLINE void fit_positive(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], int length, int highest,
                         int32_t (*RESTRICT numbers)[LANES], float *RESTRICT scale) {
    ALIGNED float maximum[LANES] = {0}, factor[LANES], sum_qx[LANES] = {0}, sum_qq[LANES] = {0};
    for (int i = 0; i < length; i++) {
        FOR_LANES maximum[lane] = maximum[lane] > x[i][lane] ? maximum[lane] : x[i][lane];
    }
    choose_factor(x, w, length, highest, maximum, factor);
    for (int i = 0; i < length; i++) {
        FOR_LANES {
            const int32_t number = limited_number(factor[lane] * x[i][lane], highest);
            numbers[i][lane] = number & 0xFF;
            sum_qx[lane] += w[i][lane] * x[i][lane] * (float)number;
            sum_qq[lane] += w[i][lane] * (float)number * (float)number;
        }
    }
    for (int round = 0; round < 5; round++) {
        if (!move_numbers(x, w, length, highest, numbers, sum_qx, sum_qq)) break;
    }
    FOR_LANES scale[lane] = sum_qq[lane] > 0 ? sum_qx[lane] / sum_qq[lane] : 0;
    FOR_LANES scale[lane] = maximum[lane] < SMALLEST_MAXIMUM ? 0 : scale[lane];
    for (int i = 0; i < length; i++) {
        FOR_LANES numbers[i][lane] = maximum[lane] < SMALLEST_MAXIMUM ? 0 : numbers[i][lane];
    }
}

#endif
