// The tokens of a whole text, for training; text/spans.hpp also says where each comes from.
//
//     std::string scratch;
//     tokenize(Tokenizer::bert, text, scratch, [&](const char *token, size_t length) { ... });    // "Café!" → "cafe",
//     "!"
//
// bert/1 is BERT's basic tokenization. Its oracle is Hugging Face tokenizers, BertNormalizer followed by
// BertPreTokenizer: tests/runtime/test_tokenizer.py compares this with it on every code point and on random strings.
// words/2 keeps marks, pieces/3 adds pieces of words, and pairs/4 pairs of letters: they are compared with references
// in tests/runtime/test_words.py, test_pieces.py and test_letter_pairs.py. The kernel has a faster scanner of its own,
// which reads piece by piece (kernel/generic/scan.hpp).
// tests/runtime/test_agreement.py and fuzz/tokenizer_fuzzer.cpp compare the two: what a kernel computes must follow
// from the tokens that this gives, to the last bit. They can only do so because this is written another way.
//
// A text is first normalized into `scratch`; the tokens are then slices of it. Two passes instead of one, because each
// is a plain loop over bytes.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "text/normalizer.hpp"
#include "text/text.hpp"

namespace prunetext {

// Readable bytes behind every token that `tokenize` emits, for Vocabulary::find_token to load whole words.
inline constexpr size_t kPadding = 64;

namespace detail {

inline size_t normalize(Tokenizer tokenizer, const Text &text, std::string &scratch) {
    Normalizer normalizer(tokenizer, scratch);
    normalizer.add(text, 0, text.length);
    normalizer.end();
    return normalizer.size();
}

// Eight bytes, each 0 or 1, as eight bits; the first byte is the lowest bit.
inline uint64_t pack_bits(const uint8_t *bytes) {
    static_assert(std::endian::native == std::endian::little, "packed models and this code are little-endian");
    uint64_t eight;
    std::memcpy(&eight, bytes, 8);
    return eight * 0x0102040810204080u >> 56;
}

// The tokens of 64 normalized bytes as bit masks: bytes of words, and bytes that are tokens of their own.
inline void classify(const char *block, uint64_t &words, uint64_t &singles) {
    uint8_t word[64], single[64];
    for (int i = 0; i < 64; ++i) {
        const auto c = uint8_t(block[i]);
        word[i] = is_word(c);
        single[i] = !is_word(c) & (c != ' ');
    }
    words = singles = 0;
    for (int i = 0; i < 64; i += 8) {
        words |= pack_bits(word + i) << i;
        singles |= pack_bits(single + i) << i;
    }
}

}  // namespace detail

// Calls emit(const char *utf8, size_t bytes) for each token of the first `size` bytes of `scratch`, which are
// normalized; it makes room behind them.
template <class Emit> void find_tokens(std::string &scratch, size_t size, Emit &&emit) {
    if (scratch.size() < size + kPadding) scratch.resize(size + size / 2 + kPadding);
    std::memset(scratch.data() + size, ' ', kPadding);
    const char *const begin = scratch.data();
    const char *open = nullptr;  // a word that began in an earlier block and has not ended
    for (size_t at = 0; at < size; at += 64) {
        const char *block = begin + at;
        uint64_t words, singles;
        detail::classify(block, words, singles);
        if (open) {
            const int rest = std::countr_one(words);
            if (rest == 64) continue;
            emit(open, size_t(block + rest - open));
            open = nullptr;
            words &= ~uint64_t(0) << rest;
        }
        uint64_t starts = (words & ~(words << 1)) | singles;
        while (starts) {
            const int first = std::countr_zero(starts);
            const int length = std::countr_one(words >> first);  // 0 for a token of its own
            starts &= starts - 1;
            if (first + length == 64) [[unlikely]] {
                open = block + first;
                break;
            }
            emit(block + first, size_t(std::max(length, 1)));
        }
    }
    if (open) emit(open, size_t(begin + size - open));
}

// Calls emit(const char *utf8, size_t bytes) for each token, in order; a token lies in `scratch` until the next call.
// Lone surrogates and bytes that are not UTF-8 are deleted, as the oracle deletes U+FFFD. The work grows with the
// length of the text and no faster (runs of combining marks, which are sorted, aside).
template <class Emit> void tokenize(Tokenizer tokenizer, const Text &text, std::string &scratch, Emit &&emit) {
    const size_t size = detail::normalize(tokenizer, text, scratch);
    find_tokens(scratch, size, emit);
}

}  // namespace prunetext
