// The kernel: add rows of the table, keep maxima and sums, then one small dense layer.
#include "kernel.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "clones.hpp"
#include "tokenizer.hpp"

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors never cross a call: everything below is inlined

namespace prunetext {

namespace {

// Sixteen filters in one vector of the compiler's own kind, which it maps to the machine's registers.
using Shorts = int16_t __attribute__((vector_size(2 * lanes)));
using Bytes = int8_t __attribute__((vector_size(lanes)));
using Pairs = int32_t __attribute__((vector_size(2 * lanes)));
using Quad = double __attribute__((vector_size(32)));

PRUNETEXT_INLINE void load(Shorts &value, const int16_t *from) { std::memcpy(&value, from, sizeof value); }
PRUNETEXT_INLINE void load(Shorts &value, const int8_t *from) {
    Bytes bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    value = __builtin_convertvector(bytes, Shorts);
}

// Sums of shorts as two vectors of int32: of the shorts with even and with odd numbers.
struct Total {
    Pairs low = {}, high = {};

    PRUNETEXT_INLINE void add(const Shorts &value) {
        Pairs pairs;
        std::memcpy(&pairs, &value, sizeof pairs);
        low += (pairs << 16) >> 16;
        high += pairs >> 16;
    }

    PRUNETEXT_INLINE void flush(double *sums) {
        constexpr bool little = std::endian::native == std::endian::little;
        for (size_t i = 0; i < lanes / 2; ++i) {
            sums[2 * i + !little] += low[i];
            sums[2 * i + little] += high[i];
        }
        low = high = Pairs{};
    }
};

// One width, `Vectors` times sixteen of its filters. rows[w] .. rows[w + taps - 1] are the rows under window w. `Taps` is the
// number of taps if known when compiling, else 0.
template <class Entry, size_t Taps, size_t Vectors, bool Mean>
PRUNETEXT_INLINE void pool(const std::byte *const *rows, size_t windows, size_t taps, size_t column, size_t padded, int16_t *best,
                           double *sums) {
    if (Taps) taps = Taps;
    // Entries of int8 sum to at most 127 · taps, so that many windows fit a short; int16 entries go to int32 at once. An int32
    // takes 65,536 shorts.
    constexpr size_t short_block = 16, int_block = 65536;
    Shorts maxima[Vectors] = {}, part[Vectors] = {};
    Total totals[Vectors];
    for (size_t start = 0; start < windows; start += int_block) {
        const size_t stop = std::min(windows, start + int_block);
        for (size_t w = start; w < stop; ++w) {
            Shorts sum[Vectors] = {};
            for (size_t j = 0; j < taps; ++j) {
                const Entry *segment = reinterpret_cast<const Entry *>(rows[w + j]) + column + j * padded;
                for (size_t v = 0; v < Vectors; ++v) {
                    Shorts value;
                    load(value, segment + v * lanes);
                    sum[v] += value;
                }
            }
            for (size_t v = 0; v < Vectors; ++v) {
                maxima[v] = sum[v] > maxima[v] ? sum[v] : maxima[v];
                if (Mean && sizeof(Entry) == 2) totals[v].add(sum[v]);
                if (Mean && sizeof(Entry) == 1) part[v] += sum[v];
            }
            if (Mean && sizeof(Entry) == 1 && ((w - start) % short_block == short_block - 1 || w + 1 == stop))
                for (size_t v = 0; v < Vectors; ++v) {
                    totals[v].add(part[v]);
                    part[v] = Shorts{};
                }
        }
        if (Mean)
            for (size_t v = 0; v < Vectors; ++v) totals[v].flush(sums + v * lanes);
    }
    for (size_t v = 0; v < Vectors; ++v) std::memcpy(best + v * lanes, &maxima[v], sizeof maxima[v]);
}

template <class Entry, size_t Taps, bool Mean>
PRUNETEXT_INLINE void pool_filters(const std::byte *const *rows, size_t windows, const Width &width, int16_t *best, double *sums) {
    const size_t taps = static_cast<size_t>(width.taps), column = width.column, padded = width.padded;
    size_t f = 0;
    for (; f + 3 * lanes <= padded; f += 3 * lanes)
        pool<Entry, Taps, 3, Mean>(rows, windows, taps, column + f, padded, best + f, sums + f);
    if (f + 2 * lanes <= padded) {
        pool<Entry, Taps, 2, Mean>(rows, windows, taps, column + f, padded, best + f, sums + f);
    } else if (f < padded) {
        pool<Entry, Taps, 1, Mean>(rows, windows, taps, column + f, padded, best + f, sums + f);
    }
}

template <class Entry, bool Mean>
PRUNETEXT_INLINE void pool_width(const std::byte *const *rows, size_t windows, const Width &width, int16_t *best, double *sums) {
    switch (width.taps) {
        case 1: return pool_filters<Entry, 1, Mean>(rows, windows, width, best, sums);
        case 2: return pool_filters<Entry, 2, Mean>(rows, windows, width, best, sums);
        case 3: return pool_filters<Entry, 3, Mean>(rows, windows, width, best, sums);
        case 4: return pool_filters<Entry, 4, Mean>(rows, windows, width, best, sums);
        case 5: return pool_filters<Entry, 5, Mean>(rows, windows, width, best, sums);
        default: return pool_filters<Entry, 0, Mean>(rows, windows, width, best, sums);
    }
}

PRUNETEXT_CLONES
void pool_width(const Model &model, const std::byte *const *rows, size_t windows, const Width &width, int16_t *best, double *sums) {
    if (model.wide && model.mean) pool_width<int16_t, true>(rows, windows, width, best, sums);
    else if (model.wide) pool_width<int16_t, false>(rows, windows, width, best, sums);
    else if (model.mean) pool_width<int8_t, true>(rows, windows, width, best, sums);
    else pool_width<int8_t, false>(rows, windows, width, best, sums);
}

// Float64, each logit summed in index order; four classes at a time.
PRUNETEXT_CLONES
void dense(const Model &model, const double *features, double *logits) {
    const size_t count = model.features;
    const double *weights = model.head.data();
    for (size_t c = 0; c < model.bias.size(); c += 4) {
        Quad sum;
        std::memcpy(&sum, model.bias.data() + c, sizeof sum);
        for (size_t i = 0; i < count; ++i, weights += 4) {
            Quad weight;
            std::memcpy(&weight, weights, sizeof weight);
            sum += weight * features[i];
        }
        std::memcpy(logits + c, &sum, sizeof sum);
    }
}

}  // namespace

void score(const Model &model, const Text &text, Workspace &workspace) {
    const size_t most = static_cast<size_t>(model.max_taps());
    const std::byte *const padding = model.row(model.rows);
    auto &rows = workspace.rows;
    rows.assign(most, padding);
    tokenize(text, workspace.scratch, [&](const char *token, size_t length) {
        rows.push_back(model.row(static_cast<size_t>(model.vocabulary.find_token(token, length) + 1)));
    });
    const size_t tokens = rows.size() - most;
    rows.insert(rows.end(), most, padding);

    workspace.features.resize(model.features);
    for (const Width &width : model.widths) {
        // Only windows that hold a token: the all-padding ones give 0, which is where the maxima start.
        const size_t taps = static_cast<size_t>(width.taps), windows = tokens ? tokens + taps - 1 : 0;
        workspace.best.resize(width.padded);
        workspace.sums.assign(width.padded, 0);
        pool_width(model, rows.data() + most - (taps - 1), windows, width, workspace.best.data(), workspace.sums.data());
        double *features = workspace.features.data() + width.feature;
        const double own = static_cast<double>(tokens ? windows : 1);
        for (size_t f = 0; f < width.filters; ++f) {
            const double value = workspace.best[f] * width.scale[f] + width.bias[f];
            features[f] = value > 0 ? value : 0;
        }
        if (!model.mean) continue;
        for (size_t f = 0; f < width.filters; ++f) features[model.filters + f] = workspace.sums[f] / own * width.scale[f];
    }
    workspace.logits.resize(model.bias.size());
    dense(model, workspace.features.data(), workspace.logits.data());
}

size_t winner(const Model &model, const Workspace &workspace) {
    const auto first = workspace.logits.begin(), last = first + static_cast<std::ptrdiff_t>(model.labels.size());
    return static_cast<size_t>(std::max_element(first, last) - first);
}

void probabilities(const Model &model, Workspace &workspace, float *out) {
    auto &logits = workspace.logits;
    const size_t classes = model.labels.size();
    const double most = logits[winner(model, workspace)] / model.temperature;
    double sum = 0;
    for (size_t c = 0; c < classes; ++c) sum += logits[c] = std::exp(logits[c] / model.temperature - most);
    for (size_t c = 0; c < classes; ++c) out[c] = static_cast<float>(logits[c] / sum);
}

}  // namespace prunetext
