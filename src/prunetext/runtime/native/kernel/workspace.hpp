// The memory of scoring besides the model, and how much of a text it reads at a time.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/bigrams.hpp"
#include "model/vocabulary.hpp"
#include "overlap.hpp"
#include "watch.hpp"

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

// A token of the piece before.
struct EarlierToken {
    uint64_t key = 0;
    std::string word;
};

// Two tokens that may be a listed bigram.
struct BigramHash {
    uint64_t hash;
    size_t last;  // which token of the piece is the second
};

// What the bigrams of some texts add up to.
struct BigramSums {
    EarlierToken earlier[Bigrams::most_distance];  // with which a bigram may begin, the last one last
    std::vector<int32_t> all;                      // sums of weights, [text][column]: a bigram counts once,
    int32_t *own = nullptr;                        // of the text that is read,
    size_t tokens[batch] = {};                     // and the number of each text's tokens
    std::vector<uint32_t> met;                     // for each bigram, which text had it last,
    uint32_t now = 0;                              // and the number of the one that is read
};

// The memory of scoring besides the model; one for each thread, reused from text to text.
struct Workspace {
    std::string scratch;             // normalized text
    Buffer<uint32_t> begins, ends;   // of tokens in it,
    Buffer<Candidate> candidates;    // where they may stand in the vocabulary,
    Buffer<uint32_t> longs;          // and which have more than 8 bytes
    Buffer<const std::byte *> rows;  // table rows of the tokens, behind those of the tokens before
    Buffer<uint64_t> keys;           // keys of the tokens, where there are bigrams; of a pair, those of both texts,
    Buffer<BigramHash> likely;       // what may be listed bigrams,
    Buffer<uint8_t> flags;           // whether they occur in the other one,
    Buffer<const int16_t *> extras;  // what that adds to each window of one width, in some piece of a text,
    Buffer<int16_t> sums_of_flags;   // and room for it where the width has many taps
    Overlap overlap;
    BigramSums bigrams;
    std::vector<int16_t> best;             // largest window sum of each filter, padded, width after width
    std::vector<double> sums;              // sum of its window sums: an integer below 2^53
    std::vector<double> features, logits;  // [text or pair][input of the head], […][class, padded to a multiple of 4]
    // Of the text that was read last, if it was ASCII as it stood, and one piece: its tokens, whose places in `scratch`
    // are those in the text, and whose rows are in `rows` behind one row less than the most taps. Otherwise none.
    size_t plain = SIZE_MAX;
    Watch *watch = nullptr;  // whether to go on with a long text; without it, one does
};

}  // namespace prunetext
