// Finding the tokens of normalized or ASCII text: 64 bytes at a time become bit masks, and the masks become places.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>

#include "kernel/dispatch.hpp"
#include "kernel/workspace.hpp"
#include "text/tokenizer.hpp"

PRUNETEXT_BEGIN
namespace prunetext::PRUNETEXT_KERNEL {

// What 64 bytes of text are: bytes of words, bytes that are tokens of their own, and whether any needs a closer look:
// one that is to be deleted or, in text that is not normalized yet, one beyond ASCII.
struct Masks {
    uint64_t words, singles;
    bool odd;
};

// Writes 64 bytes in lower case. Bytes of 128 and more, which only normalized text has, belong to words.
template <bool Raw> PRUNETEXT_INLINE Masks examine(const char *from, char *to) {
#if PRUNETEXT_LEVEL == 2
    const auto set = [](int value)
                         __attribute__((always_inline)) { return _mm512_set1_epi8(static_cast<char>(value)); };
    const __m512i c = _mm512_loadu_si512(from);
    const __mmask64 upper = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(c, set('A')), set(26));
    const __m512i lower = _mm512_max_epu8(_mm512_mask_add_epi8(c, upper, c, set(32)), set(' '));
    _mm512_storeu_si512(to, lower);
    const uint64_t letters = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(lower, set('a')), set(26));
    const uint64_t digits = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(lower, set('0')), set(10));
    const uint64_t high = _mm512_movepi8_mask(c), words = letters | digits | high;
    const uint64_t spaces = _mm512_cmpeq_epi8_mask(lower, set(' '));
    const uint64_t kept = _mm512_cmpeq_epi8_mask(c, set('\t')) | _mm512_cmpeq_epi8_mask(c, set('\n')) |
                          _mm512_cmpeq_epi8_mask(c, set('\r'));
    const uint64_t control = _mm512_cmplt_epu8_mask(c, set(' ')) | _mm512_cmpeq_epi8_mask(c, set(127));
    return {words, ~(words | spaces), ((control & ~kept) | (Raw ? high : 0)) != 0};
#elif PRUNETEXT_LEVEL == 1
    Masks found{0, 0, false};
    for (int half = 0; half < 64; half += 32) {
        const auto set = [](int value)
                             __attribute__((always_inline)) { return _mm256_set1_epi8(static_cast<char>(value)); };
        // Below `count` without a sign, by the signed comparison that there is.
        const auto below = [&](__m256i value, int count) __attribute__((always_inline)) {
            return _mm256_cmpgt_epi8(set(count - 128), _mm256_xor_si256(value, set(-128)));
        };
        const auto mask = [](__m256i value) __attribute__((always_inline)) {
            return uint64_t(uint32_t(_mm256_movemask_epi8(value)));
        };
        const __m256i c = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from + half));
        const __m256i upper = below(_mm256_sub_epi8(c, set('A')), 26);
        const __m256i lower = _mm256_max_epu8(_mm256_add_epi8(c, _mm256_and_si256(upper, set(32))), set(' '));
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(to + half), lower);
        const __m256i letters = below(_mm256_sub_epi8(lower, set('a')), 26),
                      digits = below(_mm256_sub_epi8(lower, set('0')), 10);
        const uint64_t words = mask(_mm256_or_si256(_mm256_or_si256(letters, digits), lower));
        const uint64_t spaces = mask(_mm256_cmpeq_epi8(lower, set(' ')));
        const __m256i kept =
            _mm256_or_si256(_mm256_cmpeq_epi8(c, set('\t')),
                            _mm256_or_si256(_mm256_cmpeq_epi8(c, set('\n')), _mm256_cmpeq_epi8(c, set('\r'))));
        const __m256i control = _mm256_or_si256(below(c, ' '), _mm256_cmpeq_epi8(c, set(127)));
        found.words |= words << half;
        found.singles |= (~(words | spaces) & 0xFFFFFFFFu) << half;
        found.odd |= !_mm256_testc_si256(kept, control);
        found.odd |= Raw && _mm256_movemask_epi8(c);
    }
    return found;
#else
    uint8_t word[64], single[64], bad = 0, any = 0;
    for (int i = 0; i < 64; ++i) {
        const auto c = static_cast<uint8_t>(from[i]);
        const uint8_t lower = detail::lower_ascii(c);
        to[i] = static_cast<char>(lower);
        word[i] = detail::is_word(lower);
        single[i] = !detail::is_word(lower) & (lower != ' ');
        bad |= detail::is_ascii_deleted(c);
        any |= c;
    }
    Masks found{0, 0, bad || (Raw && any >= 128)};
    for (int i = 0; i < 64; i += 8) {
        found.words |= detail::pack_bits(word + i) << i;
        found.singles |= detail::pack_bits(single + i) << i;
    }
    return found;
#endif
}

// Writes the place of each bit, counted from `base`; may write up to sixteen places more.
PRUNETEXT_INLINE uint32_t *write_places(uint64_t bits, uint32_t base, uint32_t *to) {
    uint32_t *const end = to + std::popcount(bits);
#if PRUNETEXT_LEVEL == 2
    alignas(64) static constexpr uint8_t all[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                                    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
                                                    32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
                                                    48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    alignas(64) uint8_t places[64];
    _mm512_store_si512(places, _mm512_maskz_compress_epi8(bits, _mm512_load_si512(all)));
    const __m512i start = _mm512_set1_epi32(static_cast<int>(base));
    for (const uint8_t *from = places; to < end; from += 16, to += 16) {
        const __m128i some = _mm_load_si128(reinterpret_cast<const __m128i *>(from));
        _mm512_storeu_si512(to, _mm512_add_epi32(start, _mm512_cvtepu8_epi32(some)));
    }
#else
    for (; bits; to += 8)
        for (int i = 0; i < 8; ++i) {
            to[i] = base + static_cast<uint32_t>(std::countr_zero(bits));
            bits &= bits - 1;
        }
#endif
    return end;
}

// The tokens of a piece of text: [begins[i], ends[i]) in `scratch`. `size` bytes are read at `from` and written, in
// lower case, behind the first `kept` bytes of scratch, a word that has not ended yet. Gives their number, or SIZE_MAX
// if the text must be normalized first.
template <bool Raw> PRUNETEXT_INLINE_IF_LARGE size_t find_tokens(const char *from, size_t size, size_t kept,
                                                                 Workspace &workspace) {
    uint32_t *begin = workspace.begins.take(size + 80), *end = workspace.ends.take(size + 80);
    const uint32_t *const first = end;
    char *const to = workspace.scratch.data() + kept;
    uint64_t word_before = kept != 0, single_before = 0;
    if (kept) *begin++ = 0;
    for (size_t at = 0; at < size; at += 64) {
        char rest[64];
        const char *block = from + at;
        if (at + 64 > size) {  // nothing behind the text is read
            std::memset(rest, ' ', 64);
            std::memcpy(rest, block, size - at);
            block = rest;
        }
        const Masks found = examine<Raw>(block, to + at);
        if (found.odd) [[unlikely]]
            return SIZE_MAX;
        const uint64_t before = found.words << 1 | word_before;
        const auto base = static_cast<uint32_t>(kept + at);
        begin = write_places((found.words & ~before) | found.singles, base, begin);
        end = write_places((before & ~found.words) | found.singles << 1 | single_before, base, end);
        word_before = found.words >> 63;
        single_before = found.singles >> 63;
    }
    if (word_before | single_before) *end++ = static_cast<uint32_t>(kept + size);
    return static_cast<size_t>(end - first);
}

}  // namespace prunetext::PRUNETEXT_KERNEL
PRUNETEXT_END
