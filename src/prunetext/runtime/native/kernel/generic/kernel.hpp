// The kernel of one level: find the tokens, look them up, add rows of the table, keep maxima and sums, then one small
// dense layer.
#pragma once
#include <algorithm>

#include "kernel/generic/bigrams.hpp"
#include "kernel/generic/pairs.hpp"

PRUNETEXT_BEGIN
namespace prunetext::PRUNETEXT_KERNEL {

// Maxima and sums of a whole text; the number of its tokens. A word of more bytes than any in the vocabulary is
// unknown, whatever follows.
inline size_t pool_text(const Model &model, const Text &text, Workspace &workspace) {
    const size_t context = static_cast<size_t>(model.max_taps()) - 1;
    const std::byte *before[most_taps];  // rows of the tokens before this piece: padding, at first
    std::fill_n(before, context, model.row(model.rows));
    workspace.best.assign(model.padded, 0);
    workspace.sums.assign(model.padded, 0);
    size_t tokens = 0;
    const bool listed = !model.bigrams.empty();
    const size_t most = std::max(model.vocabulary.longest(), model.bigrams.longest()) + 1;
    for_pieces(model.tokenizer, text, most, workspace, [&](size_t found, bool last) __attribute__((always_inline)) {
        const std::byte **rows = workspace.rows.take(found + 2 * context);
        rows = std::copy_n(before, context, rows);
        look_up(model, found, workspace, rows, listed ? workspace.keys.take(found) : nullptr);
        if (listed) add_bigrams(model.bigrams, found, last, workspace);
        if (last) std::fill_n(rows + found, context, model.row(model.rows));
        tokens += found;
        for (const Width &width : model.widths) {
            // Only windows that hold a token: all-padding ones give 0, and the maxima start at 0.
            const size_t earlier = static_cast<size_t>(width.taps) - 1;
            if (tokens) pool_width(model, rows - earlier, found + (last ? earlier : 0), width, workspace);
        }
        if (!last) std::copy_n(rows + found - context, context, before);
    });
    return tokens;
}

inline void encode(const Model &model, const Text *texts, size_t count, Workspace &workspace) {
    workspace.features.resize(batch * model.inputs);
    for (size_t t = 0; t < count; ++t) {
        if (t + 1 < count) prefetch(texts[t + 1]);
        if (!model.bigrams.empty()) begin_bigrams(model.bigrams, t, workspace.bigrams);
        const size_t tokens = workspace.bigrams.tokens[t] = pool_text(model, texts[t], workspace);
        fill_features(model, tokens, workspace, workspace.features.data() + t * model.features);
    }
}

inline void score(const Model &model, const Text *texts, size_t count, Workspace &workspace) {
    if (model.pairs) compare_pairs(model, texts, count, workspace);
    else encode(model, texts, count, workspace);
    decide(model, count, workspace);
    if (!model.bigrams.empty()) decide_by_bigrams(model, count, workspace);
}

extern const Kernel kernel;
const Kernel kernel{PRUNETEXT_QUOTED(PRUNETEXT_KERNEL), score, encode, decide};

}  // namespace prunetext::PRUNETEXT_KERNEL
PRUNETEXT_END
