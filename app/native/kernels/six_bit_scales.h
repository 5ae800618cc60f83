/* Shared by Q4_K and Q5_K: 8 sub-blocks of 32 weights, with scales and minimums of six bits in 12 bytes. */
#ifndef GRISTMILL_SIX_BIT_SCALES_H
#define GRISTMILL_SIX_BIT_SCALES_H

#include "super_blocks.h"

enum { SUB_BLOCK = 32, SUB_BLOCKS = 8, LARGEST_SCALE = 63 };
enum { SCALE_AT = 0, MINIMUM_AT = 2, SCALES_AT = 4, NUMBERS_AT = 16 };

/* ggml-quants.c: quantize_row_q4_K_ref: the root mean square of the sub-block plus the magnitude. */
INLINE void weigh_by_magnitude(const float (*x)[LANES], float (*weights)[LANES]) {
    ALIGNED float root[LANES];
    sum_squares(x, SUB_BLOCK, root);
    FOR_LANES root[lane] = sqrtf(root[lane] / SUB_BLOCK);
    for (int i = 0; i < SUB_BLOCK; i++) {
        FOR_LANES weights[i][lane] = root[lane] + fabsf(x[i][lane]);
    }
}

/* ggml-quants.c: get_scale_min_k4. */
INLINE void unpack_six_bits(const uint8_t (*bytes)[LANES], int32_t (*scales)[LANES], int32_t (*minimums)[LANES]) {
    for (int i = 0; i < 4; i++) {
        FOR_LANES {
            const int32_t low = bytes[i][lane], middle = bytes[i + 4][lane], high = bytes[i + 8][lane];
            scales[i][lane] = low & 63;
            minimums[i][lane] = middle & 63;
            scales[i + 4][lane] = (high & 0xF) | (low >> 6) << 4;
            minimums[i + 4][lane] = high >> 4 | (middle >> 6) << 4;
        }
    }
}

/* The first four sub-blocks take six bits of bytes 0-3 and 4-7; the other four take bytes 8-11 and the bits left.
 * Reads back what was packed, because a number above 63 spoils others. */
INLINE void pack_six_bits(int32_t (*scales)[LANES], int32_t (*minimums)[LANES], uint8_t (*bytes)[LANES]) {
    for (int i = 0; i < 4; i++) {
        FOR_LANES {
            const int32_t scale = scales[i + 4][lane], minimum = minimums[i + 4][lane];
            bytes[i][lane] = (uint8_t)(scales[i][lane] | (scale >> 4) << 6);
            bytes[i + 4][lane] = (uint8_t)(minimums[i][lane] | (minimum >> 4) << 6);
            bytes[i + 8][lane] = (uint8_t)((scale & 0xF) | (minimum & 0xF) << 4);
        }
    }
    unpack_six_bits(bytes, scales, minimums);
}

/* The low nibbles of two sub-blocks side by side. */
INLINE void pack_nibbles(const uint8_t (*numbers)[LANES], uint8_t (*bytes)[LANES]) {
    for (int pair = 0; pair < SUB_BLOCKS / 2; pair++) {
        const uint8_t(*lower)[LANES] = numbers + 2 * SUB_BLOCK * pair;
        const uint8_t(*upper)[LANES] = lower + SUB_BLOCK;
        for (int i = 0; i < SUB_BLOCK; i++) {
            FOR_LANES bytes[SUB_BLOCK * pair + i][lane] = (uint8_t)((lower[i][lane] & 0xF) | upper[i][lane] << 4);
        }
    }
}

#endif
