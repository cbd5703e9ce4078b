// From maxima and sums to features, and from features to logits: float64, in the order that the format prescribes.
#pragma once
#include <cstring>

#include "kernel/dispatch.hpp"
#include "kernel/workspace.hpp"
#include "model/model.hpp"

PRUNETEXT_BEGIN
namespace prunetext::PRUNETEXT_KERNEL {

using Quad = double __attribute__((vector_size(32)));

// Features of one text from its maxima and sums.
PRUNETEXT_INLINE void fill_features(const Model &model, size_t tokens, const Workspace &workspace, double *features) {
    for (const Width &width : model.widths) {
        const int16_t *const best = workspace.best.data() + width.place;
        const double *const sums = workspace.sums.data() + width.place, *const scale = width.scale.data(),
                            *const bias = width.bias.data();
        double *const maxima = features + width.feature, *const means = features + model.filters + width.feature;
        for (size_t f = 0; f < width.filters; ++f) {
            const double value = best[f] * scale[f] + bias[f];
            maxima[f] = value > 0 ? value : 0;
        }
        if (!model.mean) continue;
        const double own = static_cast<double>(tokens ? tokens + static_cast<size_t>(width.taps) - 1 : 1);
        for (size_t f = 0; f < width.filters; ++f) means[f] = sums[f] / own * scale[f];
    }
}

// The logits of `Texts` texts. Float64, each summed in index order; four classes and several texts at a time, because
// each addition of one sum waits for the last.
template <size_t Texts> PRUNETEXT_INLINE void dense(const Model &model, const double *inputs, double *logits) {
    const double *weights = model.head.data();
    const size_t classes = model.bias.size();
    for (size_t c = 0; c < classes; c += 4) {
        Quad sums[Texts];
        for (size_t t = 0; t < Texts; ++t) std::memcpy(&sums[t], model.bias.data() + c, sizeof sums[t]);
        for (size_t i = 0; i < model.inputs; ++i, weights += 4) {
            Quad weight;
            std::memcpy(&weight, weights, sizeof weight);
            for (size_t t = 0; t < Texts; ++t) sums[t] += weight * inputs[t * model.inputs + i];
        }
        for (size_t t = 0; t < Texts; ++t) std::memcpy(logits + t * classes + c, &sums[t], sizeof sums[t]);
    }
}

inline void decide(const Model &model, size_t count, Workspace &workspace) {
    workspace.logits.resize(batch * model.bias.size());
    if (count == 1) dense<1>(model, workspace.features.data(), workspace.logits.data());
    else dense<batch>(model, workspace.features.data(), workspace.logits.data());
}

}  // namespace prunetext::PRUNETEXT_KERNEL
PRUNETEXT_END
