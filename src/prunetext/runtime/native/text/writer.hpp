// What every tokenizer has in common: ASCII text in lower case, and UTF-8 written behind what is already there.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "kernel/dispatch.hpp"
#include "text/text.hpp"

namespace prunetext {

namespace detail {

// The ASCII rules in arithmetic, which compilers vectorise; each tokenizer proves them equal to its tables.
constexpr bool is_ascii_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool is_ascii_deleted(uint8_t c) { return ((c < ' ') | (c == 127)) & !is_ascii_space(c); }
constexpr uint8_t lower_ascii(uint8_t c) {
    const uint8_t lowered = c + (uint8_t(c - 'A') < 26 ? 32 : 0);
    return c < ' ' ? uint8_t(' ') : lowered;
}
constexpr bool is_word(uint8_t c) { return (uint8_t(c - 'a') < 26) | (uint8_t(c - '0') < 10) | (c >= 128); }

constexpr char32_t kFirstIdeograph = 0x4E00, kIdeographs = 0x5200;  // what most Chinese text consists of

// Sixteen ASCII characters at once, lower-cased. False if there are others among them, or ones to delete.
#ifdef PRUNETEXT_SSE2
template <class Unit> inline bool put_sixteen(const Unit *units, char *out) {
    __m128i bytes;
    if constexpr (sizeof(Unit) == 1) {
        bytes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(units));
    } else if constexpr (sizeof(Unit) == 2) {
        const auto *from = reinterpret_cast<const __m128i *>(units);
        bytes = _mm_packus_epi16(_mm_loadu_si128(from), _mm_loadu_si128(from + 1));  // beyond ASCII: at least 128, or 0
    } else {
        return false;
    }
    const __m128i control = _mm_cmpgt_epi8(_mm_set1_epi8(' '), bytes);  // and what is not ASCII
    const __m128i space = _mm_or_si128(
        _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')),
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r'))));
    const __m128i bad = _mm_or_si128(_mm_andnot_si128(space, control), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(127)));
    if (_mm_movemask_epi8(bad)) return false;
    const __m128i upper =
        _mm_cmplt_epi8(_mm_add_epi8(bytes, _mm_set1_epi8(char(128 - 'A'))), _mm_set1_epi8(char(-128 + 26)));
    const __m128i lower = _mm_or_si128(bytes, _mm_and_si128(upper, _mm_set1_epi8(32)));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(out), _mm_max_epu8(lower, _mm_set1_epi8(' ')));
    return true;
}
#else
template <class Unit> inline bool put_sixteen(const Unit *, char *) { return false; }
#endif

// Writes normalized text into `scratch`, a piece at a time. `Own` has add_code(code), for what is not ASCII, and
// before_ascii(), which comes before ASCII characters are written.
template <class Own> class Writer {
  public:
    explicit Writer(std::string &scratch) : scratch_(scratch) {}

    // The end of what is written; setting it drops what lies behind.
    size_t size() const { return size_; }
    void resize(size_t size) { size_ = size; }

    template <class Unit> void add(const Unit *units, size_t length) {
        for (size_t i = 0; i < length;)
            if (units[i] < 128) i = put_ascii(units, i, length);
            else own().add_code(units[i++]);
    }

    // UTF-8; every byte that is not part of a valid character counts as U+FFFD.
    void add_utf8(const uint8_t *bytes, size_t length) {
        for (size_t i = 0; i < length;)
            if (bytes[i] < 128) i = put_ascii(bytes, i, length);
            else own().add_code(decode(bytes, i, length));
    }

    // Some of a text, which must not begin or end within a character of UTF-8.
    void add(const Text &text, size_t begin, size_t length) {
        if (text.unit == 0) return add_utf8(static_cast<const uint8_t *>(text.units) + begin, length);
        if (text.unit == 1) return add(static_cast<const uint8_t *>(text.units) + begin, length);
        if (text.unit == 2) return add(static_cast<const uint16_t *>(text.units) + begin, length);
        return add(static_cast<const uint32_t *>(text.units) + begin, length);
    }

    // The character at `i`, and `i` behind it.
    static char32_t decode(const uint8_t *bytes, size_t &i, size_t length) {
        const uint8_t first = bytes[i++];
        const size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
        char32_t code = first & (0x3F >> more);
        if (first < 0xC2 || first > 0xF4 || i + more > length) return 0xFFFD;
        for (size_t k = 0; k < more; ++k) {
            if ((bytes[i + k] & 0xC0) != 0x80) return 0xFFFD;
            code = code << 6 | (bytes[i + k] & 0x3F);
        }
        const bool too_long = code < (more == 3 ? 0x10000u : more == 2 ? 0x800u : 0x80u);
        if (too_long || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return 0xFFFD;
        i += more;
        return code;
    }

  protected:
    void put(char32_t code) {
        reserve(4);
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

    void reserve(size_t more) {
        if (size_ + more > scratch_.size()) [[unlikely]]
            scratch_.resize(2 * scratch_.size() + more + 256);
    }

    // Writes a character of three bytes between spaces, or behind one if it is the last.
    void put_ideograph(char32_t code, bool last = false) {
        reserve(8);
        const uint64_t bytes = ' ' | (0xE0 | code >> 12) << 8 | (0x80 | (code >> 6 & 63)) << 16 |
                               uint64_t(0x80 | (code & 63)) << 24 | uint64_t(' ') << 32;
        std::memcpy(scratch_.data() + size_, &bytes, 8);
        size_ += last ? 4 : 5;
    }

    std::string &scratch_;
    size_t size_ = 0;

  private:
    Own &own() { return static_cast<Own &>(*this); }

    // Writes the ASCII characters from `i` on; returns where they end.
    template <class Unit> size_t put_ascii(const Unit *units, size_t i, size_t length) {
        while (i < length && units[i] < 128 && is_ascii_deleted(uint8_t(units[i]))) ++i;
        if (i == length || units[i] >= 128) return i;  // deleted characters alone do not end a run of marks
        own().before_ascii();
        reserve(length - i + 16);
        char *out = scratch_.data() + size_;
        while (i < length && units[i] < 128) {
            while (i + 16 <= length && put_sixteen(units + i, out)) {
                i += 16;
                out += 16;
            }
            for (const size_t stop = std::min(length, i + 16); i < stop && units[i] < 128; ++i) {
                const auto c = uint8_t(units[i]);
                *out = char(lower_ascii(c));
                out += !is_ascii_deleted(c);
            }
        }
        size_ = size_t(out - scratch_.data());
        return i;
    }
};

}  // namespace detail

}  // namespace prunetext
