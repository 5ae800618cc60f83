/* The base of every kernel: one block per vector lane, ggml's rounding, half precision.
 *
 * A kernel walks LANES blocks side by side: element i of all of them lies in `values[i][LANES]`, and every
 * inner loop runs over the lanes. So a lane adds its numbers in ggml's own order, which keeps the result
 * equal to the bit, while the compiler turns the inner loop into vector instructions. */
#ifndef GRISTMILL_LANES_H
#define GRISTMILL_LANES_H

/* A loop over the lanes that copies stays one: as a call of memcpy it would store in pieces narrower than the loads
 * that follow, which then wait for all of them. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) || defined(_M_X64)
#define HAS_SHUFFLES 1
#include <immintrin.h>
#else
#define HAS_SHUFFLES 0
#endif

/* Two vectors side by side hide the latency of one chain of additions. */
#if defined(__AVX512F__)
#define LANES 32
#elif defined(__AVX__)
#define LANES 16
#else
#define LANES 8
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#define EXPORT __declspec(dllexport)
#define INLINE static __forceinline
#define ALIGNED __declspec(align(64))
#define PAGE_ALIGNED __declspec(align(4096))
#define RESTRICT __restrict
/* With AVX2, older versions fuse multiplications and additions, which rounds once instead of twice. */
#pragma fp_contract(off)
#elif defined(_WIN32)
#define EXPORT __declspec(dllexport)
#define INLINE static inline __attribute__((always_inline, unused))
#define ALIGNED __attribute__((aligned(64)))
#define PAGE_ALIGNED __attribute__((aligned(4096)))
#define RESTRICT restrict
#else
#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline, unused))
#define ALIGNED __attribute__((aligned(64)))
#define PAGE_ALIGNED __attribute__((aligned(4096)))
#define RESTRICT restrict
#endif

/* gcc would unroll so short a loop into scalars before it looks for vectors. */
#if defined(__GNUC__) && !defined(__clang__)
#define FOR_LANES _Pragma("GCC unroll 1") for (int lane = 0; lane < LANES; lane++)
#else
#define FOR_LANES for (int lane = 0; lane < LANES; lane++)
#endif

/* ggml-quants.c: GROUP_MAX_EPS. */
#define SMALLEST_MAXIMUM 1e-15f

