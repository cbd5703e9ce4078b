// Sums of table rows under windows, their maxima and totals.
#pragma once
#include <algorithm>
#include <cstring>

#include "kernel/dispatch.hpp"
#include "kernel/workspace.hpp"
#include "model/model.hpp"

PRUNETEXT_BEGIN
namespace prunetext::PRUNETEXT_KERNEL {

// Vectors of the compiler's own kind, which it maps to the registers that there are.
#if PRUNETEXT_LEVEL == 2
constexpr size_t widest = 32;  // filters
#elif defined(PRUNETEXT_SCALAR)
constexpr size_t widest = 2;  // more would not stay in registers
#else
constexpr size_t widest = 16;
#endif
template <size_t N> struct Of {
    typedef int8_t Bytes __attribute__((vector_size(N)));
    typedef int16_t Shorts __attribute__((vector_size(2 * N)));
    typedef int32_t Ints __attribute__((vector_size(4 * N)));
};

// N entries of a row as shorts. Compilers widen bytes in halves where one instruction does it.
template <size_t N> PRUNETEXT_INLINE typename Of<N>::Shorts load(const int16_t *from) {
    typename Of<N>::Shorts value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
template <size_t N> PRUNETEXT_INLINE typename Of<N>::Shorts load(const int8_t *from) {
#if PRUNETEXT_LEVEL == 2
    if constexpr (N == 32)
        return (typename Of<N>::Shorts)_mm512_cvtepi8_epi16(
            _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from)));
#endif
#if PRUNETEXT_LEVEL > 0
    if constexpr (N == 16)
        return (typename Of<N>::Shorts)_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(from)));
#endif
    typename Of<N>::Bytes value;
    std::memcpy(&value, from, sizeof value);
    return __builtin_convertvector(value, typename Of<N>::Shorts);
}

// Some of the filters of one width: `Count` vectors of N. rows[w] .. rows[w + taps - 1] are the rows under window w,
// and extras[w], in pairs, is what the flags of its words add. `Taps` is the number of taps if known when compiling,
// else 0. Goes on from the maxima and sums that are there.
template <class Entry, size_t N, size_t Count, size_t Taps, bool Mean, bool Pairs>
PRUNETEXT_INLINE void pool(const std::byte *const *rows, const int16_t *const *extras, size_t windows,
                           const Width &width, size_t filter, Workspace &workspace) {
    using Shorts = typename Of<N>::Shorts;
    using Ints = typename Of<N>::Ints;
    // Entries of int8 sum to at most 127 · taps, thrice that in pairs: many windows fit a short. int16 entries go to
    // int32 at once. An int32 takes 65,536 shorts, more than a piece of text has.
    constexpr size_t block = sizeof(Entry) == 2 ? 1 : Pairs ? 5 : 16;
    const size_t taps = Taps ? Taps : static_cast<size_t>(width.taps), column = width.column + filter,
                 padded = width.padded;
    int16_t *const best = workspace.best.data() + width.place + filter;
    Shorts maxima[Count], part[Count] = {};
    Ints totals[Count] = {};
    for (size_t v = 0; v < Count; ++v) maxima[v] = load<N>(best + v * N);
    for (size_t start = 0; start < windows; start += block) {
        for (size_t w = start, stop = std::min(windows, start + block); w < stop; ++w) {
            Shorts sum[Count] = {};
            if (Pairs)
                for (size_t v = 0; v < Count; ++v) sum[v] = load<N>(extras[w] + filter + v * N);
            for (size_t j = 0; j < taps; ++j) {
                const Entry *segment = reinterpret_cast<const Entry *>(rows[w + j]) + column + j * padded;
                for (size_t v = 0; v < Count; ++v) sum[v] += load<N>(segment + v * N);
            }
            for (size_t v = 0; v < Count; ++v) {
                maxima[v] = sum[v] > maxima[v] ? sum[v] : maxima[v];
                if (Mean) part[v] += sum[v];
            }
        }
        for (size_t v = 0; v < Count && Mean; ++v) {
            totals[v] += __builtin_convertvector(part[v], Ints);
            part[v] = Shorts{};
        }
    }
    for (size_t v = 0; v < Count; ++v) std::memcpy(best + v * N, &maxima[v], sizeof maxima[v]);
    for (size_t v = 0; v < Count && Mean; ++v) {
        double *const sums = workspace.sums.data() + width.place + filter + v * N;
        int32_t total[N];
        std::memcpy(total, &totals[v], sizeof total);
        for (size_t i = 0; i < N; ++i) sums[i] += total[i];
    }
}

template <class Entry, size_t Taps, bool Mean, bool Pairs>
PRUNETEXT_INLINE void pool_filters(const std::byte *const *rows, const int16_t *const *extras, size_t windows,
                                   const Width &width, Workspace &workspace) {
    size_t f = 0;
    for (; f + 2 * widest <= width.padded; f += 2 * widest)
        pool<Entry, widest, 2, Taps, Mean, Pairs>(rows, extras, windows, width, f, workspace);
    if (f + widest <= width.padded) {
        pool<Entry, widest, 1, Taps, Mean, Pairs>(rows, extras, windows, width, f, workspace);
        f += widest;
    }
    if (widest > lanes && f < width.padded)
        pool<Entry, lanes, 1, Taps, Mean, Pairs>(rows, extras, windows, width, f, workspace);
}

template <class Entry, bool Mean, bool Pairs>
PRUNETEXT_INLINE void pool_width(const std::byte *const *rows, const int16_t *const *extras, size_t windows,
                                 const Width &width, Workspace &workspace) {
#ifndef PRUNETEXT_SMALL
    switch (width.taps) {
        case 1: return pool_filters<Entry, 1, Mean, Pairs>(rows, extras, windows, width, workspace);
        case 2: return pool_filters<Entry, 2, Mean, Pairs>(rows, extras, windows, width, workspace);
        case 3: return pool_filters<Entry, 3, Mean, Pairs>(rows, extras, windows, width, workspace);
        case 4: return pool_filters<Entry, 4, Mean, Pairs>(rows, extras, windows, width, workspace);
        case 5: return pool_filters<Entry, 5, Mean, Pairs>(rows, extras, windows, width, workspace);
        default: break;
    }
#endif
    pool_filters<Entry, 0, Mean, Pairs>(rows, extras, windows, width, workspace);
}

inline void pool_width(const Model &model, const std::byte *const *rows, size_t windows, const Width &width,
                       Workspace &workspace) {
    if (model.wide && model.mean) pool_width<int16_t, true, false>(rows, nullptr, windows, width, workspace);
    else if (model.wide) pool_width<int16_t, false, false>(rows, nullptr, windows, width, workspace);
    else if (model.mean) pool_width<int8_t, true, false>(rows, nullptr, windows, width, workspace);
    else pool_width<int8_t, false, false>(rows, nullptr, windows, width, workspace);
}

}  // namespace prunetext::PRUNETEXT_KERNEL
PRUNETEXT_END
