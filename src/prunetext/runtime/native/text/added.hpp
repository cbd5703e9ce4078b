// The words of a text that words/2 has normalized, among which a tokenizer writes more tokens.
//
// `Own` has add_word(word), which writes a complete word and what belongs to it, and add_between(byte), for a space or
// ASCII punctuation. No token is added to a word of more than kMostPieced bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/writer.hpp"

namespace prunetext {

inline constexpr size_t kMostPieced = 64;

namespace detail {

template <class Own> class AddingWriter : public Writer<Own> {
  public:
    using Writer<Own>::Writer;

    // Writes what these normalized bytes have, and tells how many of them are done: unless they are the `last`, a word
    // that ends them may go on.
    size_t add(const char *bytes, size_t size, bool last) {
        size_t at = 0;
        while (at < size) {
            if (!is_word(uint8_t(bytes[at]))) {
                static_cast<Own &>(*this).add_between(bytes[at++]);
                continue;
            }
            size_t end = at + 1;
            while (end < size && is_word(uint8_t(bytes[end]))) ++end;
            if (end == size && !last) break;
            static_cast<Own &>(*this).add_word({bytes + at, end - at});
            at = end;
        }
        return at;
    }

  protected:
    void write(std::string_view bytes) {
        this->reserve(bytes.size());
        bytes.copy(this->scratch_.data() + this->size_, bytes.size());
        this->size_ += bytes.size();
    }
};

}  // namespace detail

}  // namespace prunetext
