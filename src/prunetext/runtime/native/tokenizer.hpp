// BERT's basic tokenization, equal to Hugging Face tokenizers on every string (scripts/make_unicode_tables.py).
//
//     std::string scratch;
//     tokenize(text, scratch, [&](const char *token, size_t length) { ... });    // "Café!" → "cafe", "!"
//
// A text is first written to `scratch` as lower-cased UTF-8 in which a token boundary is a space or ASCII punctuation;
// the tokens are then slices of it. Two passes instead of one, because each is a plain loop over bytes.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "text.hpp"

namespace prunetext {

namespace tables {
#include "unicode_tables.inc"
}

inline constexpr char kTokenizer[] = "bert/1";

// Readable bytes behind every token that `tokenize` emits, so that Vocabulary::find_token may load whole words.
inline constexpr size_t kPadding = 64;

namespace detail {

constexpr char class_of(char32_t code) { return tables::kPages[tables::kPageOf[code >> 8]][code & 255]; }
constexpr bool is_mark(char kind) { return kind >= 'a'; }

constexpr size_t mapped_index(char32_t code) {
    return std::lower_bound(tables::kMapped, tables::kMapped + tables::kMappedCount, code) - tables::kMapped;
}

// The ASCII rules in arithmetic, which compilers vectorise; `ascii_rules_hold` proves them equal to the tables.
constexpr bool is_ascii_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool is_ascii_deleted(uint8_t c) { return ((c < ' ') | (c == 127)) & !is_ascii_space(c); }
constexpr uint8_t lower_ascii(uint8_t c) {
    const uint8_t lowered = c + (uint8_t(c - 'A') < 26 ? 32 : 0);
    return c < ' ' ? uint8_t(' ') : lowered;
}
constexpr bool is_word(uint8_t c) { return (uint8_t(c - 'a') < 26) | (uint8_t(c - '0') < 10) | (c >= 128); }

constexpr bool ascii_rules_hold() {
    for (char32_t code = 0; code < 128; ++code) {
        const char kind = class_of(code);
        const auto c = uint8_t(code);
        const uint8_t lowered = lower_ascii(c);
        bool holds = false;
        if (kind == '0') holds = lowered == c && is_word(lowered);
        if (kind == '1') holds = is_ascii_deleted(c);
        if (kind == '3') holds = lowered == ' ';
        if (kind == '4') holds = lowered == c && !is_word(lowered) && c != ' ';
        if (kind == '5') holds = tables::kTargets[tables::kBegins[mapped_index(code)]] == lowered && is_word(lowered);
        if (!holds || is_ascii_deleted(c) != (kind == '1')) return false;
    }
    return true;
}
static_assert(ascii_rules_hold(), "unicode_tables.inc disagrees with the ASCII fast path");

// Writes the normalized text. Marks wait in `marks` until the next starter, because their order is then known.
class Normalizer {
  public:
    explicit Normalizer(std::string &scratch) : scratch_(scratch) {}

    template <class Unit> size_t run(const Unit *units, size_t length) {
        for (size_t i = 0; i < length;) {
            if (units[i] < 128) {
                i = put_ascii(units, i, length);
                continue;
            }
            const char32_t code = units[i++];
            const char kind = class_of(code);
            if (kind == '5') {
                const size_t index = mapped_index(code);
                for (size_t t = tables::kBegins[index]; t < tables::kBegins[index + 1]; ++t)
                    place(tables::kTargets[t], class_of(tables::kTargets[t]));
            } else {
                place(code, kind);
            }
        }
        close_run();
        return size_;
    }

  private:
    struct Mark {
        char32_t code;
        char kind;
    };

