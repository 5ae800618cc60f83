/* The search for the scales of Q3_K without importance: the numbers of a sub-block move, one after the other, to
 * where the scale that fits the others wants them. ggml-quants.c: make_q3_quants. Few sub-blocks need that; they are
 * gathered, so that they move side by side. */
#ifndef GRISTMILL_SETTLED_SCALES_H
#define GRISTMILL_SETTLED_SCALES_H

#include "lanes.h"
#include "least_squares.h"
#include "symmetric_scale.h"
#include "transposes.h"

enum { SUPER_BLOCK = 256, SUB_BLOCK = 16, SUB_BLOCKS = 16, LIMIT = 4, ROUNDS = 5, FEW_VECTORS = 2 };

/* Unrolled, so that the loop over the lanes around it is the innermost one and its sums stay in registers. */
#if defined(__clang__)
#define FOR_SUB_BLOCK _Pragma("clang loop unroll(full)") for (int i = 0; i < SUB_BLOCK; i++)
#elif defined(__GNUC__)
#define FOR_SUB_BLOCK _Pragma("GCC unroll 16") for (int i = 0; i < SUB_BLOCK; i++)
#else
#define FOR_SUB_BLOCK for (int i = 0; i < SUB_BLOCK; i++)
#endif

/* The start of the search in each sub-block. */
typedef struct {
    ALIGNED float extremes[SUB_BLOCKS][LANES];
    Products sums[SUB_BLOCKS];
} Starts;

/* Sub-blocks while their numbers move, sixteen values to each. As `moved` takes half of a float's room, a compiler
 * steps through two vectors of floats together to fill one of it, and so hides some of their latency. */
typedef struct {
    ALIGNED float x[SUPER_BLOCK][LANES];
    ALIGNED float numbers[SUPER_BLOCK][LANES];
    ALIGNED int16_t moved[SUB_BLOCKS][LANES];
    Products sums[SUB_BLOCKS];
} Settling;

INLINE int is_empty(float extreme) { return fabsf(extreme) < SMALLEST_MAXIMUM; }

/* The extreme becomes -LIMIT, so no number can be below. */
INLINE float first_number(float value, float extreme) {
    return at_most(round_small(-(float)LIMIT / extreme * value), LIMIT - 1);
}

/* Where the other numbers, given their sums, want the number of `value`. */
INLINE float wanted_number(float value, float others_qx, float others_qq) {
    return (float)clamp_int(nearest_int(value * others_qq / others_qx), -LIMIT, LIMIT - 1);
}

/* Mostly it takes no division to tell that the others want a number to stay, which they do if
 * |x * others_qq / others_qx - number| < 1/2. With the sums of all, x * others_qq - number * others_qx is
 * x * qq - number * qx, and others_qx is qx less the number's own term, w * x * number: so the number stays if
 * 2 * |x * qq - number * qx| + term < qx. `excess` is the left side, `room_of` the right one, less what rounding may do
 * to both: below 40 * 2^-24 of |x| * qq + qx, where 8e-6 is 134 * 2^-24. */

/* Twice a sum, with room for what rounding may do to a quotient up to 4.5, 2^-23 of it. */
INLINE float doubled(float sum) { return 2.00004f * sum; }

/* Infinite, overflowing and underflowing sums leave no room. */
INLINE float room_of(float qx, float qq, float value) {
    const float rounding = 8e-6f * (fabsf(value) * qq + qx);
    return (qx > 1e-30f) & (qx < 1e36f) ? qx - rounding : -1;
}

/* No number is limited further than to -LIMIT and LIMIT - 1. `term` isn't below zero. */
INLINE float excess(float value, float number, float term, float doubled_qx, float doubled_qq) {
    const float least = -(float)LIMIT * doubled_qx, greatest = (float)(LIMIT - 1) * doubled_qx;
    float wanted = value * doubled_qq;
    wanted = wanted > least ? wanted : least;
    wanted = wanted < greatest ? wanted : greatest;
    return fabsf(wanted - number * doubled_qx) + term;
}

/* find_extremes for finite values, which compare quicker as whole numbers. */
INLINE void find_finite_extremes(const float (*RESTRICT x)[LANES], float *RESTRICT extreme) {
    FOR_LANES {
        int32_t bits = 0, greatest = 0;
        FOR_SUB_BLOCK {
            const int32_t own = bits_of(x[i][lane]), magnitude = own & INT32_MAX;
            bits = magnitude > greatest ? own : bits;
            greatest = magnitude > greatest ? magnitude : greatest;
        }
        extreme[lane] = float_of(bits);
    }
}

/* Finds the sums to start from, and whether the others may want any number elsewhere; mostly they don't. Where the
 * extreme is above zero, no term of qx is: the others' sum isn't above zero either, and they want nothing. */
