// The stored vectors nearest in direction to a given one, and the stored texts that match a text best.
//
//     const std::vector<Match> found = match(model, kernel, {query, true}, {vectors, 1000}, 100, 10, text_of_row);
//     found[0];    // {17, 0.98f}: row 17 goes best with the query
#pragma once
#include <cstddef>
#include <functional>
#include <vector>

#include "kernel/kernel.hpp"
#include "model/model.hpp"
#include "text/text.hpp"

namespace prunetext {

// The rows of `vectors`, (count, width), whose cosine with `query` is largest, at most `most` of them, the best first
// and of equals the first; the cosine with nothing but zeros is 0. Throws std::invalid_argument for a number that is
// not finite.
std::vector<size_t> nearest(const float *query, const float *vectors, size_t count, size_t width, size_t most);

struct Query {
    Text text;
    bool second;  // of the two texts of a pair it is the second
};

// Features of texts as a kernel's `encode` gives them, as float32: (count, the model's features).
struct Stored {
    const float *vectors;
    size_t count;
};

struct Match {
    size_t row;
    float probability;  // of the model's positive label
};

// The text of a stored row; it must stay where it is until `match` has ended.
using TextOfRow = std::function<Text(size_t row)>;

// The `top` rows that a model of pairs finds most probable, the best first and of equals the first: it judges the
// `most` nearest rows, by their texts if `text_of` is given, else by their vectors, which do not tell the words in both
// texts. Throws std::invalid_argument for a number that is not finite.
std::vector<Match> match(const Model &model, const Kernel &kernel, const Query &query, const Stored &stored,
                         size_t most, size_t top, const TextOfRow &text_of);

}  // namespace prunetext
