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

/* Whether the others want the number of `value` elsewhere; `qx` and `qq` are the sums of all. */
INLINE int is_wanted_elsewhere(float value, float number, float qx, float qq) {
    const float w = value * value, others_qx = qx - w * value * number, others_qq = qq - w * number * number;
    return (others_qx > 0) & (wanted_number(value, others_qx, others_qq) != number);
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

/* Finds the sums to start from, and whether the others want any number elsewhere; mostly they don't. */
INLINE void start_search(const float (*RESTRICT x)[LANES], const float *RESTRICT extreme, Products *RESTRICT sums,
                         int32_t *RESTRICT unsettled) {
    FOR_LANES {
        float qx = 0, qq = 0;
        int any = 0;
        FOR_SUB_BLOCK {
            const float value = x[i][lane], w = value * value, number = first_number(value, extreme[lane]);
            qx += w * value * number;
            qq += w * number * number;
        }
        FOR_SUB_BLOCK {
            any |= is_wanted_elsewhere(x[i][lane], first_number(x[i][lane], extreme[lane]), qx, qq);
        }
        sums->qx[lane] = qx;
        sums->qq[lane] = qq;
        unsettled[lane] = any & !is_empty(extreme[lane]);
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

/* Whether the others want the number of any lane's value elsewhere. */
INLINE int is_any_wanted_elsewhere(const float *RESTRICT x, const float *RESTRICT numbers,
                                   const Products *RESTRICT sums) {
    ALIGNED int32_t wanted[LANES];
    FOR_LANES wanted[lane] = -is_wanted_elsewhere(x[lane], numbers[lane], sums->qx[lane], sums->qq[lane]);
    return any_lane(wanted);
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
            const Products *sums = &s->sums[vector];
            if (vectors <= FEW_VECTORS && !is_any_wanted_elsewhere(s->x[at], s->numbers[at], sums)) continue;
            move_number(s->x[at], s->numbers[at], &s->sums[vector], s->moved[vector]);
        }
    }
}

INLINE void swap(float *one, float *other) {
    const float kept = *one;
    *one = *other;
    *other = kept;
}

INLINE void swap_sub_blocks(Settling *s, int32_t *places, int a, int b) {
    const int block_a = a / LANES, lane_a = a % LANES, block_b = b / LANES, lane_b = b % LANES;
    const int32_t place = places[a];
    places[a] = places[b];
    places[b] = place;
    for (int i = 0; i < SUB_BLOCK; i++) {
        const int at_a = SUB_BLOCK * block_a + i, at_b = SUB_BLOCK * block_b + i;
        swap(&s->x[at_a][lane_a], &s->x[at_b][lane_b]);
        swap(&s->numbers[at_a][lane_a], &s->numbers[at_b][lane_b]);
    }
    swap(&s->sums[block_a].qx[lane_a], &s->sums[block_b].qx[lane_b]);
    swap(&s->sums[block_a].qq[lane_a], &s->sums[block_b].qq[lane_b]);
}

INLINE int count_movers(const Settling *s, int count) {
    int movers = 0;
    for (int n = 0; n < count; n++) movers += s->moved[n / LANES][n % LANES];
    return movers;
}

/* Brings the sub-blocks in which a number moved to the front; returns their count. */
INLINE int gather_movers(Settling *s, int32_t *places, int count) {
    int first = 0, last = count - 1;
    while (1) {
        while (first <= last && s->moved[first / LANES][first % LANES]) first++;
        while (first <= last && !s->moved[last / LANES][last % LANES]) last--;
        if (first > last) return first;
        swap_sub_blocks(s, places, first++, last--);
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

/* Settles the `count` sub-blocks at `places`, and leaves these in the order of the settled ones. A sub-block that
 * shares a vector with movers goes through their rounds unchanged, so movers are gathered only to spare a vector. */
static void settle(const float *const blocks[LANES], const Starts *starts, int32_t *places, int count,
                   Settling *RESTRICT s) {
    for (int vector = 0; vector < vectors_for(count); vector++) {
        int32_t taken[LANES];
        FOR_LANES taken[lane] = places[LANES * vector + lane < count ? LANES * vector + lane : count - 1];
        take_sub_blocks(blocks, starts, taken, vector, s);
    }
    for (int round = 0; round < ROUNDS && count > 0; round++) {
        settle_round(s, vectors_for(count));
        const int movers = count_movers(s, count);
        if (movers == 0) break;
        if (vectors_for(movers) < vectors_for(count)) count = gather_movers(s, places, count);
    }
}

INLINE float settled_scale(float qx, float qq) { return qq > 0 ? qx / qq : 0; }

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
    settle(blocks, starts, places, count, s);
    for (int n = 0; n < count; n++) {
        const Products *sums = &s->sums[n / LANES];
        scales[places[n] / LANES][places[n] % LANES] = settled_scale(sums->qx[n % LANES], sums->qq[n % LANES]);
    }
}

/* Finds the numbers of the sub-blocks at `places`, as stored. */
INLINE void settle_numbers(const float *const blocks[LANES], const Starts *starts, int32_t *places, int count,
                           Settling *RESTRICT s, uint8_t (*RESTRICT numbers)[LANES]) {
    settle(blocks, starts, places, count, s);
    for (int n = 0; n < count; n++) {
        const int block = places[n] / LANES, lane = places[n] % LANES;
        const int empty = is_empty(starts->extremes[block][lane]);
        for (int i = 0; i < SUB_BLOCK; i++) {
            const float number = empty ? -(float)LIMIT : s->numbers[SUB_BLOCK * (n / LANES) + i][n % LANES];
            numbers[SUB_BLOCK * block + i][lane] = (uint8_t)((int32_t)number + LIMIT);
        }
    }
}

#endif
