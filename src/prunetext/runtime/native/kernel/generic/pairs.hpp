// Pairs of texts: the tokens of both are found before any window is added up, for a token that occurs in the other text
// has another row.
#pragma once
#include <algorithm>

#include "kernel/generic/head.hpp"
#include "kernel/generic/lookup.hpp"
#include "kernel/generic/pieces.hpp"
#include "kernel/generic/pool.hpp"
#include "kernel/kernel.hpp"

PRUNETEXT_BEGIN
namespace prunetext::PRUNETEXT_KERNEL {

// By addresses: the next text can be shorter, or empty.
PRUNETEXT_INLINE void prefetch(const Text &text) {
    for (size_t at = 0; at < 256; at += 64)
        __builtin_prefetch(reinterpret_cast<const void *>(reinterpret_cast<uintptr_t>(text.units) + at));
}

constexpr size_t most_kept = size_t{1} << 16;  // tokens for which a workspace keeps its room

inline void pool_flagged(const Model &model, const std::byte *const *rows, const int16_t *const *extras, size_t windows,
                         const Width &width, Workspace &workspace) {
    // With an int16 table, sums are added up whether the model needs them or not, for the sake of less code.
    if (model.wide) pool_width<int16_t, true, true>(rows, extras, windows, width, workspace);
    else if (model.mean) pool_width<int8_t, true, true>(rows, extras, windows, width, workspace);
    else pool_width<int8_t, false, true>(rows, extras, windows, width, workspace);
}

// What the flags of the words under each window add to it; `flags` are those under the first window, and on.
inline const int16_t *const *extras_of(const Model &model, const uint8_t *flags, size_t windows, const Width &width,
                                       Workspace &workspace) {
    const size_t taps = static_cast<size_t>(width.taps), padded = width.padded;
    const int16_t **const extras = workspace.extras.take(windows);
    if (!width.patterns.empty()) {
        const size_t mask = (size_t{1} << 2 * taps) - 1;
        size_t code = 0;
        for (size_t j = 0; j + 1 < taps; ++j) code = code << 2 | flags[j];
        for (size_t w = 0; w < windows; ++w) {
            code = (code << 2 | flags[w + taps - 1]) & mask;
            extras[w] = width.patterns.data() + code * padded;
        }
        return extras;
    }
    int16_t *const sums = workspace.sums_of_flags.take(windows * padded);
    std::fill_n(sums, windows * padded, int16_t{0});
    for (size_t w = 0; w < windows; ++w) {
        extras[w] = sums + w * padded;
        for (size_t j = 0; j < taps; ++j) {
            const int16_t *row = model.flags.data() + flags[w + j] * model.stride + width.column + j * padded;
            for (size_t f = 0; f < padded; ++f)
                sums[w * padded + f] = static_cast<int16_t>(sums[w * padded + f] + row[f]);
        }
    }
    return extras;
}

// Rows and keys of a text's tokens, from place `first` on; their number.
inline size_t gather(const Model &model, const Text &text, size_t first, Workspace &workspace) {
    size_t next = first;
    for_pieces(model.tokenizer, text, SIZE_MAX, workspace, [&](size_t found, bool) __attribute__((always_inline)) {
        const std::byte **rows = workspace.rows.take(next + found, next);
        uint64_t *keys = workspace.keys.take(next + found, next);
        look_up(model, found, workspace, rows + next, keys + next);
        next += found;
    });
    return next - first;
}

// Features of a text whose `count` tokens stand from `first` on, with padding before and behind them.
inline void pool_gathered(const Model &model, size_t first, size_t count, Workspace &workspace, double *features) {
    workspace.best.assign(model.padded, 0);
    workspace.sums.assign(model.padded, 0);
    for (const Width &width : model.widths) {
        const size_t earlier = static_cast<size_t>(width.taps) - 1, windows = count ? count + earlier : 0,
                     start = first - earlier;
        for (size_t w = 0; w < windows; w += piece) {
            const size_t count = std::min(piece, windows - w);
            const int16_t *const *extras =
                extras_of(model, workspace.flags.data() + start + w, count, width, workspace);
            pool_flagged(model, workspace.rows.data() + start + w, extras, count, width, workspace);
            if (workspace.watch && windows > piece) workspace.watch->look();
        }
    }
    fill_features(model, count, workspace, features);
}

// The head's input for `count` pairs.
inline void compare_pairs(const Model &model, const Text *texts, size_t count, Workspace &workspace) {
    const size_t context = static_cast<size_t>(model.max_taps()) - 1;
    workspace.features.resize(batch * model.inputs);
    for (size_t p = 0; p < count; ++p) {
        const Text *const both = texts + 2 * p;
        prefetch(both[1]);
        if (p + 1 < count) prefetch(both[2]);
        const size_t first = context, n = gather(model, both[0], first, workspace);
        const size_t second = first + n + context, m = gather(model, both[1], second, workspace);
        const size_t total = second + m + context;
        const std::byte **const rows = workspace.rows.take(total, total - context);
        uint8_t *const flags = workspace.flags.take(total);
        for (const size_t pad : {size_t{0}, first + n, second + m}) {
            std::fill_n(rows + pad, context, model.row(model.rows));
            std::fill_n(flags + pad, context, uint8_t{0});
        }
        const uint64_t *const keys = workspace.keys.data();
        workspace.overlap.flag({keys + first, n, flags + first}, {keys + second, m, flags + second});

        double *const inputs = workspace.features.data() + p * model.inputs;
        pool_gathered(model, first, n, workspace, inputs);
        pool_gathered(model, second, m, workspace, inputs + model.features);
        compare(model, inputs);
        if (total > most_kept) {
            workspace.rows.drop_above(most_kept);
            workspace.keys.drop_above(most_kept);
            workspace.flags.drop_above(most_kept);
            workspace.overlap = Overlap();
        }
    }
}

}  // namespace prunetext::PRUNETEXT_KERNEL
PRUNETEXT_END
