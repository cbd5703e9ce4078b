// Hot loops are compiled for plain x86-64 and for AVX2, and the loader picks; the results are the same integers.
#pragma once
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute) && !defined(__SANITIZE_ADDRESS__)
#if __has_attribute(target_clones)
#define PRUNETEXT_CLONES __attribute__((target_clones("avx2", "default")))
#endif
#endif
#ifndef PRUNETEXT_CLONES
#define PRUNETEXT_CLONES
#endif
#define PRUNETEXT_INLINE inline __attribute__((always_inline))
