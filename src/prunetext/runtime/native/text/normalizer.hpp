// The normalization of any tokenizer: UTF-8 in lower case, in which a token boundary is a space or ASCII punctuation.
//
//     Normalizer normalizer(Tokenizer::bert, scratch);
//     normalizer.add(text, 0, text.length);    // "Café, 中" → "cafe,  中 " in scratch
//     normalizer.end();                        // as far as normalizer.size()
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/added.hpp"
#include "text/bert_normalizer.hpp"
#include "text/pairs.hpp"
#include "text/pieces.hpp"
#include "text/text.hpp"
#include "text/words_normalizer.hpp"

namespace prunetext {

// The tokenizers that a file can name. In ASCII text, all but pieces find the same tokens.
enum class Tokenizer : uint8_t { bert, words, pieces, pairs };
inline constexpr std::string_view kTokenizers[] = {"bert/1", "words/2", "pieces/3", "pairs/4"};

inline std::optional<Tokenizer> tokenizer_of(std::string_view name) {
    for (size_t i = 0; i < std::size(kTokenizers); ++i)
        if (kTokenizers[i] == name) return Tokenizer(i);
    return std::nullopt;
}

// Whether a tokenizer finds the words of words/2, and more tokens among them.
constexpr bool adds_tokens(Tokenizer tokenizer) {
    return tokenizer == Tokenizer::pieces || tokenizer == Tokenizer::pairs;
}

namespace detail {

class Normalizer {
  public:
    explicit Normalizer(Tokenizer tokenizer, std::string &scratch, size_t most_marks = SIZE_MAX)
        : tokenizer_(tokenizer),
          most_(std::max(most_marks, kMostPieced + 1)),
          bert_(scratch, most_marks),
          words_(adds() ? whole_ : scratch, adds() ? most_ : most_marks),
          pieces_(scratch),
          pairs_(scratch) {}

    size_t size() const {
        switch (tokenizer_) {
            case Tokenizer::bert: return bert_.size();
            case Tokenizer::words: return words_.size();
            case Tokenizer::pieces: return pieces_.size();
            case Tokenizer::pairs: return pairs_.size();
        }
        return 0;
    }
    void resize(size_t size) {
        switch (tokenizer_) {
            case Tokenizer::bert: return bert_.resize(size);
            case Tokenizer::words: return words_.resize(size);
            case Tokenizer::pieces: return pieces_.resize(size);
            case Tokenizer::pairs: return pairs_.resize(size);
        }
    }
    void end() {
        tokenizer_ == Tokenizer::bert ? bert_.end() : words_.end();
        if (adds()) complete(true);
    }

    // Some of a text, which must not begin or end within a character of UTF-8.
    void add(const Text &text, size_t begin, size_t length) {
        tokenizer_ == Tokenizer::bert ? bert_.add(text, begin, length) : words_.add(text, begin, length);
        if (adds()) complete(false);
    }

    // Whether what comes next must be normalized, even if it is ASCII.
    bool waits() const { return tokenizer_ == Tokenizer::bert ? bert_.waits() : words_.waits(); }

  private:
    bool adds() const { return adds_tokens(tokenizer_); }

    // Writes the words that are complete. Of one that goes on, no more is kept than shows that it is too long.
    void complete(bool last) {
        const bool pieces = tokenizer_ == Tokenizer::pieces;
        const size_t size = words_.size();
        const size_t done = pieces ? pieces_.add(whole_.data(), size, last) : pairs_.add(whole_.data(), size, last);
        const size_t left = size - done;
        whole_.erase(0, done);
        words_.resize(std::min(left, most_));
    }

    const Tokenizer tokenizer_;
    const size_t most_;  // bytes of a word that goes on
    BertNormalizer bert_;
    std::string whole_;  // what words_ writes, if tokens are added
    WordsNormalizer words_;
    PieceWriter pieces_;
    PairWriter pairs_;
};

}  // namespace detail

}  // namespace prunetext
