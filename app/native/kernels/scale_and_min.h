/* The search for a scale and a minimum, x = scale * q + minimum with q from 0 to `highest`, of one sub-block
 * per lane: ggml-quants.c: make_qkx2_quants and make_qkx3_quants. */
#ifndef GRISTMILL_SCALE_AND_MIN_H
#define GRISTMILL_SCALE_AND_MIN_H

#include "line_fit.h"

/* Two sub-blocks are searched in turns, which hides the latency of the divisions; more would leave the first cache. */
enum { TOGETHER = 2 };

/* `factor` and `origin` give the numbers found: q = nearest_int(factor * (x - origin)), clamped. */
typedef struct {
    ALIGNED float scale[LANES];
    ALIGNED float minimum[LANES];
    ALIGNED float factor[LANES];
    ALIGNED float origin[LANES];
} ScaleAndMin;

/* The error of the line through the least and the greatest value. */
INLINE void add_first_errors(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], Search search,
                             int outside, const ScaleAndMin *RESTRICT found, float *RESTRICT error) {
    ALIGNED float sum[LANES] = {0};
    for (int i = 0; i < search.length; i++) {
        FOR_LANES {
            const float value = x[i][lane], least = found->minimum[lane];
            const float number = number_at(found->factor[lane] * (value - least), search.highest, outside);
            sum[lane] += weighed_error(value, w[i][lane], search, number, found->scale[lane], least);
        }
    }
    FOR_LANES error[lane] = sum[lane];
}

INLINE void start_search(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], Search search,
                         Progress *RESTRICT p, ScaleAndMin *RESTRICT found) {
    add_totals(x, w, search.length, p);
    FOR_LANES {
        const float first = (float)search.highest / (p->greatest[lane] - p->least[lane]);
        found->factor[lane] = first;
        found->origin[lane] = found->minimum[lane] = p->least[lane];
        found->scale[lane] = 1 / first;
    }
    if (find_outside(p, found->factor, p->least, (float)search.highest, search.highest) == INSIDE) {
        add_first_errors(x, w, search, INSIDE, found, p->error);
    } else {
        add_first_errors(x, w, search, UNKNOWN, found, p->error);
    }
}

INLINE void try_factor(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], Search search, int n,
                       const Progress *RESTRICT p, const float *RESTRICT origin, Candidate *RESTRICT c) {
    const float reach = search.start + search.step * (float)n + (float)search.highest;
    FOR_LANES c->factor[lane] = reach / (p->greatest[lane] - origin[lane]);
    switch (find_outside(p, c->factor, origin, reach, search.highest)) {
    case INSIDE: fit_line(x, w, search, INSIDE, p, origin, c); break;
    case ABOVE: fit_line(x, w, search, ABOVE, p, origin, c); break;
    case BELOW: fit_line(x, w, search, BELOW, p, origin, c); break;
    case ABOVE | BELOW: fit_line(x, w, search, ABOVE | BELOW, p, origin, c); break;
    default: fit_line(x, w, search, UNKNOWN, p, origin, c);
    }
}

/* To look first pays only where mostly no lane is better. */
INLINE int is_worth_adding(Search search, int n, const Progress *RESTRICT p, const Candidate *RESTRICT c) {
    return !search.hopeless_from || n < search.hopeless_from || may_be_better(p, c);
}

INLINE void keep_better_line(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], Search search,
                             const Candidate *RESTRICT c, Progress *RESTRICT p, ScaleAndMin *RESTRICT found) {
    ALIGNED float error[LANES];
    add_errors(x, w, search, c, error);
    FOR_LANES {
        const int better = (c->determinant[lane] > 0) & (error[lane] < p->error[lane]);
        p->error[lane] = choose(better, error[lane], p->error[lane]);
        found->scale[lane] = choose(better, c->scale[lane], found->scale[lane]);
        found->factor[lane] = choose(better, c->factor[lane], found->factor[lane]);
        found->origin[lane] = choose(better, found->minimum[lane], found->origin[lane]);
        found->minimum[lane] = choose(better, c->minimum[lane], found->minimum[lane]);
    }
}

/* Searches `blocks` sub-blocks per lane, up to TOGETHER, which lie one after the other.
 *
 * Where all values are equal and none is above zero, ggml leaves before the search. Here the factor is infinite, so
 * that every number and the scale are 0 and no candidate has a determinant: the same result. */
INLINE void search_scales_and_mins(const float (*RESTRICT x)[LANES], const float (*RESTRICT w)[LANES], Search search,
                                   int blocks, ScaleAndMin *RESTRICT found) {
    Progress progress[TOGETHER];
    Candidate candidates[TOGETHER];
    for (int k = 0; k < blocks; k++) {
        const int at = search.length * k;
        start_search(x + at, w + at, search, &progress[k], &found[k]);
    }
    for (int n = 0; n <= search.last; n++) {
        for (int k = 0; k < blocks; k++) {
            const int at = search.length * k;
            try_factor(x + at, w + at, search, n, &progress[k], found[k].minimum, &candidates[k]);
        }
        for (int k = 0; k < blocks; k++) {
            const int at = search.length * k;
            if (!is_worth_adding(search, n, &progress[k], &candidates[k])) continue;
            keep_better_line(x + at, w + at, search, &candidates[k], &progress[k], &found[k]);
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
        ALIGNED int32_t number[LANES];
        FOR_LANES {
            const float searched = found->factor[lane] * (x[i][lane] - found->origin[lane]);
            const float rounded = (x[i][lane] + offset[lane]) / step[lane];
            const float value = choose(step[lane] == 0, searched, rounded);
            number[lane] = clamp_int(nearest_int(value), 0, search.highest);
        }
        FOR_LANES numbers[i][lane] = (uint8_t)number[lane];
    }
}

#endif
