/* The search for a scale and a minimum, x = scale * q + minimum with q from 0 to `highest`, of one sub-block
 * per lane: ggml-quants.c: make_qkx2_quants and make_qkx3_quants, which do the same sums in the same order. */
#ifndef GRISTMILL_SCALE_AND_MIN_H
#define GRISTMILL_SCALE_AND_MIN_H

#include "lanes.h"

enum { LONGEST_SUB_BLOCK = 32 };

/* One candidate is (start + step * n + highest) / (greatest - least) for each n from 0 to `last`. */
typedef struct {
    int length;
    int highest;
    float start;
    float step;
    int last;
    int absolute; /* weigh absolute differences (ggml: use_mad) rather than squares */
} Search;

/* `factor` and `origin` give the numbers found: q = nearest_int(factor * (x - origin)), clamped. */
typedef struct {
    ALIGNED float scale[LANES];
    ALIGNED float minimum[LANES];
    ALIGNED float factor[LANES];
    ALIGNED float origin[LANES];
} ScaleAndMin;

typedef struct {
    ALIGNED float greatest[LANES];
    ALIGNED float weight[LANES]; /* sum of w */
    ALIGNED float value[LANES];  /* sum of w * x */
} Totals;

INLINE float number_at(float factor, float value, float origin, int highest) {
    return (float)clamp_int(nearest_int(factor * (value - origin)), 0, highest);
}

INLINE float weighed_difference(float difference, float weight, int absolute) {
    return weight * (absolute ? fabsf(difference) : difference * difference);
}

INLINE void add_totals(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], int length,
                       Totals *RESTRICT totals, float *RESTRICT least) {
    FOR_LANES {
        least[lane] = totals->greatest[lane] = x[0][lane];
        totals->weight[lane] = w[0][lane];
        totals->value[lane] = w[0][lane] * x[0][lane];
    }
    for (int i = 1; i < length; i++) {
        FOR_LANES {
            const float value = x[i][lane];
            least[lane] = value < least[lane] ? value : least[lane];
            totals->greatest[lane] = value > totals->greatest[lane] ? value : totals->greatest[lane];
            totals->weight[lane] += w[i][lane];
            totals->value[lane] += w[i][lane] * value;
        }
    }
    FOR_LANES least[lane] = least[lane] > 0 ? 0 : least[lane];
}

/* The least squares line through the numbers that `factor` gives, and the numbers themselves. */
INLINE void fit_line(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], Search search,
                     const Totals *RESTRICT totals, const float *RESTRICT factor, const float *RESTRICT origin,
                     float (*RESTRICT numbers)[LANES], float *RESTRICT scale, float *RESTRICT minimum,
                     float *RESTRICT determinant) {
    ALIGNED float sum_q[LANES] = {0}, sum_qq[LANES] = {0}, sum_qx[LANES] = {0};
    for (int i = 0; i < search.length; i++) {
        FOR_LANES {
            const float number = number_at(factor[lane], x[i][lane], origin[lane], search.highest);
            const float weighed = w[i][lane] * number;
            numbers[i][lane] = number;
            sum_q[lane] += weighed;
            sum_qq[lane] += weighed * number;
            sum_qx[lane] += weighed * x[i][lane];
        }
    }
    FOR_LANES {
        const float sum_w = totals->weight[lane], sum_x = totals->value[lane];
        const float d = sum_w * sum_qq[lane] - sum_q[lane] * sum_q[lane];
        const float slope = (sum_w * sum_qx[lane] - sum_x * sum_q[lane]) / d;
        const float offset = (sum_qq[lane] * sum_x - sum_q[lane] * sum_qx[lane]) / d;
        const float through_zero = sum_qx[lane] / sum_qq[lane];
        scale[lane] = offset > 0 ? through_zero : slope;
        minimum[lane] = offset > 0 ? 0 : offset;
        determinant[lane] = d;
    }
}

INLINE void add_errors(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], Search search,
                       const float (*RESTRICT numbers)[LANES], const float *RESTRICT scale,
                       const float *RESTRICT minimum, float *RESTRICT error) {
    FOR_LANES error[lane] = 0;
    for (int i = 0; i < search.length; i++) {
        FOR_LANES {
            const float difference = scale[lane] * numbers[i][lane] + minimum[lane] - x[i][lane];
            error[lane] += weighed_difference(difference, w[i][lane], search.absolute);
        }
    }
}

/* Where all values are equal and none is above zero, ggml leaves before the search. Here the factor is infinite, so
 * that every number and the scale are 0 and no candidate has a determinant: the same result. */
INLINE void search_scale_and_min(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], Search search,
                                 ScaleAndMin *RESTRICT found) {
    ALIGNED float numbers[LONGEST_SUB_BLOCK][LANES];
    ALIGNED float factor[LANES], scale[LANES], minimum[LANES], determinant[LANES], error[LANES], best[LANES];
    ALIGNED float least[LANES];
    Totals totals;
    add_totals(x, w, search.length, &totals, least);
    FOR_LANES {
        const float first = (float)search.highest / (totals.greatest[lane] - least[lane]);
        found->factor[lane] = first;
        found->origin[lane] = found->minimum[lane] = least[lane];
        found->scale[lane] = 1 / first;
    }
    for (int i = 0; i < search.length; i++) {
        FOR_LANES numbers[i][lane] = number_at(found->factor[lane], x[i][lane], least[lane], search.highest);
    }
    add_errors(x, w, search, numbers, found->scale, least, best);
    for (int n = 0; n <= search.last; n++) {
        FOR_LANES {
            const float range = totals.greatest[lane] - found->minimum[lane];
            factor[lane] = (search.start + search.step * (float)n + (float)search.highest) / range;
        }
        fit_line(x, w, search, &totals, factor, found->minimum, numbers, scale, minimum, determinant);
        add_errors(x, w, search, numbers, scale, minimum, error);
        FOR_LANES {
            const int better = (determinant[lane] > 0) & (error[lane] < best[lane]);
            best[lane] = better ? error[lane] : best[lane];
            found->scale[lane] = better ? scale[lane] : found->scale[lane];
            found->factor[lane] = better ? factor[lane] : found->factor[lane];
            found->origin[lane] = better ? found->minimum[lane] : found->origin[lane];
            found->minimum[lane] = better ? minimum[lane] : found->minimum[lane];
        }
    }
}

/* The number of each weight for the rounded scale and minimum; where that scale is zero, ggml keeps the numbers
 * that the search found. */
INLINE void number_weights(const float (*RESTRICT x)[LANES], Search search, const ScaleAndMin *RESTRICT found,
                           const float *RESTRICT scale, const int32_t *RESTRICT scale_number,
                           const float *RESTRICT minimum, const int32_t *RESTRICT minimum_number,
                           uint8_t (*RESTRICT numbers)[LANES]) {
    ALIGNED float step[LANES], offset[LANES];
    FOR_LANES step[lane] = scale[lane] * (float)scale_number[lane];
    FOR_LANES offset[lane] = minimum[lane] * (float)minimum_number[lane];
    for (int i = 0; i < search.length; i++) {
        FOR_LANES {
            const float searched = found->factor[lane] * (x[i][lane] - found->origin[lane]);
            const float value = step[lane] == 0 ? searched : (x[i][lane] + offset[lane]) / step[lane];
            numbers[i][lane] = (uint8_t)clamp_int(nearest_int(value), 0, search.highest);
        }
    }
}

#endif
