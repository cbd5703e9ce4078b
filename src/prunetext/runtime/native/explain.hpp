// Why a text, or a pair of texts, got its label.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "kernel/kernel.hpp"

namespace prunetext {

// The n-grams that speak for a class (-1: the winning one), most important first, with shares that sum to 1. A max
// feature's part goes to the n-gram under its first maximal window, a mean feature's to the single words in proportion;
// parts of equal n-grams are added up, and those against the class are left out. `texts` is one, or the two of a pair:
// then a text's part is what its features add to none and to those of the other, on average. `watch` may end it.
std::vector<std::pair<std::string, double>> explain(const Model &model, const Text *texts, int label = -1,
                                                    Watch *watch = nullptr);

}  // namespace prunetext
