// All filters of a width are looked at together, sixteen in a vector, window by window.
#include "windows.hpp"

#include <algorithm>
#include <cstring>

#include "kernel/dispatch.hpp"

namespace prunetext {

namespace {

constexpr int seen_bits = 7;
constexpr size_t seen_rows = size_t{1} << seen_bits;
constexpr size_t block = size_t{1} << 14;  // windows, or tokens, between two looks: their numbers fit an int16

using Shorts = int16_t __attribute__((vector_size(2 * lanes)));
using Floats = float __attribute__((vector_size(32)));

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

// Sums of rows' entries times weights; a stride is a multiple of `lanes`, and `values` has room for one.
template <class Entry>
PRUNETEXT_INLINE void weigh(const std::byte *const *rows, size_t count, size_t stride, const float *weights,
                            float *__restrict values, double *sums) {
    for (size_t t = 0; t < count; ++t) {
        const auto *const row = reinterpret_cast<const Entry *>(rows[t]);
        for (size_t c = 0; c < stride; ++c) values[c] = row[c];  // a plain loop, which compilers vectorise
        Floats totals[2] = {};
        for (size_t c = 0; c < stride; c += lanes)
            for (size_t half = 0; half < 2; ++half) {
                Floats value, weight;
                std::memcpy(&value, values + c + half * 8, sizeof value);
                std::memcpy(&weight, weights + c + half * 8, sizeof weight);
                totals[half] += value * weight;
            }
        const Floats all = totals[0] + totals[1];
        sums[t] = static_cast<double>((all[0] + all[1] + all[2] + all[3]) + (all[4] + all[5] + all[6] + all[7]));
    }
}

PRUNETEXT_CLONES
void weigh_bytes(const std::byte *const *rows, size_t count, size_t stride, const float *weights, float *values,
                 double *sums) {
    weigh<int8_t>(rows, count, stride, weights, values, sums);
}
PRUNETEXT_CLONES
void weigh_shorts(const std::byte *const *rows, size_t count, size_t stride, const float *weights, float *values,
                  double *sums) {
    weigh<int16_t>(rows, count, stride, weights, values, sums);
}

}  // namespace

TextRows::TextRows(const Model &model, const Text &text, Watch &watch, const Workspace *read)
    : context(static_cast<size_t>(model.max_taps()) - 1) {
    if (read && read->plain != SIZE_MAX) {
        spans.take({read->scratch.data(), text.length}, read->begins.data(), read->ends.data(), read->plain);
        rows.assign(read->rows.data(), read->rows.data() + read->plain + 2 * context);
    } else {
        spans.read(model.tokenizer, text, &watch);
    }
    const std::vector<SpannedToken> &tokens = spans.tokens();
    const bool found = !rows.empty() || tokens.empty();
    if (!found || rows.empty()) rows.assign(tokens.size() + 2 * context, model.row(model.rows));
    keys.resize(tokens.size());
    for (size_t t = 0; t < tokens.size(); ++t) {
        const char *const token = spans.bytes() + tokens[t].at;
        keys[t] = key_of_token(token, tokens[t].length);
        if (!found) rows[context + t] = model.row_of(model.vocabulary.find_token(token, tokens[t].length));
        if (t % block == block - 1) watch.look_closely();
    }
    if (model.pairs) flags.assign(rows.size(), 0);
}

Ngram TextRows::under(const Width &width, size_t window) const {
    const size_t taps = static_cast<size_t>(width.taps), first = window + 1 > taps ? window + 1 - taps : 0;
    return {first, std::min(window, tokens() - 1) - first + 1};
}

void TextRows::write(const Ngram &ngram, std::string &out) const {
    const SpannedToken *const tokens = spans.tokens().data() + ngram.first;
    out += spans.of(tokens[0]);
    for (size_t t = 1; t < ngram.count; ++t) (out += ' ') += spans.of(tokens[t]);
}

std::string TextRows::written(const Ngram &ngram) const {
    std::string all;
    write(ngram, all);
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
    Scan scan{nullptr,      nullptr,      model.flags.data(),  model.stride, 0, static_cast<size_t>(width.taps),
              width.column, width.padded, winners.sums.data(), places.data()};
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

std::vector<std::pair<uint32_t, size_t>> bigrams_of(const Bigrams &bigrams, const TextRows &text, Watch &watch) {
    const std::vector<SpannedToken> &tokens = text.spans.tokens();
    std::vector<std::pair<uint32_t, size_t>> found;
    Numbering numbering;
    numbering.clear();
    for (size_t t = 0; t + bigrams.distance < tokens.size(); ++t) {
        if (t % block == block - 1) watch.look_closely();
        const uint32_t number = bigrams.find(text.spans.of(tokens[t]), text.spans.of(tokens[t + bigrams.distance]));
        if (number != Bigrams::none && numbering.add(uint64_t{number} + 1) == found.size())
            found.emplace_back(number, t);
    }
    return found;
}

std::vector<double> weigh_tokens(const Model &model, const TextRows &text, const std::vector<float> &weights,
                                 double scale, double total, Watch &watch) {
    const size_t count = text.tokens();
    std::vector<double> sums(count), once;
    std::vector<float> values(model.stride);  // room for a row
    std::vector<const std::byte *> rows;      // of some tokens, most of them once: words are repeated,
    std::vector<uint32_t> places(count ? std::min(block, count) : 0);  // which of them a token has,
    uint32_t seen[seen_rows] = {};                                     // and where one may have been put
    const auto weigh_rows = model.wide ? weigh_shorts : weigh_bytes;
    for (size_t start = 0; start < count; start += block) {
        if (start) watch.look_closely();
        const size_t some = std::min(block, count - start);
        const std::byte *const *const all = text.rows.data() + text.context + start;
        rows.clear();
        rows.reserve(some);
        for (size_t t = 0; t < some; ++t) {
            uint32_t &last = seen[(reinterpret_cast<uintptr_t>(all[t]) * detail::kFactor) >> (64 - seen_bits)];
            if (last >= rows.size() || rows[last] != all[t]) {
                last = static_cast<uint32_t>(rows.size());
                rows.push_back(all[t]);
            }
            places[t] = last;
        }
        once.resize(rows.size());
        weigh_rows(rows.data(), rows.size(), model.stride, weights.data(), values.data(), once.data());
        for (size_t t = 0; t < some; ++t) sums[start + t] = once[places[t]];
    }
    double of_flags[4] = {};
    for (size_t flag = 0; flag < 4 && model.pairs; ++flag) {
        const auto *const row = reinterpret_cast<const std::byte *>(model.flags.data() + flag * model.stride);
        weigh_shorts(&row, 1, model.stride, weights.data(), values.data(), of_flags + flag);
    }
    double rest = total;
    for (size_t t = 0; t < count; ++t) {
        if (model.pairs) sums[t] += of_flags[text.flags[text.context + t]];
        rest -= sums[t] *= scale;
    }
    for (double &sum : sums) sum += rest / static_cast<double>(count);
    return sums;
}

}  // namespace prunetext
