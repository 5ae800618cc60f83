/* Between memory, where a block lies after the other, and lanes, where blocks lie side by side. */
#ifndef GRISTMILL_TRANSPOSES_H
#define GRISTMILL_TRANSPOSES_H

#include "lanes.h"

/* Floats are read by a cache line, which a far block would otherwise push out again. */
enum { FLOATS_AT_ONCE = 16 };

#if HAS_SHUFFLES && defined(__AVX__)

enum { LANES_AT_ONCE = 8 };

/* Four floats from `at` on of block `row`, and of the one four further. */
INLINE __m256 pair_of_rows(const float *const blocks[LANES_AT_ONCE], int at, int row) {
    const __m256 lower = _mm256_castps128_ps256(_mm_loadu_ps(blocks[row] + at));
    return _mm256_insertf128_ps(lower, _mm_loadu_ps(blocks[row + 4] + at), 1);
}

/* Four floats from `at` on of each of eight blocks. */
INLINE void transpose_floats(const float *const blocks[LANES_AT_ONCE], int at, float (*RESTRICT values)[LANES]) {
    const __m256 a = pair_of_rows(blocks, at, 0), b = pair_of_rows(blocks, at, 1);
    const __m256 c = pair_of_rows(blocks, at, 2), d = pair_of_rows(blocks, at, 3);
    const __m256d ab = _mm256_castps_pd(_mm256_unpacklo_ps(a, b)), cd = _mm256_castps_pd(_mm256_unpacklo_ps(c, d));
    const __m256d ef = _mm256_castps_pd(_mm256_unpackhi_ps(a, b)), gh = _mm256_castps_pd(_mm256_unpackhi_ps(c, d));
    _mm256_storeu_ps(values[0], _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd)));
    _mm256_storeu_ps(values[1], _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd)));
    _mm256_storeu_ps(values[2], _mm256_castpd_ps(_mm256_unpacklo_pd(ef, gh)));
    _mm256_storeu_ps(values[3], _mm256_castpd_ps(_mm256_unpackhi_pd(ef, gh)));
}

#elif HAS_SHUFFLES

enum { LANES_AT_ONCE = 4 };

/* Four floats from `at` on of each of four blocks. */
INLINE void transpose_floats(const float *const blocks[LANES_AT_ONCE], int at, float (*RESTRICT values)[LANES]) {
    __m128 a = _mm_loadu_ps(blocks[0] + at), b = _mm_loadu_ps(blocks[1] + at);
    __m128 c = _mm_loadu_ps(blocks[2] + at), d = _mm_loadu_ps(blocks[3] + at);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(values[0], a);
    _mm_storeu_ps(values[1], b);
    _mm_storeu_ps(values[2], c);
    _mm_storeu_ps(values[3], d);
}

#else

enum { LANES_AT_ONCE = 1 };

INLINE void transpose_floats(const float *const blocks[LANES_AT_ONCE], int at, float (*RESTRICT values)[LANES]) {
    for (int i = 0; i < 4; i++) values[i][0] = blocks[0][at + i];
}

#endif

/* Reads `length` floats of every lane's block, a multiple of 16, from `offset` on, into `values[length][LANES]`. */
INLINE void load_lanes_at(float (*RESTRICT values)[LANES], const float *const blocks[LANES], int offset, int length) {
    for (int start = 0; start < length; start += FLOATS_AT_ONCE) {
        for (int lane = 0; lane < LANES; lane += LANES_AT_ONCE) {
            for (int i = start; i < start + FLOATS_AT_ONCE; i += 4) {
                transpose_floats(blocks + lane, offset + i, (float(*)[LANES])&values[i][lane]);
            }
        }
    }
}

INLINE void load_lanes(float (*RESTRICT values)[LANES], const float *const blocks[LANES], int length) {
    load_lanes_at(values, blocks, 0, length);
}

#if HAS_SHUFFLES

INLINE __m128i eight_bytes(const uint8_t *bytes) { return _mm_loadl_epi64((const __m128i *)(const void *)bytes); }

INLINE void put_eight_bytes(__m128i pair, uint8_t *lower, uint8_t *upper) {
    _mm_storel_epi64((__m128i *)(void *)lower, pair);
    _mm_storel_epi64((__m128i *)(void *)upper, _mm_unpackhi_epi64(pair, pair));
}

/* Writes eight bytes of each of eight lanes, `stride` bytes from lane to lane. */
INLINE void transpose_bytes(const uint8_t (*RESTRICT bytes)[LANES], int lane, uint8_t *RESTRICT target, int stride) {
    const __m128i a = _mm_unpacklo_epi8(eight_bytes(&bytes[0][lane]), eight_bytes(&bytes[1][lane]));
    const __m128i b = _mm_unpacklo_epi8(eight_bytes(&bytes[2][lane]), eight_bytes(&bytes[3][lane]));
    const __m128i c = _mm_unpacklo_epi8(eight_bytes(&bytes[4][lane]), eight_bytes(&bytes[5][lane]));
    const __m128i d = _mm_unpacklo_epi8(eight_bytes(&bytes[6][lane]), eight_bytes(&bytes[7][lane]));
    const __m128i ab = _mm_unpacklo_epi16(a, b), cd = _mm_unpacklo_epi16(c, d);
    const __m128i ef = _mm_unpackhi_epi16(a, b), gh = _mm_unpackhi_epi16(c, d);
    put_eight_bytes(_mm_unpacklo_epi32(ab, cd), target, target + stride);
    put_eight_bytes(_mm_unpackhi_epi32(ab, cd), target + 2 * stride, target + 3 * stride);
    put_eight_bytes(_mm_unpacklo_epi32(ef, gh), target + 4 * stride, target + 5 * stride);
    put_eight_bytes(_mm_unpackhi_epi32(ef, gh), target + 6 * stride, target + 7 * stride);
}

#else

INLINE void transpose_bytes(const uint8_t (*RESTRICT bytes)[LANES], int lane, uint8_t *RESTRICT target, int stride) {
    for (int n = 0; n < 8; n++) {
        for (int i = 0; i < 8; i++) target[n * stride + i] = bytes[i][lane + n];
    }
}

#endif

/* Writes the packed bytes of all lanes one after the other, `size` bytes each, at least eight. The last eight bytes
 * may overlap the eight before. */
INLINE void store_all_lanes(uint8_t *RESTRICT target, const uint8_t (*RESTRICT bytes)[LANES], int size) {
    for (int lane = 0; lane < LANES; lane += 8) {
        for (int i = 0; i + 8 <= size; i += 8) transpose_bytes(bytes + i, lane, target + lane * size + i, size);
        if (size % 8) transpose_bytes(bytes + size - 8, lane, target + lane * size + size - 8, size);
    }
}

/* Writes the packed bytes of blocks `first`, `first + 1`, ... of `count`, `size` bytes each. */
INLINE void store_lanes(uint8_t *RESTRICT target, const uint8_t (*RESTRICT bytes)[LANES], int64_t first, int64_t count,
                        int size) {
    if (first + LANES <= count) {
        store_all_lanes(target + first * size, bytes, size);
        return;
    }
    for (int lane = 0; first + lane < count; lane++) {
        uint8_t *block = target + (first + lane) * size;
        for (int i = 0; i < size; i++) block[i] = bytes[i][lane];
    }
}

#endif