INLINE int32_t bits_of(float value) {
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

INLINE float float_of(int32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

INLINE int32_t clamp_int(int32_t value, int32_t lowest, int32_t highest) {
    value = value < lowest ? lowest : value;
    return value > highest ? highest : value;
}

/* ggml-quants.c: nearest_int; ties go to even, and what is out of its range wraps as there. */
INLINE int32_t nearest_int(float value) {
    return (bits_of(value + 12582912.f) & 0x007fffff) - 0x00400000;
}

/* Below this magnitude nearest_int doesn't wrap. */
#define LARGEST_SMALL 4194303.f

/* nearest_int as a float, for magnitudes up to LARGEST_SMALL. */
INLINE float round_small(float value) {
#if defined(_MSC_VER) && !defined(__clang__)
    return (value + 12582912.f) - 12582912.f;
#else
    return rintf(value); /* one instruction */
#endif
}

/* A whole number, limited from above. As integers, the bits of floats from 0 on are in their order; those of floats
 * below are negative. */
INLINE float at_most(float number, int highest) {
    const int32_t bits = bits_of(number), most = bits_of((float)highest);
    return float_of(bits < most ? bits : most);
}

/* The same from below, by 0. */
INLINE float at_least_zero(float number) {
    const int32_t bits = bits_of(number);
    return float_of(bits > 0 ? bits : 0);
}

/* A choice that a compiler turns neither into a branch nor into a load or store under a condition. */
INLINE float choose(int condition, float yes, float no) {
    return float_of((bits_of(yes) & -condition) | (bits_of(no) & ~-condition));
}

/* ggml-impl.h: ggml_compute_fp32_to_fp16. */
INLINE uint16_t half_from_float(float value) {
    const uint32_t bits = (uint32_t)bits_of(value);
    const uint32_t doubled = bits + bits;
    uint32_t bias = doubled & 0xFF000000u;
    bias = bias < 0x71000000u ? 0x71000000u : bias;
    float base = (fabsf(value) * 0x1.0p+112f) * 0x1.0p-110f;
    base = float_of((int32_t)((bias >> 1) + 0x07800000u)) + base;
    const uint32_t rounded = (uint32_t)bits_of(base);
    const uint32_t magnitude = ((rounded >> 13) & 0x00007C00u) + (rounded & 0x00000FFFu);
    return (uint16_t)(((bits & 0x80000000u) >> 16) | (doubled > 0xFF000000u ? 0x7E00u : magnitude));
}

/* ggml-impl.h: ggml_compute_fp16_to_fp32. */
INLINE float float_from_half(uint16_t half) {
    const uint32_t shifted = (uint32_t)half << 16;
    const uint32_t sign = shifted & 0x80000000u;
    const uint32_t doubled = shifted + shifted;
    const float normal = float_of((int32_t)((doubled >> 4) + (0xE0u << 23))) * 0x1.0p-112f;
    const float subnormal = float_of((int32_t)((doubled >> 17) | (126u << 23))) - 0.5f;
    const float magnitude = doubled < (1u << 27) ? subnormal : normal;
    return float_of((int32_t)(sign | (uint32_t)bits_of(magnitude)));
}

/* Whether any lane isn't zero. */
INLINE int any_lane(const int32_t *lanes) {
#if defined(__AVX512F__)
    __m512i bits = _mm512_setzero_si512();
    for (int lane = 0; lane < LANES; lane += 16) bits = _mm512_or_si512(bits, _mm512_load_si512(lanes + lane));
    return _mm512_test_epi32_mask(bits, bits) != 0;
#elif defined(__AVX2__)
    __m256i bits = _mm256_setzero_si256();
    for (int lane = 0; lane < LANES; lane += 8) {
        bits = _mm256_or_si256(bits, _mm256_load_si256((const __m256i *)(const void *)(lanes + lane)));
    }
    return !_mm256_testz_si256(bits, bits);
#else
    int32_t bits = 0;
    FOR_LANES bits |= lanes[lane];
    return bits != 0;
#endif
}

/* Where each lane's block begins, for blocks `first` to `first + LANES - 1` of `count`; lanes beyond the
 * last block repeat it. A `period` of n blocks makes block n begin where block 0 did (importance is shared
 * by all rows); use `count` for data without a period. */
INLINE void find_blocks(const float *blocks[LANES], const float *base, int64_t first, int64_t count, int64_t period,
                        int length) {
    int64_t at = first % period;
    for (int lane = 0; lane < LANES; lane++) {
        blocks[lane] = base + at * length;
        if (first + lane + 1 < count) at = at + 1 < period ? at + 1 : 0;
    }
}

/* Asks for blocks `first` to `first + LANES - 1` of `count`, which lie one after the other. load_lanes goes through
 * them side by side, in too many streams for a processor to foresee. */
INLINE void fetch_blocks(const float *base, int64_t first, int64_t count, int length) {
#if defined(__GNUC__)
    const int64_t end = first + LANES < count ? first + LANES : count;
    for (int64_t at = first * length; at < end * length; at += 16) __builtin_prefetch(base + at, 0, 2);
#else
    (void)base, (void)first, (void)count, (void)length;
#endif
}

/* Rounds `value` to half precision, in place, and writes its two bytes, lower byte first. */
INLINE void put_half(uint8_t (*RESTRICT bytes)[LANES], float *RESTRICT value) {
    FOR_LANES {
        const uint16_t half = half_from_float(value[lane]);
        bytes[0][lane] = (uint8_t)(half & 0xFF);
        bytes[1][lane] = (uint8_t)(half >> 8);
        value[lane] = float_from_half(half);
    }
}

INLINE void sum_lanes(const float (*RESTRICT x)[LANES], int length, float *RESTRICT sum) {
    FOR_LANES sum[lane] = 0;
    for (int i = 0; i < length; i++) {
        FOR_LANES sum[lane] += x[i][lane];
    }
}

INLINE void sum_squares(const float (*RESTRICT x)[LANES], int length, float *RESTRICT sum) {
    FOR_LANES sum[lane] = 0;
    for (int i = 0; i < length; i++) {
        FOR_LANES sum[lane] += x[i][lane] * x[i][lane];
    }
}

/* Turns the importance in `weights` into ggml's weights, importance * sqrt(variance + x * x), where `variance`
 * is some mean of the squares around the block. */
INLINE void weigh_by_importance(const float (*RESTRICT x)[LANES], int length, const float *RESTRICT variance,
                                float (*RESTRICT weights)[LANES]) {
    for (int i = 0; i < length; i++) {
        FOR_LANES weights[i][lane] *= sqrtf(variance[lane] + x[i][lane] * x[i][lane]);
    }
}

#endif
