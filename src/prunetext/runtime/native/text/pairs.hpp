// The words of a text that words/2 has normalized, and between two letters of a script without spaces, both as one.
//
//     PairWriter pairs(scratch);
//     pairs.add(" 我 喜 欢nlp", 13, true);    // " 我 我喜 喜 喜欢 欢nlp" in scratch
//
// A letter is a token that words/2 takes alone, with the marks behind it: also a symbol or a punctuation mark, if it is
// not ASCII. Spaces between two letters do not matter; any other token ends the row. A pair is spelled as its two
// letters. No word is, for words/2 takes them apart. A letter of more than kMostPieced bytes is in no pair.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "text/added.hpp"
#include "text/words_normalizer.hpp"

namespace prunetext {

namespace detail {

class PairWriter : public AddingWriter<PairWriter> {
  public:
    using AddingWriter::AddingWriter;

    // Whether a token of words/2 makes a pair with one beside it.
    static bool is_letter(std::string_view word) {
        if (word.size() > kMostPieced || uint8_t(word[0]) < 128) return false;
        size_t at = 0;
        return words::class_of(decode(reinterpret_cast<const uint8_t *>(word.data()), at, word.size())) == words::alone;
    }

  private:
    friend AddingWriter;

    void add_between(char byte) {
        write({&byte, 1});
        if (byte != ' ') before_.clear();
    }

    void add_word(std::string_view word) {
        const bool letter = is_letter(word);
        if (letter && !before_.empty()) {
            write(before_);
            write(word);
            write(" ");
        }
        write(word);
        before_ = letter ? word : std::string_view{};
    }

    std::string before_;  // the letter before, if the next one makes a pair with it
};

}  // namespace detail

}  // namespace prunetext
