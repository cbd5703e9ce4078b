// The normalization of any tokenizer: UTF-8 in lower case, in which a token boundary is a space or ASCII punctuation.
//
//     Normalizer normalizer(Tokenizer::bert, scratch);
//     normalizer.add(text, 0, text.length);    // "Café, 中" → "cafe,  中 " in scratch
//     normalizer.end();                        // as far as normalizer.size()
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/bert_normalizer.hpp"
#include "text/text.hpp"
#include "text/words_normalizer.hpp"

namespace prunetext {

// The tokenizers that a file can name. In ASCII text, all find the same tokens.
enum class Tokenizer : uint8_t { bert, words };
inline constexpr std::string_view kTokenizers[] = {"bert/1", "words/2"};

inline std::optional<Tokenizer> tokenizer_of(std::string_view name) {
    for (size_t i = 0; i < std::size(kTokenizers); ++i)
        if (kTokenizers[i] == name) return Tokenizer(i);
    return std::nullopt;
}

namespace detail {

class Normalizer {
  public:
    explicit Normalizer(Tokenizer tokenizer, std::string &scratch, size_t most_marks = SIZE_MAX)
        : words_only_(tokenizer == Tokenizer::words), bert_(scratch, most_marks), words_(scratch, most_marks) {}

    size_t size() const { return words_only_ ? words_.size() : bert_.size(); }
    void resize(size_t size) { words_only_ ? words_.resize(size) : bert_.resize(size); }
    void end() { words_only_ ? words_.end() : bert_.end(); }

    // Some of a text, which must not begin or end within a character of UTF-8.
    void add(const Text &text, size_t begin, size_t length) {
        words_only_ ? words_.add(text, begin, length) : bert_.add(text, begin, length);
    }

    // Whether what comes next must be normalized, even if it is ASCII.
    bool waits() const { return words_only_ ? words_.waits() : bert_.waits(); }

  private:
    const bool words_only_;
    BertNormalizer bert_;
    WordsNormalizer words_;
};

}  // namespace detail

}  // namespace prunetext
