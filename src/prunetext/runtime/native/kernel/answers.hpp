// From logits to labels and probabilities. Only this file has the rule for ties.
//
//     kernel.score(model, texts, count, workspace);
//     const Answer answer = best(model, workspace, 0);    // {1, 0.98f}: the first text's label and its probability
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel/workspace.hpp"
#include "model/model.hpp"

namespace prunetext {

struct Answer {
    uint32_t label;     // the class, from 0 on, or `no_label`
    float probability;  // of that class, or of the one that was rejected
};
constexpr uint32_t no_label = UINT32_MAX;

// The class whose logit is largest, the first of equal ones, for one text of the batch. Probabilities never decide: as
// float32 two may be equal whose logits are not.
uint32_t winner(const Model &model, const Workspace &workspace, size_t text);

// The winner and its probability. With `reject` there is no label if the probability is below the file's threshold. The
// logits are overwritten.
Answer best(const Model &model, Workspace &workspace, size_t text, bool reject = false);

// The softmax of the logits over the model's temperature, or the logistic function of each if a text can have several
// labels. `out` takes one number for each class. The logits are overwritten.
void probabilities(const Model &model, Workspace &workspace, size_t text, float *out);

// The labels of a text that can have several: `out` gets one bit set for each, and `shares`, if given, their
// probabilities added at its end. The logits stay.
void choose(const Model &model, const Workspace &workspace, size_t text, uint64_t *out,
            std::vector<float> *shares = nullptr);

// The score of a text, for a model of scores: its first level, and of each step up to the next level as much as is
// probable. The logits stay.
double scored(const Model &model, const Workspace &workspace, size_t text);

// Set a bit for each label that a text is given: the winner's, or those of `choose`. The logits stay.
void given_labels(const Model &model, const Workspace &workspace, size_t text, uint64_t *out);

}  // namespace prunetext
