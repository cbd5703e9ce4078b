// Scoring texts with a packed model, by the fastest of several kernels that this processor has.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "matching.hpp"
#include "model.hpp"
#include "text.hpp"

namespace prunetext {

#ifndef PRUNETEXT_PIECE
#define PRUNETEXT_PIECE 4096
#endif
constexpr size_t batch = 8;                // texts, or pairs of them, that are scored together
constexpr size_t piece = PRUNETEXT_PIECE;  // characters of a text that are looked at together; fuzzing takes fewer

// Room for numbers that are written before they are read.
template <class T> class Buffer {
  public:
    // With `kept`, the first ones stay.
    T *take(size_t count, size_t kept = 0) {
        if (count > size_) {
            std::unique_ptr<T[]> larger(new T[count + count / 2]);
            std::copy_n(data_.get(), std::min(kept, size_), larger.get());
            data_ = std::move(larger);
            size_ = count + count / 2;
        }
        return data_.get();
    }
    // What a long text needed is not kept for ever.
    void drop_above(size_t count) {
        if (size_ > count) *this = Buffer();
    }
    T *data() const { return data_.get(); }

  private:
    std::unique_ptr<T[]> data_;
    size_t size_ = 0;
};

using Candidate = Vocabulary::Candidate;

// What scoring needs besides the model; one for each thread, reused from text to text.
struct Workspace {
    std::string scratch;                   // normalized text
    Buffer<uint32_t> begins, ends;         // of tokens in it,
    Buffer<Candidate> candidates;          // where they may stand in the vocabulary,
    Buffer<uint32_t> longs;                // and which have more than 8 bytes
    Buffer<const std::byte *> rows;        // table rows of the tokens, behind those of the tokens before
    Buffer<uint64_t> keys;                 // of a pair: keys of the tokens of both texts,
    Buffer<uint8_t> flags;                 // whether they occur in the other one,
    Buffer<const int16_t *> extras;        // what that adds to each window of one width, in some piece of a text,
    Buffer<int16_t> sums_of_flags;         // and room for it where the width has many taps
    Matcher matcher;
    std::vector<int16_t> best;             // largest window sum of each filter, padded, width after width
    std::vector<double> sums;              // sum of its window sums: an integer below 2^53
    std::vector<double> features, logits;  // [text or pair][input of the head], […][class, padded to a multiple of 4]
};

// A kernel and its name; all give the same numbers, for at most `batch` texts, or pairs of texts after each other.
struct Kernel {
    const char *name;
    // Fill `features` and `logits`.
    void (*score)(const Model &model, const Text *texts, size_t count, Workspace &workspace);
    // Fill `features` of single texts with [text][feature], also for a model of pairs.
    void (*encode)(const Model &model, const Text *texts, size_t count, Workspace &workspace);
    // Fill `logits` from `features`.
    void (*decide)(const Model &model, size_t count, Workspace &workspace);
};

// From the features u and v of a pair's texts, which lie there first, the rest of what its head sees.
inline void compare(const Model &model, double *inputs) {
    const size_t count = model.features;
    const double *const u = inputs, *const v = u + count;
    for (size_t i = 0; i < count; ++i) inputs[2 * count + i] = std::fabs(u[i] - v[i]);
    for (size_t i = 0; i < count; ++i) inputs[3 * count + i] = u[i] * v[i];
}

// Those that this processor can run, the fastest first.
const std::vector<Kernel> &kernels();

// The first class whose logit is largest, for one text of the batch.
size_t winner(const Model &model, const Workspace &workspace, size_t text);

// Softmax of the logits over the model's temperature, or where a text may have several labels the logistic function of each;
// `out` takes one number for each class. The logits are used up.
void probabilities(const Model &model, Workspace &workspace, size_t text, float *out);

// Which labels a text has, where it may have several: one bit for each class, which are set in `out`. The logits stay.
void choose(const Model &model, const Workspace &workspace, size_t text, uint64_t *out);

// The largest of these probabilities, to the last bit, with the logits used up, too.
float top_probability(const Model &model, Workspace &workspace, size_t text);

}  // namespace prunetext
