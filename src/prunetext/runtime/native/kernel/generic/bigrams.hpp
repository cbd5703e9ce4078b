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

// Each bigram once, in order.
inline void drop_repeated(std::vector<uint32_t> &bigrams) {
    std::sort(bigrams.begin(), bigrams.end());
    bigrams.erase(std::unique(bigrams.begin(), bigrams.end()), bigrams.end());
}

// Note the bigrams that end in a piece of `count` tokens, whose keys are known.
PRUNETEXT_INLINE_IF_LARGE void note_bigrams(const Bigrams &bigrams, size_t count, Workspace &workspace) {
    const char *const scratch = workspace.scratch.data();
    const uint32_t *const begins = workspace.begins.data(), *const ends = workspace.ends.data();
    const uint64_t *const keys = workspace.keys.data();
    EarlierToken *const earlier = workspace.earlier;
    const size_t distance = bigrams.distance;
    const auto token = [&](size_t i) { return std::string_view(scratch + begins[i], ends[i] - begins[i]); };
    for (size_t i = 0; i < count; ++i) {
        const bool inside = i >= distance;
        const uint64_t hash = Bigrams::hash_of(inside ? keys[i - distance] : earlier[i].key, keys[i]);
        if (!bigrams.may_have(hash)) [[likely]]
            continue;
        const std::string_view one = inside ? token(i - distance) : std::string_view(earlier[i].word);
        if (const uint32_t found = bigrams.find(hash, one, token(i)); found != Bigrams::none)
            workspace.bigrams.push_back(found);
    }
    if (workspace.bigrams.size() > 2 * bigrams.size() + piece) drop_repeated(workspace.bigrams);  // of a long text
    for (size_t k = 0; k < distance; ++k) {                                                       // for the next piece
        const size_t place = count + k;  // behind the first of the earlier tokens
        if (place < distance) {
            earlier[k] = earlier[place];
        } else {
            earlier[k].key = keys[place - distance];
            earlier[k].word.assign(token(place - distance));
        }
    }
}

// Add up the weights of a text's bigrams: integers.
inline void add_bigrams(const Bigrams &bigrams, size_t text, size_t tokens, Workspace &workspace) {
    drop_repeated(workspace.bigrams);
    double *const sums = workspace.bigram_sums.data() + text * bigrams.columns;
    std::fill_n(sums, bigrams.columns, 0.0);
    for (const uint32_t number : workspace.bigrams)
        for (size_t c = 0; c < bigrams.columns; ++c) sums[c] += bigrams.weights[number * bigrams.columns + c];
    workspace.tokens[text] = tokens;
}

// Add what the bigrams say to the logits of `count` texts.
inline void decide_by_bigrams(const Model &model, size_t count, Workspace &workspace) {
    const Bigrams &bigrams = model.bigrams;
    for (size_t t = 0; t < count; ++t) {
        const double *const sums = workspace.bigram_sums.data() + t * bigrams.columns;
        double *const logits = workspace.logits.data() + t * model.bias.size();
        const double root = std::sqrt(static_cast<double>(std::max<size_t>(workspace.tokens[t], 1)));
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
