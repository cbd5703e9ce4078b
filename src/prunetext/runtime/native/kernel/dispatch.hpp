// The choice of instructions: what a processor can have, and how a piece of code is compiled for it.
//
// Most code is compiled once, for any processor of its kind. PRUNETEXT_SSE2 says that SSE2 is there, as in all of
// x86-64.
//
// PRUNETEXT_CLONES stands before a lone function that gains from AVX2. It is compiled twice, and the loader picks.
//
// PRUNETEXT_SMALL says that code is downloaded: what gains little from being compiled several times is compiled once.
// PRUNETEXT_INLINE_IF_LARGE stands before such a function. PRUNETEXT_SCALAR says that there are no vector instructions.
//
// The kernel, which is all of generic/, is compiled once for each level:
//
//     level 0    plain.cpp     any processor; also a header of generic/ that is read alone, as by an editor
//     level 1    avx2.cpp      AVX2 and BMI
//     level 2    avx512.cpp    AVX-512 as Ice Lake and Zen 4 have it
//
// Such a file sets PRUNETEXT_LEVEL before it includes anything. PRUNETEXT_BEGIN and PRUNETEXT_END stand around code
// that can use the level's instructions, after all includes: included code is shared with other levels.
// `highest_level` says which levels this processor can run.
//
// All levels give the same results to the last bit: tests/runtime/test_agreement.py compares them.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#define PRUNETEXT_X86 1
#include <immintrin.h>
#endif
#ifdef __SSE2__
#define PRUNETEXT_SSE2 1
#include <emmintrin.h>
#endif

#define PRUNETEXT_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute) && !defined(__SANITIZE_ADDRESS__)
#if __has_attribute(target_clones)
#define PRUNETEXT_CLONES __attribute__((target_clones("avx2", "default")))
#endif
#endif
#ifndef PRUNETEXT_CLONES
#define PRUNETEXT_CLONES
#endif

#ifdef __wasm__
#define PRUNETEXT_SMALL 1
#define PRUNETEXT_INLINE_IF_LARGE inline __attribute__((noinline))
#ifndef __wasm_simd128__
#define PRUNETEXT_SCALAR 1
#endif
#else
#define PRUNETEXT_INLINE_IF_LARGE PRUNETEXT_INLINE
#endif

#ifndef PRUNETEXT_LEVEL
#define PRUNETEXT_LEVEL 0
#endif
#if PRUNETEXT_LEVEL == 2
#define PRUNETEXT_KERNEL avx512
#define PRUNETEXT_TARGET "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi2,bmi,bmi2,lzcnt,popcnt"
#elif PRUNETEXT_LEVEL == 1
#define PRUNETEXT_KERNEL avx2
#define PRUNETEXT_TARGET "avx2,bmi,bmi2,lzcnt,popcnt"
#else
#define PRUNETEXT_KERNEL plain
#endif

#define PRUNETEXT_QUOTE(text) #text
#define PRUNETEXT_QUOTED(text) PRUNETEXT_QUOTE(text)
#ifndef PRUNETEXT_TARGET
#define PRUNETEXT_BEGIN
#define PRUNETEXT_END
#elif defined(__clang__)
#define PRUNETEXT_BEGIN \
    _Pragma(PRUNETEXT_QUOTED(clang attribute push(__attribute__((target(PRUNETEXT_TARGET))), apply_to = function)))
#define PRUNETEXT_END _Pragma("clang attribute pop")
#else
#define PRUNETEXT_BEGIN _Pragma("GCC push_options") _Pragma(PRUNETEXT_QUOTED(GCC target(PRUNETEXT_TARGET)))
#define PRUNETEXT_END _Pragma("GCC pop_options")
#endif

// Vectors of the compiler's own kind never cross a call: whatever takes them is inlined.
#pragma GCC diagnostic ignored "-Wpsabi"
#if PRUNETEXT_LEVEL == 2 && defined(__GNUC__) && !defined(__clang__)
// GCC 12 warns of its own header, about a register that no result depends on.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace prunetext {

// The highest level that this processor can run.
inline int highest_level() {
#ifdef PRUNETEXT_X86
    const bool bits = __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    const bool wide = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vbmi2");
    if (bits && wide) return 2;  // from Ice Lake and Zen 4 on
    if (bits && __builtin_cpu_supports("avx2")) return 1;
#endif
    return 0;
}

}  // namespace prunetext
