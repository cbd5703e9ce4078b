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

#include "text/added.hpp"
#include "text/words_normalizer.hpp"

namespace prunetext {

inline constexpr std::string_view kPieceMark = "·";

namespace detail {

class PieceWriter : public AddingWriter<PieceWriter> {
  public:
    using AddingWriter::AddingWriter;

    // Calls use(begin, end, first, last) for each piece of a word: where its letters stand in the word, and whether the
    // word's beginning and end belong to it. False if there is none.
    template <class Use> static bool each_piece(std::string_view word, Use use) {
        if (word.size() > kMostPieced) return false;
        size_t begins[kMostPieced + 1], letters = 0;
        const auto *bytes = reinterpret_cast<const uint8_t *>(word.data());
        for (size_t at = 0; at < word.size();) {
            const size_t begin = at;
            const char32_t code = bytes[at] < 128 ? bytes[at++] : decode(bytes, at, word.size());
            if (!letters || !goes_on(code)) begins[letters++] = begin;
        }
        if (letters < 2) return false;
        begins[letters] = word.size();
        for (size_t middle = 0; middle < letters; ++middle)
            use(begins[middle ? middle - 1 : 0], begins[std::min(middle + 2, letters)], middle == 0,
                middle + 1 == letters);
        return true;
    }

  private:
    friend AddingWriter;

    void add_between(char byte) { write({&byte, 1}); }

    void add_word(std::string_view word) {
        write(word);
        const bool any = each_piece(word, [&](size_t begin, size_t end, bool first, bool last) {
            write(" ");
            write(kPieceMark);
            if (first) write(kPieceMark);
            write(word.substr(begin, end - begin));
            if (last) write(kPieceMark);
        });
        if (any) write(" ");
    }

    // Whether a character belongs to the letter before it.
    static bool goes_on(char32_t code) {
        const char kind = words::class_of(code);
        return kind == words::mark || kind == words::joiner || kind == words::half_flag || kind >= words::first_behind;
    }
};

}  // namespace detail

}  // namespace prunetext
