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

#include "text/bert_normalizer.hpp"
#include "text/pieces.hpp"
#include "text/text.hpp"
#include "text/words_normalizer.hpp"

namespace prunetext {

// The tokenizers that a file can name. In ASCII text, bert and words find the same tokens.
enum class Tokenizer : uint8_t { bert, words, pieces };
inline constexpr std::string_view kTokenizers[] = {"bert/1", "words/2", "pieces/3"};

inline std::optional<Tokenizer> tokenizer_of(std::string_view name) {
    for (size_t i = 0; i < std::size(kTokenizers); ++i)
        if (kTokenizers[i] == name) return Tokenizer(i);
    return std::nullopt;
}

namespace detail {

class Normalizer {
  public:
    explicit Normalizer(Tokenizer tokenizer, std::string &scratch, size_t most_marks = SIZE_MAX)
        : tokenizer_(tokenizer),
          most_(std::max(most_marks, kMostPieced + 1)),
          bert_(scratch, most_marks),
          words_(pieced() ? whole_ : scratch, pieced() ? most_ : most_marks),
          pieces_(scratch) {}

    size_t size() const {
        return tokenizer_ == Tokenizer::bert ? bert_.size() : pieced() ? pieces_.size() : words_.size();
    }
    void resize(size_t size) {
        if (tokenizer_ == Tokenizer::bert) bert_.resize(size);
        else if (pieced()) pieces_.resize(size);
        else words_.resize(size);
    }
    void end() {
        tokenizer_ == Tokenizer::bert ? bert_.end() : words_.end();
        if (pieced()) cut(true);
    }

    // Some of a text, which must not begin or end within a character of UTF-8.
    void add(const Text &text, size_t begin, size_t length) {
        tokenizer_ == Tokenizer::bert ? bert_.add(text, begin, length) : words_.add(text, begin, length);
        if (pieced()) cut(false);
    }

    // Whether what comes next must be normalized, even if it is ASCII.
    bool waits() const { return tokenizer_ == Tokenizer::bert ? bert_.waits() : words_.waits(); }

  private:
    bool pieced() const { return tokenizer_ == Tokenizer::pieces; }

    // Cuts the words that are complete. Of one that goes on, no more is kept than shows that it is too long.
    void cut(bool last) {
        const size_t done = pieces_.add(whole_.data(), words_.size(), last), left = words_.size() - done;
        whole_.erase(0, done);
        words_.resize(std::min(left, most_));
    }

    const Tokenizer tokenizer_;
    const size_t most_;  // bytes of a word that goes on
    BertNormalizer bert_;
    std::string whole_;  // what words_ writes, if it is to be cut
    WordsNormalizer words_;
    PieceWriter pieces_;
};

}  // namespace detail

}  // namespace prunetext