    // Writes the ASCII characters from `i` on; returns where they end.
    template <class Unit> size_t put_ascii(const Unit *units, size_t i, size_t length) {
        while (i < length && units[i] < 128 && is_ascii_deleted(uint8_t(units[i]))) ++i;
        if (i == length || units[i] >= 128) return i;  // deleted characters alone do not end a run of marks
        close_run();
        if (size_ + (length - i) > scratch_.size()) [[unlikely]]
            scratch_.resize(2 * scratch_.size() + (length - i));
        char *out = scratch_.data() + size_;
        for (; i < length && units[i] < 128; ++i) {
            const auto c = uint8_t(units[i]);
            *out = char(lower_ascii(c));
            out += !is_ascii_deleted(c);
        }
        size_ = size_t(out - scratch_.data());
        return i;
    }

    void place(char32_t code, char kind) {
        if (is_mark(kind)) {
            marks_.push_back({code, kind});
            return;
        }
        if (kind == '1') return;
        close_run();
        switch (kind) {
            case '0': return put(code);
            case '2': return;
            case '3': return put(' ');
            case '4': put(' '), put(code), put(' '); return;
            default: return put_syllable(code);
        }
    }

    void close_run() {
        if (marks_.empty()) [[likely]]
            return;
        std::stable_sort(marks_.begin(), marks_.end(), [](Mark a, Mark b) { return a.kind < b.kind; });
        for (const Mark mark : marks_) put(mark.code);
        marks_.clear();
    }

    void put_syllable(char32_t code) {  // The Unicode Standard, section 3.12
        const char32_t index = code - 0xAC00;
        put(0x1100 + index / (21 * 28));
        put(0x1161 + index / 28 % 21);
        if (index % 28) put(0x11A7 + index % 28);
    }

    void put(char32_t code) {
        if (size_ + 4 > scratch_.size()) [[unlikely]]
            scratch_.resize(2 * scratch_.size() + 256);
        char *out = scratch_.data() + size_;
        if (code < 0x80) {
            out[0] = char(code);
            size_ += 1;
        } else if (code < 0x800) {
            out[0] = char(0xC0 | code >> 6);
            out[1] = char(0x80 | (code & 63));
            size_ += 2;
        } else if (code < 0x10000) {
            out[0] = char(0xE0 | code >> 12);
            out[1] = char(0x80 | (code >> 6 & 63));
            out[2] = char(0x80 | (code & 63));
            size_ += 3;
        } else {
            out[0] = char(0xF0 | code >> 18);
            out[1] = char(0x80 | (code >> 12 & 63));
            out[2] = char(0x80 | (code >> 6 & 63));
            out[3] = char(0x80 | (code & 63));
            size_ += 4;
        }
    }

    std::string &scratch_;
    size_t size_ = 0;
    std::vector<Mark> marks_;
};

inline size_t normalize_ascii(const uint8_t *units, size_t length, std::string &scratch) {
    if (scratch.size() < length) scratch.resize(length);
    char *out = scratch.data();
    uint8_t any_deleted = 0;
    for (size_t i = 0; i < length; ++i) {
        out[i] = char(lower_ascii(units[i]));
        any_deleted |= uint8_t(is_ascii_deleted(units[i]));
    }
    if (!any_deleted) [[likely]]
        return length;
    size_t size = 0;
    for (size_t i = 0; i < length; ++i) {
        out[size] = out[i];
        size += !is_ascii_deleted(units[i]);
    }
    return size;
}

inline size_t normalize(const Text &text, std::string &scratch) {
    if (text.ascii) return normalize_ascii(static_cast<const uint8_t *>(text.units), text.length, scratch);
    Normalizer normalizer(scratch);
    if (text.unit == 1) return normalizer.run(static_cast<const uint8_t *>(text.units), text.length);
    if (text.unit == 2) return normalizer.run(static_cast<const uint16_t *>(text.units), text.length);
    return normalizer.run(static_cast<const uint32_t *>(text.units), text.length);
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

// Calls emit(const char *utf8, size_t bytes) for each token, in order; a token lies in `scratch` until the next call.
// Lone surrogates are deleted, as the oracle deletes U+FFFD. The work grows with the length of the text and no faster
// (runs of combining marks, which are sorted, aside).
template <class Emit> void tokenize(const Text &text, std::string &scratch, Emit &&emit) {
    const size_t size = detail::normalize(text, scratch);
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

}  // namespace prunetext
