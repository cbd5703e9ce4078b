// Softmax, logistic function, thresholds.
#include "kernel/answers.hpp"

#include <algorithm>
#include <cmath>

#include "kernel/exponential.hpp"

namespace prunetext {

namespace {

// Replace the logits by powers of e, with 1 for the winner, and return their sum.
double to_powers(const Model &model, Workspace &workspace, size_t text, uint32_t most) {
    double *const logits = workspace.logits.data() + text * model.bias.size();
    const double largest = logits[most] / model.temperature;
    double sum = 0;
    for (size_t c = 0; c < model.labels.size(); ++c)
        sum += logits[c] = exponential(logits[c] / model.temperature - largest);
    return sum;
}

// The probability of a label that does not depend on the others. No power overflows.
float logistic(double scaled) {
    const double power = exponential(-std::abs(scaled));
    return static_cast<float>((scaled < 0 ? power : 1) / (1 + power));
}

}  // namespace

uint32_t winner(const Model &model, const Workspace &workspace, size_t text) {
    const double *const first = workspace.logits.data() + text * model.bias.size();
    return static_cast<uint32_t>(std::max_element(first, first + model.labels.size()) - first);
}

Answer best(const Model &model, Workspace &workspace, size_t text, bool reject) {
    const uint32_t label = winner(model, workspace, text);
    const auto probability = static_cast<float>(1 / to_powers(model, workspace, text, label));
    return {reject && probability < model.reject ? no_label : label, probability};
}

void probabilities(const Model &model, Workspace &workspace, size_t text, float *out) {
    if (model.several()) {
        const double *const logits = workspace.logits.data() + text * model.bias.size();
        for (size_t c = 0; c < model.labels.size(); ++c) out[c] = logistic(logits[c] / model.temperature);
        return;
    }
    const double sum = to_powers(model, workspace, text, winner(model, workspace, text));
    const double *const powers = workspace.logits.data() + text * model.bias.size();
    for (size_t c = 0; c < model.labels.size(); ++c) out[c] = static_cast<float>(powers[c] / sum);
}

void choose(const Model &model, const Workspace &workspace, size_t text, uint64_t *out, std::vector<float> *shares) {
    const double *const logits = workspace.logits.data() + text * model.bias.size();
    for (size_t c = 0; c < model.labels.size(); ++c) {
        const float share = logistic(logits[c] / model.temperature);
        if (!(share >= model.thresholds[c])) continue;
        out[c / 64] |= uint64_t{1} << c % 64;
        if (shares) shares->push_back(share);
    }
}

double scored(const Model &model, const Workspace &workspace, size_t text) {
    const double *const logits = workspace.logits.data() + text * model.bias.size();
    double score = model.levels[0];
    for (size_t c = 0; c < model.labels.size(); ++c)
        score += static_cast<double>(logistic(logits[c] / model.temperature)) * (model.levels[c + 1] - model.levels[c]);
    return score;
}

void given_labels(const Model &model, const Workspace &workspace, size_t text, uint64_t *out) {
    if (model.several()) return choose(model, workspace, text, out);
    const uint32_t label = winner(model, workspace, text);
    out[label / 64] |= uint64_t{1} << label % 64;
}

}  // namespace prunetext