INLINE void start_search(const float (*RESTRICT x)[LANES], const float *RESTRICT extreme, Products *RESTRICT sums,
                         int32_t *RESTRICT unsettled) {
    ALIGNED float numbers[SUB_BLOCK][LANES], terms[SUB_BLOCK][LANES];
    FOR_LANES {
        float qx = 0, qq = 0;
        FOR_SUB_BLOCK {
            const float value = x[i][lane], w = value * value, number = first_number(value, extreme[lane]);
            const float term = w * value * number;
            qx += term;
            qq += w * number * number;
            numbers[i][lane] = number;
            terms[i][lane] = term;
        }
        sums->qx[lane] = qx;
        sums->qq[lane] = qq;
    }
    FOR_LANES {
        const float qx = sums->qx[lane], qq = sums->qq[lane];
        float most = 0;
        FOR_SUB_BLOCK {
            const float own = excess(x[i][lane], numbers[i][lane], terms[i][lane], doubled(qx), doubled(qq));
            most = own > most ? own : most;
        }
        const int is_settled = most <= room_of(qx, qq, extreme[lane]);
        unsettled[lane] = (extreme[lane] <= -SMALLEST_MAXIMUM) & !is_settled;
    }
}

/* Each number may move to where the other fifteen of its sub-block want it; `moved` is set if it did. */
INLINE void move_number(const float *RESTRICT x, float *RESTRICT numbers, Products *RESTRICT sums,
                        int16_t *RESTRICT moved) {
    FOR_LANES {
        const float value = x[lane], w = value * value, old = numbers[lane];
        const float others_qx = sums->qx[lane] - w * value * old;
        const float others_qq = sums->qq[lane] - w * old * old;
        const float number = wanted_number(value, others_qx, others_qq);
        const float qx = others_qx + w * value * number;
        const float qq = others_qq + w * number * number;
        const int better = (others_qx > 0) & (number != old) & (qq > 0) &
                           (qx * qx * sums->qq[lane] > sums->qx[lane] * sums->qx[lane] * qq);
        numbers[lane] = choose(better, number, old);
        sums->qx[lane] = choose(better, qx, sums->qx[lane]);
        sums->qq[lane] = choose(better, qq, sums->qq[lane]);
        moved[lane] = (int16_t)(moved[lane] | better);
    }
}

/* Whether the others may want the number of any lane's value elsewhere. */
INLINE int may_any_move(const float *RESTRICT x, const float *RESTRICT numbers, const Products *RESTRICT sums) {
    ALIGNED int32_t may_move[LANES];
    FOR_LANES {
        const float value = x[lane], number = numbers[lane], term = value * value * value * number;
        const float qx = sums->qx[lane], qq = sums->qq[lane];
        const int stays = excess(value, number, term, doubled(qx), doubled(qq)) <= room_of(qx, qq, value);
        may_move[lane] = -!(stays & (term >= 0));
    }
    return any_lane(may_move);
}

/* Steps through the sub-blocks side by side, which hides the latency of the division. In few vectors, few numbers are
 * left to move: to look for them first leaves the steps without any independent of each other. */
INLINE void settle_round(Settling *RESTRICT s, int vectors) {
    for (int vector = 0; vector < vectors; vector++) {
        FOR_LANES s->moved[vector][lane] = 0;
    }
    for (int i = 0; i < SUB_BLOCK; i++) {
        for (int vector = 0; vector < vectors; vector++) {
            const int at = SUB_BLOCK * vector + i;
            Products *sums = &s->sums[vector];
            if (vectors <= FEW_VECTORS && !may_any_move(s->x[at], s->numbers[at], sums)) continue;
            move_number(s->x[at], s->numbers[at], sums, s->moved[vector]);
        }
    }
}

/* Puts the sub-blocks at LANES places side by side, with the numbers and sums that they start from. */
INLINE void take_sub_blocks(const float *const blocks[LANES], const Starts *starts, const int32_t *places, int vector,
                            Settling *RESTRICT s) {
    float(*RESTRICT x)[LANES] = s->x + SUB_BLOCK * vector;
    const float *from[LANES];
    ALIGNED float extreme[LANES];
    FOR_LANES {
        const int block = places[lane] / LANES, block_lane = places[lane] % LANES;
        from[lane] = blocks[block_lane] + SUB_BLOCK * block;
        extreme[lane] = starts->extremes[block][block_lane];
        s->sums[vector].qx[lane] = starts->sums[block].qx[block_lane];
        s->sums[vector].qq[lane] = starts->sums[block].qq[block_lane];
    }
    load_lanes(x, from, SUB_BLOCK);
    for (int i = 0; i < SUB_BLOCK; i++) {
        FOR_LANES s->numbers[SUB_BLOCK * vector + i][lane] = first_number(x[i][lane], extreme[lane]);
    }
}

