// Why a text, or a pair of texts, got its label, and what its model's filters are about.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernel/kernel.hpp"

namespace prunetext {

// What some characters add to a label's logit, and to its margin, which is the logit minus the mean of the other
// labels' or, if a text can have several labels, the logit itself.
struct Part {
    size_t text;        // 0, or 1 for the second text of a pair
    size_t begin, end;  // in units of that text
    double logit, margin;
};

// The label's logit, before the temperature, is `base` and the parts' `logit` added up. `base` is what no word adds:
// the bias, and filters that no window of the text fires. `shares` are n-grams that speak for the label, most important
// first: what each adds to the margin, so that they sum to 1.
struct Explanation {
    uint32_t label;
    double logit, base;
    std::vector<Part> parts;
    std::vector<std::pair<std::string, double>> shares;
};

// For the label of this index (-1: the winning one). A max feature's part goes to the characters under its first maximal
// window, a mean feature's to the single words in proportion; parts of the same characters are added up. `texts` is one,
// or the two of a pair: then a text's part is what its features add to none and to those of the other, on average.
// `watch` may end it.
Explanation explain(const Model &model, const Text *texts, int label = -1, Watch *watch = nullptr);

// An n-gram, and the value of a max feature where its window has that n-gram.
using Firing = std::pair<std::string, double>;

// For each filter the n-grams of some texts, or pairs of texts, that fire it most: at most `top`, the largest value
// first. Each text fires a filter by its first maximal window.
std::vector<std::vector<Firing>> firings(const Model &model, const std::vector<Text> &texts, size_t top, Watch &watch);

}  // namespace prunetext
