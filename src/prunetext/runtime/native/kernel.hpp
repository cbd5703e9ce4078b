// Scoring texts with a packed model, by the fastest of several kernels that this processor has.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model.hpp"
#include "text.hpp"

namespace prunetext {

#ifndef PRUNETEXT_PIECE
#define PRUNETEXT_PIECE 4096
#endif
constexpr size_t batch = 8;                // texts that are scored together
constexpr size_t piece = PRUNETEXT_PIECE;  // characters of a text that are looked at together; fuzzing takes fewer

// Room for numbers that are written before they are read.
template <class T> class Buffer {
  public:
    T *take(size_t count) {
        if (count > size_) {
            size_ = count + count / 2;
            data_.reset(new T[size_]);
        }
        return data_.get();
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
    std::vector<int16_t> best;             // largest window sum of each filter, padded, width after width
    std::vector<double> sums;              // sum of its window sums: an integer below 2^53
    std::vector<double> features, logits;  // [text][feature], [text][class, padded to a multiple of 4]
};

// Fill `features` and `logits` for at most `batch` texts.
using Score = void (*)(const Model &model, const Text *texts, size_t count, Workspace &workspace);

// A kernel and its name; all give the same numbers.
struct Kernel {
    const char *name;
    Score score;
};

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
