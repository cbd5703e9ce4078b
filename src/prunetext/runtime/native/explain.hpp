// Why a text, or a pair of texts, got its label, and what its model's filters are about.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernel/kernel.hpp"

namespace prunetext {

// What some characters add to a label's logit.
struct Part {
    size_t text;        // 0, or 1 for the second text of a pair
    size_t begin, end;  // in units of that text
    double logit;
};

// A text's n-grams that speak for a label, most important first, one after another in `written`, with shares that sum
// to 1.
struct Shares {
    struct Share {
        size_t begin, end;  // of the n-gram in `written`
        double share;
    };
    std::string written;
    std::vector<Share> all;
};

// The label's logit, before the temperature, is `base` and all parts added up. If a text has exactly one label, only
// differences between logits count: a part is then what the characters add to this label's logit beyond what they add
// to those of all labels on average. `base` is what no word adds: that average, the bias, and filters that no window of
// the text fires. The shares are those of the parts above 0, the parts of equal n-grams being added up first.
struct Explanation {
    uint32_t label;
    float probability;
    double logit, base;
    std::vector<Part> parts;
    Shares shares;
};

// For the label of this index (-1: the winning one). A max feature's part goes to the characters under its first
// maximal window, a mean feature's to the single words in proportion; parts of the same characters are added up.
// `texts` is one, or the two of a pair: then a text's part is what its features add to none and to those of the other,
// on average. The workspace's watch may end it.
Explanation explain(const Model &model, const Text *texts, Workspace &workspace, int label = -1);

// An n-gram, and the value of a max feature where its window has that n-gram.
using Firing = std::pair<std::string, double>;

// For each filter the n-grams of some texts, or pairs of texts, that fire it most: at most `top`, the largest value
// first. Each text fires a filter by its first maximal window.
std::vector<std::vector<Firing>> firings(const Model &model, const std::vector<Text> &texts, size_t top, Watch &watch);

}  // namespace prunetext
