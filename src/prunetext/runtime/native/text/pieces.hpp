// The words of a text that words/2 has normalized, each followed by its pieces: three letters at a time.
//
//     PieceWriter pieces(scratch);
//     pieces.add("schön!", 7, true);    // "schön ··sc ·sch ·chö ·hön ·ön· !" in scratch
//
// A piece begins with kPieceMark, and the same sign stands for either end of the word. No word has it, for words/2
// takes it for a token of its own. A letter is a character with the marks behind it. A word of one letter has no
// pieces, and neither has one of more than kMostPieced bytes.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "text/words_normalizer.hpp"
#include "text/writer.hpp"

namespace prunetext {

inline constexpr std::string_view kPieceMark = "·";
inline constexpr size_t kMostPieced = 64;

namespace detail {

class PieceWriter : public Writer<PieceWriter> {
  public:
    using Writer::Writer;

    // Writes what these normalized bytes have, and tells how many of them are done: unless they are the `last`, a word
    // that ends them may go on.
    size_t add(const char *bytes, size_t size, bool last) {
        size_t at = 0;
        while (at < size) {
            if (!is_word(uint8_t(bytes[at]))) {
                write({bytes + at++, 1});
                continue;
            }
            size_t end = at + 1;
            while (end < size && is_word(uint8_t(bytes[end]))) ++end;
            if (end == size && !last) break;
            write({bytes + at, end - at});
            if (end - at <= kMostPieced) add_pieces({bytes + at, end - at});
            at = end;
        }
        return at;
    }

  private:
    void write(std::string_view bytes) {
        reserve(bytes.size());
        bytes.copy(scratch_.data() + size_, bytes.size());
        size_ += bytes.size();
    }

    // Whether a character belongs to the letter before it.
    static bool goes_on(char32_t code) {
        const char kind = words::class_of(code);
        return kind == words::mark || kind == words::joiner || kind == words::half_flag || kind >= words::first_behind;
    }

    void add_pieces(std::string_view word) {
        size_t begins[kMostPieced + 1], letters = 0;
        const auto *bytes = reinterpret_cast<const uint8_t *>(word.data());
        for (size_t at = 0; at < word.size();) {
            const size_t begin = at;
            const char32_t code = bytes[at] < 128 ? bytes[at++] : decode(bytes, at, word.size());
            if (!letters || !goes_on(code)) begins[letters++] = begin;
        }
        if (letters < 2) return;
        begins[letters] = word.size();
        for (size_t middle = 0; middle < letters; ++middle) {
            write(" ");
            write(kPieceMark);
            if (!middle) write(kPieceMark);
            const size_t begin = begins[middle ? middle - 1 : 0], end = begins[std::min(middle + 2, letters)];
            write(word.substr(begin, end - begin));
            if (middle + 1 == letters) write(kPieceMark);
        }
        write(" ");
    }
};

}  // namespace detail

}  // namespace prunetext
