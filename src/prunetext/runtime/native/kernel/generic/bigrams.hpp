// The weights of listed bigrams, beside the convolution: each bigram of a text counts once.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "kernel/dispatch.hpp"
#include "kernel/workspace.hpp"
#include "model/model.hpp"

PRUNETEXT_BEGIN
namespace prunetext::PRUNETEXT_KERNEL {

// Before the first piece of a text, which is one of `batch`.
inline void begin_bigrams(const Bigrams &bigrams, size_t text, BigramSums &found) {
    if (found.met.size() < bigrams.size()) found.met.resize(bigrams.size());
    if (++found.now == 0) {  // so many texts that the numbers begin anew
        std::fill(found.met.begin(), found.met.end(), 0);
        found.now = 1;
    }
    found.all.resize(batch * bigrams.columns);
    found.own = found.all.data() + text * bigrams.columns;
    std::fill_n(found.own, bigrams.columns, 0);
    for (EarlierToken &token : found.earlier) {
        token.key = 0;
        token.word.clear();
    }
}

// Add up the weights of the bigrams that end in a piece of `count` tokens, whose keys are known. All are hashed before
// any is looked up, and nothing is jumped over: which of them may be listed comes unpredictably.
PRUNETEXT_INLINE_IF_LARGE void add_bigrams(const Bigrams &bigrams, size_t count, bool last, Workspace &workspace) {
    BigramSums &found = workspace.bigrams;
    const char *const scratch = workspace.scratch.data();
    const uint32_t *const begins = workspace.begins.data(), *const ends = workspace.ends.data();
    const uint64_t *const keys = workspace.keys.data();
    EarlierToken *const earlier = found.earlier;
    const size_t distance = bigrams.distance, columns = bigrams.columns, across = std::min(distance, count);
    const auto token = [&](size_t i) { return std::string_view(scratch + begins[i], ends[i] - begins[i]); };
    BigramHash *const likely = workspace.likely.take(count + 1);
    size_t some = 0;
    const auto look = [&](uint64_t one, size_t i) __attribute__((always_inline)) {
        const uint64_t hash = Bigrams::hash_of(one, keys[i]);
        likely[some] = {hash, i};
        some += bigrams.may_have(hash);
    };
    for (size_t i = 0; i < across; ++i) look(earlier[i].key, i);
    for (size_t i = across; i < count; ++i) look(keys[i - distance], i);
    for (size_t n = 0; n < some; ++n) bigrams.prefetch(likely[n].hash);
    for (size_t n = 0; n < some; ++n) {
        const size_t i = likely[n].last;
        const bool inside = i >= distance;
        const Bigrams::Token one = inside ? Bigrams::Token{keys[i - distance], token(i - distance)}
                                          : Bigrams::Token{earlier[i].key, earlier[i].word};
        const uint32_t number = bigrams.find(likely[n].hash, one, {keys[i], token(i)});
        if (number == Bigrams::none || found.met[number] == found.now) continue;
        found.met[number] = found.now;
        const int8_t *const weights = bigrams.weights.data() + number * columns;
        for (size_t c = 0; c < columns; ++c) found.own[c] += weights[c];
    }
    for (size_t k = 0; k < distance && !last; ++k) {  // for the next piece
        const size_t place = count + k;               // behind the first of the earlier tokens
        if (place < distance) {
            earlier[k] = earlier[place];
        } else {
            earlier[k].key = keys[place - distance];
            earlier[k].word.assign(token(place - distance));
        }
    }
}

// Add what the bigrams say to the logits of `count` texts.
inline void decide_by_bigrams(const Model &model, size_t count, Workspace &workspace) {
    const Bigrams &bigrams = model.bigrams;
    for (size_t t = 0; t < count; ++t) {
        const int32_t *const sums = workspace.bigrams.all.data() + t * bigrams.columns;
        double *const logits = workspace.logits.data() + t * model.bias.size();
        const double root = std::sqrt(static_cast<double>(std::max<size_t>(workspace.bigrams.tokens[t], 1)));
        if (bigrams.columns == 1) {
            const double own = sums[0] * bigrams.scale / root;
            logits[0] -= own;
            logits[1] += own;
        } else {
            for (size_t c = 0; c < bigrams.columns; ++c) logits[c] += sums[c] * bigrams.scale / root;
        }
    }
}

}  // namespace prunetext::PRUNETEXT_KERNEL
PRUNETEXT_END
