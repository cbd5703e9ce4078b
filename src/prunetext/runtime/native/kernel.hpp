// Scoring a text with a packed model.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model.hpp"
#include "text.hpp"

namespace prunetext {

// What scoring needs besides the model; one for each thread, reused from text to text.
struct Workspace {
    std::string scratch;                  // the tokenizer's
    std::vector<const std::byte *> rows;  // table rows: padding, the text's tokens, padding
    std::vector<int16_t> best;            // largest window sum of each filter of one width, padded
    std::vector<double> sums;             // sum of its window sums: an integer below 2^53
    std::vector<double> features;
    std::vector<double> logits;           // classes, padded to a multiple of 4
};

// Fill `rows`, `features` and `logits`.
void score(const Model &model, const Text &text, Workspace &workspace);

// The first class whose logit is largest.
size_t winner(const Model &model, const Workspace &workspace);

// Softmax of the logits over the model's temperature; `out` takes one number for each class.
void probabilities(const Model &model, Workspace &workspace, float *out);

}  // namespace prunetext
