// All filters of a width are looked at together, sixteen in a vector, window by window.
#include "windows.hpp"

#include <algorithm>
#include <cstring>

#include "kernel/dispatch.hpp"

namespace prunetext {

namespace {

constexpr size_t block = size_t{1} << 14;  // windows, or tokens, between two looks: their numbers fit an int16

using Shorts = int16_t __attribute__((vector_size(2 * lanes)));
using Eight = double __attribute__((vector_size(64)));

PRUNETEXT_INLINE Shorts load(const int16_t *from) {
    Shorts value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
PRUNETEXT_INLINE Shorts load(const int8_t *from) {
    int8_t __attribute__((vector_size(lanes))) value;
    std::memcpy(&value, from, sizeof value);
    return __builtin_convertvector(value, Shorts);
}

// Some windows of one width, and what is known of its filters: the largest sum so far, and in which of these windows.
struct Scan {
    const std::byte *const *rows;  // those under the first window, and on
    const uint8_t *flags;          // the same; none in single texts
    const int16_t *rows_of_flags;
    size_t stride, windows, taps, column, padded;
    int16_t *sums, *places;
};

template <class Entry> PRUNETEXT_INLINE void scan(const Scan &of) {
    for (size_t filter = 0; filter < of.padded; filter += lanes) {
        Shorts best = load(of.sums + filter), place = load(of.places + filter);
        for (size_t w = 0; w < of.windows; ++w) {
            Shorts sum{};
            for (size_t j = 0; j < of.taps; ++j) {
                const size_t column = of.column + j * of.padded + filter;
                sum += load(reinterpret_cast<const Entry *>(of.rows[w + j]) + column);
                if (of.flags) sum += load(of.rows_of_flags + of.flags[w + j] * of.stride + column);
            }
            const Shorts here = Shorts{} + static_cast<int16_t>(w);
            const auto larger = sum > best;
            best = larger ? sum : best;
            place = larger ? here : place;
        }
        std::memcpy(of.sums + filter, &best, sizeof best);
        std::memcpy(of.places + filter, &place, sizeof place);
    }
}

PRUNETEXT_CLONES
void scan_bytes(const Scan &of) { scan<int8_t>(of); }
PRUNETEXT_CLONES
void scan_shorts(const Scan &of) { scan<int16_t>(of); }

// Sums of one row's entries times `count` kinds of weights; a stride is a multiple of `lanes`.
template <class Entry>
PRUNETEXT_INLINE void weigh(const Entry *row, size_t stride, const double *const *weights, size_t count, double *sums) {
    typedef Entry Entries __attribute__((vector_size(8 * sizeof(Entry))));
    using Ints = int32_t __attribute__((vector_size(32)));
    Eight totals[2] = {};
    for (size_t c = 0; c < stride; c += 8) {
        Entries entries;
        std::memcpy(&entries, row + c, sizeof entries);
        const Eight values = __builtin_convertvector(__builtin_convertvector(entries, Ints), Eight);
        for (size_t kind = 0; kind < count; ++kind) {
            Eight weight;
            std::memcpy(&weight, weights[kind] + c, sizeof weight);
            totals[kind] += values * weight;
        }
    }
    for (size_t kind = 0; kind < count; ++kind) {
        double sum = 0;
        for (int i = 0; i < 8; ++i) sum += totals[kind][i];
        sums[kind] = sum;
    }
}

template <class Entry>
PRUNETEXT_INLINE void weigh_all(const std::byte *const *rows, size_t tokens, size_t stride,
                                const double *const *weights, size_t count, double *sums) {
    if (count == 1)
        for (size_t t = 0; t < tokens; ++t)
            weigh(reinterpret_cast<const Entry *>(rows[t]), stride, weights, 1, sums + t);
    else
        for (size_t t = 0; t < tokens; ++t)
            weigh(reinterpret_cast<const Entry *>(rows[t]), stride, weights, 2, sums + 2 * t);
}

PRUNETEXT_CLONES
void weigh_bytes(const std::byte *const *rows, size_t tokens, size_t stride, const double *const *weights, size_t count,
                 double *sums) {
    weigh_all<int8_t>(rows, tokens, stride, weights, count, sums);
}
PRUNETEXT_CLONES
void weigh_shorts(const std::byte *const *rows, size_t tokens, size_t stride, const double *const *weights,
                  size_t count, double *sums) {
    weigh_all<int16_t>(rows, tokens, stride, weights, count, sums);
}

}  // namespace

TextRows::TextRows(const Model &model, const Text &text, Watch &watch)
    : context(static_cast<size_t>(model.max_taps()) - 1) {
    spans.read(model.tokenizer, text, &watch);
    const std::vector<SpannedToken> &tokens = spans.tokens();
    rows.assign(tokens.size() + 2 * context, model.row(model.rows));
    keys.resize(tokens.size());
    for (size_t t = 0; t < tokens.size(); ++t) {
        const char *const token = spans.bytes() + tokens[t].at;
        keys[t] = key_of_token(token, tokens[t].length);
        rows[context + t] = model.row_of(model.vocabulary.find_token(token, tokens[t].length));
        if (t % block == block - 1) watch.look_closely();
    }
    if (model.pairs) flags.assign(rows.size(), 0);
}

Ngram TextRows::under(const Width &width, size_t window) const {
    const size_t taps = static_cast<size_t>(width.taps), first = window + 1 > taps ? window + 1 - taps : 0;
    return {first, std::min(window, tokens() - 1) - first + 1};
}

std::string TextRows::written(const Ngram &ngram) const {
    std::string all(spans.of(spans.tokens()[ngram.first]));
    for (size_t t = ngram.first + 1; t < ngram.first + ngram.count; ++t)
        (all += ' ') += spans.of(spans.tokens()[t]);
    return all;
}

void compare_words(TextRows &one, TextRows &other) {
    Overlap overlap;
    overlap.flag({one.keys.data(), one.keys.size(), one.flags.data() + one.context},
                 {other.keys.data(), other.keys.size(), other.flags.data() + other.context});
}

void find_winners(const Model &model, const TextRows &text, const Width &width, Winners &winners, Watch &watch) {
    winners.sums.assign(width.padded, 0);
    winners.windows.assign(width.padded, no_window);
    if (!text.tokens()) return;
    std::vector<int16_t> places(width.padded);
    const size_t windows = text.windows(width), start = text.context + 1 - static_cast<size_t>(width.taps);
    Scan scan{nullptr,
              nullptr,
              model.flags.data(),
              model.stride,
              0,
              static_cast<size_t>(width.taps),
              width.column,
              width.padded,
              winners.sums.data(),
              places.data()};
    for (size_t w = 0; w < windows; w += block) {
        if (w) watch.look_closely();
        scan.rows = text.rows.data() + start + w;
        scan.flags = model.pairs ? text.flags.data() + start + w : nullptr;
        scan.windows = std::min(block, windows - w);
        std::fill(places.begin(), places.end(), int16_t{-1});
        model.wide ? scan_shorts(scan) : scan_bytes(scan);
        for (size_t f = 0; f < width.filters; ++f)
            if (places[f] >= 0) winners.windows[f] = w + static_cast<size_t>(places[f]);
    }
}

std::vector<double> weigh_tokens(const Model &model, const TextRows &text, const std::vector<double> *weights,
                                 size_t count, Watch &watch) {
    const double *const kinds[2] = {weights[0].data(), weights[count - 1].data()};
    const auto weigh_rows = model.wide ? weigh_shorts : weigh_bytes;
    std::vector<double> sums(text.tokens() * count);
    for (size_t t = 0; t < text.tokens(); t += block) {
        if (t) watch.look_closely();
        weigh_rows(text.rows.data() + text.context + t, std::min(block, text.tokens() - t), model.stride, kinds, count,
                   sums.data() + t * count);
    }
    if (!model.pairs) return sums;
    double of_flags[4][2] = {};
    for (size_t flag = 0; flag < 4; ++flag) {
        const auto *const row = reinterpret_cast<const std::byte *>(model.flags.data() + flag * model.stride);
        weigh_shorts(&row, 1, model.stride, kinds, count, of_flags[flag]);
    }
    for (size_t t = 0; t < text.tokens(); ++t)
        for (size_t kind = 0; kind < count; ++kind)
            sums[t * count + kind] += of_flags[text.flags[text.context + t]][kind];
    return sums;
}

}  // namespace prunetext