INLINE int vectors_for(int count) { return (count + LANES - 1) / LANES; }

INLINE float settled_scale(float qx, float qq) { return qq > 0 ? qx / qq : 0; }

INLINE void copy_sub_block(Settling *s, int from, int to) {
    const int from_vector = from / LANES, from_lane = from % LANES, to_vector = to / LANES, to_lane = to % LANES;
    for (int i = 0; i < SUB_BLOCK; i++) {
        const int from_at = SUB_BLOCK * from_vector + i, to_at = SUB_BLOCK * to_vector + i;
        s->x[to_at][to_lane] = s->x[from_at][from_lane];
        s->numbers[to_at][to_lane] = s->numbers[from_at][from_lane];
    }
    s->sums[to_vector].qx[to_lane] = s->sums[from_vector].qx[from_lane];
    s->sums[to_vector].qq[to_lane] = s->sums[from_vector].qq[from_lane];
}

/* Keeps the numbers of a settled sub-block, as stored, where there is room for them, or else its scale. */
INLINE void keep_settled(const Settling *s, int n, int place, const Starts *starts, float (*RESTRICT scales)[LANES],
                         uint8_t (*RESTRICT numbers)[LANES]) {
    const int vector = n / LANES, own_lane = n % LANES, block = place / LANES, lane = place % LANES;
    if (!numbers) {
        scales[block][lane] = settled_scale(s->sums[vector].qx[own_lane], s->sums[vector].qq[own_lane]);
        return;
    }
    const int empty = is_empty(starts->extremes[block][lane]);
    for (int i = 0; i < SUB_BLOCK; i++) {
        const float number = empty ? -(float)LIMIT : s->numbers[SUB_BLOCK * vector + i][own_lane];
        numbers[SUB_BLOCK * block + i][lane] = (uint8_t)((int32_t)number + LIMIT);
    }
}

/* Keeps the sub-blocks whose numbers stayed; gathers the others, whose count it returns. */
INLINE int keep_stayers(Settling *RESTRICT s, int32_t *places, int count, const Starts *starts,
                        float (*RESTRICT scales)[LANES], uint8_t (*RESTRICT numbers)[LANES]) {
    int movers = 0;
    for (int n = 0; n < count; n++) {
        if (s->moved[n / LANES][n % LANES]) {
            copy_sub_block(s, n, movers);
            places[movers++] = places[n];
        } else {
            keep_settled(s, n, places[n], starts, scales, numbers);
        }
    }
    return movers;
}

/* Settles the `count` sub-blocks at `places`, and gives either their scales or their numbers. Nearly all move in the
 * first round. */
static void settle(const float *const blocks[LANES], const Starts *starts, int32_t *places, int count,
                   Settling *RESTRICT s, float (*RESTRICT scales)[LANES], uint8_t (*RESTRICT numbers)[LANES]) {
    for (int vector = 0; vector < vectors_for(count); vector++) {
        int32_t taken[LANES];
        FOR_LANES taken[lane] = places[LANES * vector + lane < count ? LANES * vector + lane : count - 1];
        take_sub_blocks(blocks, starts, taken, vector, s);
    }
    settle_round(s, vectors_for(count));
    for (int round = 1; round < ROUNDS && count > 0; round++) {
        settle_round(s, vectors_for(count));
        count = keep_stayers(s, places, count, starts, scales, numbers);
    }
    for (int n = 0; n < count; n++) keep_settled(s, n, places[n], starts, scales, numbers);
}

/* Finds the scales of all sub-blocks. */
INLINE void settle_scales(const float (*RESTRICT x)[LANES], const float *const blocks[LANES], Starts *RESTRICT starts,
                          Settling *RESTRICT s, float (*RESTRICT scales)[LANES]) {
    int32_t places[SUB_BLOCKS * LANES];
    int count = 0;
    for (int block = 0; block < SUB_BLOCKS; block++) {
        const float *extreme = starts->extremes[block];
        const Products *sums = &starts->sums[block];
        ALIGNED int32_t unsettled[LANES];
        find_finite_extremes(x + SUB_BLOCK * block, starts->extremes[block]);
        start_search(x + SUB_BLOCK * block, extreme, &starts->sums[block], unsettled);
        FOR_LANES {
            scales[block][lane] = is_empty(extreme[lane]) ? 0 : settled_scale(sums->qx[lane], sums->qq[lane]);
        }
        for (int lane = 0; lane < LANES; lane++) {
            places[count] = LANES * block + lane;
            count += unsettled[lane];
        }
    }
    settle(blocks, starts, places, count, s, scales, NULL);
}

#endif
