// Scoring texts with a packed model, by the fastest of several kernels that this processor has.
#pragma once
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "kernel/workspace.hpp"
#include "model/model.hpp"
#include "text/text.hpp"

namespace prunetext {

// A kernel and its name. All give the same numbers, for at most `batch` texts, or pairs of texts after each other.
struct Kernel {
    const char *name;
    // Fill `features` and `logits`.
    void (*score)(const Model &model, const Text *texts, size_t count, Workspace &workspace);
    // Fill `features` of single texts with [text][feature], also for a model of pairs.
    void (*encode)(const Model &model, const Text *texts, size_t count, Workspace &workspace);
    // Fill `logits` from `features`, without what bigrams add, which a model of pairs has none of.
    void (*decide)(const Model &model, size_t count, Workspace &workspace);
};

// From the features u and v of a pair's texts, which come first, the rest of the head's input.
inline void compare(const Model &model, double *inputs) {
    const size_t count = model.features;
    const double *const u = inputs, *const v = u + count;
    for (size_t i = 0; i < count; ++i) inputs[2 * count + i] = std::fabs(u[i] - v[i]);
    for (size_t i = 0; i < count; ++i) inputs[3 * count + i] = u[i] * v[i];
}

// Those that this processor can run, the fastest first.
const std::vector<Kernel> &kernels();

// The kernel with that name, or the fastest if it is empty. Throws std::invalid_argument if the processor has none.
const Kernel &kernel_of(const std::string &name);

}  // namespace prunetext
