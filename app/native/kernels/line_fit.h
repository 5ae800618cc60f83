/* One factor of the search for a scale and a minimum: the numbers q that it gives, the least squares line
 * x = scale * q + minimum through them, and the line's error. One sub-block per lane; the sums are those of
 * ggml-quants.c: make_qkx2_quants and make_qkx3_quants, in the same order. */
#ifndef GRISTMILL_LINE_FIT_H
#define GRISTMILL_LINE_FIT_H

#include "lanes.h"

enum { LONGEST_SUB_BLOCK = 32 };

/* One candidate is (start + step * n + highest) / (greatest - least) for each n from 0 to `last`. */
typedef struct {
    int length;
    int highest;
    float start;
    float step;
    int last;
    int hopeless_from; /* the first n of those that cut off the greatest value, of which few are the best; or 0 */
    int absolute; /* weigh absolute differences (ggml: use_mad) rather than squares */
} Search;

/* What doesn't depend on the candidate, and the least error so far. */
typedef struct {
    ALIGNED float least[LANES]; /* value; 0 if all are above */
    ALIGNED float greatest[LANES];
    ALIGNED float sum_w[LANES];
    ALIGNED float sum_x[LANES];  /* sum of w * x */
    ALIGNED float sum_xx[LANES]; /* sum of w * x * x */
    ALIGNED float error[LANES];
} Progress;

/* Values and weights lie at the start of a page, numbers in its middle: a load soon after a store waits for it where
 * the lowest twelve bits of their addresses are equal. */
typedef struct PAGE_ALIGNED {
    ALIGNED float factor[LANES];
    ALIGNED float sum_q[LANES];  /* sum of w * q */
    ALIGNED float sum_qq[LANES]; /* sum of w * q * q */
    ALIGNED float sum_qx[LANES]; /* sum of w * q * x */
    ALIGNED float determinant[LANES];
    ALIGNED float scale[LANES];
    ALIGNED float minimum[LANES];
    ALIGNED float apart[LONGEST_SUB_BLOCK / 2][LANES];
    ALIGNED float numbers[LONGEST_SUB_BLOCK][LANES];
} Candidate;

/* Where some lane's numbers may lie before they are limited to 0 to `highest`; UNKNOWN: anywhere, even where
 * nearest_int wraps or a value isn't finite. */
enum { INSIDE = 0, ABOVE = 1, BELOW = 2, UNKNOWN = 4 };

/* nearest_int, limited. */
INLINE float number_at(float value, int highest, int outside) {
    if (outside == UNKNOWN) return (float)clamp_int(nearest_int(value), 0, highest);
    float number = round_small(value);
    if (outside & BELOW) number = at_least_zero(number);
    if (outside & ABOVE) number = at_most(number, highest);
    return number;
}

/* Where the numbers may lie for factors that map the range from the origin to the greatest value to `reach`.
 * Subtraction and multiplication keep the order, so the greatest value tells, by `reach`, and the least one. What is
 * out of the ordinary, such as a factor below zero, as of an origin above all values, is left to nearest_int. */
INLINE int find_outside(const Progress *RESTRICT p, const float *RESTRICT factor, const float *RESTRICT origin,
                        float reach, int highest) {
    ALIGNED int32_t below[LANES], strange[LANES];
    const int above = reach > (float)highest + 0.499f ? ABOVE : INSIDE;
    FOR_LANES {
        const float first = factor[lane] * (p->least[lane] - origin[lane]);
        const int ordinary = (factor[lane] > 1e-30f) & (first < LARGEST_SMALL);
        below[lane] = -!(ordinary & (first >= -0.5f));
        strange[lane] = -!(ordinary & (first > -LARGEST_SMALL));
    }
    if (!any_lane(below)) return above;
    return any_lane(strange) ? UNKNOWN : above | BELOW;
}

INLINE void add_totals(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], int length,
                       Progress *RESTRICT p) {
    ALIGNED float least[LANES], greatest[LANES], sum_w[LANES] = {0}, sum_x[LANES], sum_xx[LANES] = {0};
    FOR_LANES least[lane] = greatest[lane] = x[0][lane];
    FOR_LANES sum_x[lane] = -0.f; /* a sum of zeros below zero is below zero */
    for (int i = 0; i < length; i++) {
        FOR_LANES {
            const float value = x[i][lane], weighed = w[i][lane] * value;
            least[lane] = value < least[lane] ? value : least[lane];
            greatest[lane] = value > greatest[lane] ? value : greatest[lane];
            sum_w[lane] += w[i][lane];
            sum_x[lane] += weighed;
            sum_xx[lane] += weighed * value;
        }
    }
    FOR_LANES {
        p->least[lane] = least[lane] > 0 ? 0 : least[lane];
        p->greatest[lane] = greatest[lane];
        p->sum_w[lane] = sum_w[lane];
        p->sum_x[lane] = sum_x[lane];
        p->sum_xx[lane] = sum_xx[lane];
    }
}

