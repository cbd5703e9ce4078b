// A text's tokens beside their rows of the table, and the windows in which filters fire, for explanations.
//
//     TextRows one(model, text, watch);
//     Winners winners;
//     find_winners(model, one, model.widths[0], winners, watch);    // winners.windows[f]: the window that filter f
//     takes
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernel/kernel.hpp"
#include "overlap.hpp"
#include "text/spans.hpp"
#include "watch.hpp"

namespace prunetext {

constexpr size_t no_window = SIZE_MAX;

// Some of a text's tokens, [first, first + count).
struct Ngram {
    size_t first, count;
};

struct TextRows {
    // `read` is a workspace that has read this text, and no other after it.
    TextRows(const Model &model, const Text &text, Watch &watch, const Workspace *read = nullptr);

    TokenSpans spans;
    std::vector<const std::byte *> rows;  // of the tokens, with padding before and behind them: `context` rows
    std::vector<uint8_t> flags;           // of the same; 0 in single texts, and before the texts of a pair are compared
    std::vector<uint64_t> keys;           // of the tokens
    size_t context;

    size_t tokens() const { return keys.size(); }
    size_t windows(const Width &width) const { return tokens() + static_cast<size_t>(width.taps) - 1; }
    // The tokens under a window that touches the text.
    Ngram under(const Width &width, size_t window) const;
    // Tokens as they are written in a vocabulary, with spaces between them.
    std::string written(const Ngram &ngram) const;
    void write(const Ngram &ngram, std::string &out) const;
};

// Mark the words that the texts of a pair have in common.
void compare_words(TextRows &one, TextRows &other);

// For each filter of a width, padded: its largest sum, at least 0, and the first window that has it; no_window where
// the largest is 0, as that of nothing but padding is, which comes before the text.
struct Winners {
    std::vector<int16_t> sums;
    std::vector<size_t> windows;
};
void find_winners(const Model &model, const TextRows &text, const Width &width, Winners &winners, Watch &watch);

// Each listed bigram of a text once, and the first token of the first place where it stands.
std::vector<std::pair<uint32_t, size_t>> bigrams_of(const Bigrams &bigrams, const TextRows &text, Watch &watch);

// For each token, `scale` times the weights of all columns times the entries of its row, added up as float32. The sums
// of all tokens are known to add up to `total`; what rounding leaves of it is spread over them.
std::vector<double> weigh_tokens(const Model &model, const TextRows &text, const std::vector<float> &weights,
                                 double scale, double total, Watch &watch);

}  // namespace prunetext
