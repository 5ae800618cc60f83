/* The libraries that this processor runs; compiled into each, called in the plain one. */
#include "lanes.h"

#if defined(_MSC_VER) && (defined(_M_X64) || defined(__x86_64__))
#include <windows.h>
#endif

/* 0: only the plain library; 1: AVX2 too; 2: AVX-512 too. */
EXPORT int gristmill_instruction_level(void) {
#if defined(_MSC_VER) && (defined(_M_X64) || defined(__x86_64__))
    return IsProcessorFeaturePresent(PF_AVX2_INSTRUCTIONS_AVAILABLE) ? 1 : 0;
#elif defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2")) return 0;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl")
               ? 2
               : 1;
#else
    return 0;
#endif
}