/* The line for `factor`. */
INLINE void fit_line(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], Search search, int outside,
                     const Progress *RESTRICT p, const float *RESTRICT origin, Candidate *RESTRICT c) {
    ALIGNED float sum_q[LANES] = {0}, sum_qq[LANES] = {0}, sum_qx[LANES] = {0}, factor[LANES], start[LANES];
    FOR_LANES factor[lane] = c->factor[lane];
    FOR_LANES start[lane] = origin[lane];
    for (int i = 0; i < search.length; i++) {
        FOR_LANES {
            const float number = number_at(factor[lane] * (x[i][lane] - start[lane]), search.highest, outside);
            const float weighed = w[i][lane] * number;
            c->numbers[i][lane] = number;
            sum_q[lane] += weighed;
            sum_qq[lane] += weighed * number;
            sum_qx[lane] += weighed * x[i][lane];
        }
    }
    ALIGNED int32_t through_zero[LANES];
    FOR_LANES {
        const float q = sum_q[lane], qq = sum_qq[lane], qx = sum_qx[lane], sum_w = p->sum_w[lane];
        const float determinant = sum_w * qq - q * q;
        c->scale[lane] = (sum_w * qx - p->sum_x[lane] * q) / determinant;
        c->minimum[lane] = (qq * p->sum_x[lane] - q * qx) / determinant;
        c->determinant[lane] = determinant;
        c->sum_q[lane] = q;
        c->sum_qq[lane] = qq;
        c->sum_qx[lane] = qx;
        through_zero[lane] = -(c->minimum[lane] > 0);
    }
    if (!any_lane(through_zero)) return;
    FOR_LANES {
        c->scale[lane] = choose(through_zero[lane] & 1, sum_qx[lane] / sum_qq[lane], c->scale[lane]);
        c->minimum[lane] = choose(through_zero[lane] & 1, 0, c->minimum[lane]);
    }
}

INLINE float weighed_error(float value, float weight, Search search, float number, float scale, float minimum) {
    const float difference = scale * number + minimum - value;
    return weight * (search.absolute ? fabsf(difference) : difference * difference);
}

INLINE void add_errors(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], Search search,
                       const Candidate *RESTRICT c, float *RESTRICT error) {
    ALIGNED float sum[LANES] = {0};
    for (int i = 0; i < search.length; i++) {
        FOR_LANES {
            sum[lane] += weighed_error(x[i][lane], w[i][lane], search, c->numbers[i][lane], c->scale[lane],
                                       c->minimum[lane]);
        }
    }
    FOR_LANES error[lane] = sum[lane];
}

/* Returns 0 if add_errors would find no lane's error below the least so far.
 *
 * In exact arithmetic the error E, the sum of w * (scale * q + minimum - x)^2, follows from the sums at hand. Let N be
 * the sum of w * x^2, w * (scale * q)^2 and w * minimum^2, and u = 2^-24 the unit of rounding. Each term of E is at
 * most 3 N, and a sum of 32 rounded terms is off by at most 33 u of their magnitudes: so E computed here is off by at
 * most 3 * (33 + 5) u N = 114 u N, and add_errors' E by 12 u N + 35 u E. 1e-5 is 167 u. The bounds on magnitudes rule
 * out overflow, and underflow that counts (a product off by 2^-150). No weight is negative. */
INLINE int may_be_better(const Progress *RESTRICT p, const Candidate *RESTRICT c) {
    ALIGNED int32_t possible[LANES];
    FOR_LANES {
        const float scale = c->scale[lane], minimum = c->minimum[lane], least_error = p->error[lane];
        const float from_scale = scale * c->sum_qq[lane], from_minimum = minimum * p->sum_w[lane];
        const float mixed = scale * c->sum_q[lane] - p->sum_x[lane];
        const float error = p->sum_xx[lane] + scale * (from_scale - 2 * c->sum_qx[lane]) +
                            minimum * (from_minimum + 2 * mixed);
        const float magnitude = p->sum_xx[lane] + scale * from_scale + minimum * from_minimum;
        const int holds = (fabsf(scale) < 1e6f) & (fabsf(minimum) < 1e6f) & (p->greatest[lane] < 1e6f) &
                          (p->least[lane] > -1e6f) & (p->sum_w[lane] < 1e9f) & (least_error > 1e-28f);
        const int is_worse = holds & (error - 1e-5f * magnitude > 1.00001f * least_error);
        possible[lane] = (c->determinant[lane] > 0) & !is_worse;
    }
    return any_lane(possible);
}

#endif
