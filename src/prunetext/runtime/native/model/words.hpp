// A compressed list of words that rise in the order of their bytes, as a packed file has them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "file/json.hpp"
#include "refuse.hpp"

namespace prunetext {

constexpr size_t max_word_bytes = 64u << 20;

// How many words there are, and how many bytes they have when inflated.
struct WordCount {
    uint64_t words, bytes;
};

inline WordCount parse_count(const std::string &text, const char *what) {
    uint64_t bytes = UINT64_MAX, words = UINT64_MAX;
    JsonReader json(text, what);
    json.object([&](const std::string &key) {
        uint64_t &value = key == "bytes" ? bytes : words;
        if ((key != "bytes" && key != "words") || value != UINT64_MAX) json.fail("has an unknown or repeated key");
        value = json.integer();
    });
    json.end();
    if (bytes == UINT64_MAX || words == UINT64_MAX) json.fail("lacks its number of bytes or words");
    return {words, bytes};
}

class WordList {
  public:
    // Of inflated bytes: for each word how many bytes it shares with the one before, then the rest of each and a line
    // feed. Throws std::invalid_argument if it is none; messages call it `what`.
    WordList(const std::string &data, size_t words, const std::string &what) {
        ends_.reserve(words);
        std::string word;
        size_t at = words;
        for (size_t i = 0; i < words; ++i) {
            const size_t shared = static_cast<unsigned char>(data[i]), end = data.find('\n', at);
            if (end == std::string::npos) refuse(what + " has fewer words than stated");
            if (shared > word.size()) refuse(what + " has a word that shares more than the previous one has");
            std::string next = word.substr(0, shared).append(data, at, end - at);
            if (next <= word) refuse(what + " is not sorted, or has a word that is empty or comes twice");
            if (!valid_utf8(next)) refuse(what + " has a word that is not valid UTF-8");
            word = std::move(next);
            if (all_.size() + word.size() > max_word_bytes) refuse("its words together are larger than 64 MiB");
            all_ += word;
            ends_.push_back(all_.size());
            at = end + 1;
        }
        if (at != data.size()) refuse(what + " has more words than stated");
    }

    // They live as long as the list.
    std::vector<std::string_view> views() const {
        std::vector<std::string_view> found(ends_.size());
        for (size_t i = 0, start = 0; i < found.size(); start = ends_[i++])
            found[i] = std::string_view(all_).substr(start, ends_[i] - start);
        return found;
    }

  private:
    std::string all_;           // the words one after another,
    std::vector<size_t> ends_;  // and where each of them ends
};

}  // namespace prunetext
