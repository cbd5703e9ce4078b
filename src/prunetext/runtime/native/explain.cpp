// A label's logit is shared out over features, and from there to windows and their characters.
#include "explain.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>

#include "kernel/answers.hpp"
#include "kernel/parallel.hpp"
#include "windows.hpp"

namespace prunetext {

namespace {

// Weights of the head for one label: of its logit, and of its margin. One kind is enough where both are the same.
class Weights {
  public:
    Weights(const Model &model, size_t label)
        : model_(model), label_(label), others_(static_cast<double>(model.labels.size() - 1)) {}

    size_t kinds() const { return model_.several() ? 1 : 2; }
    double operator()(size_t kind, size_t input) const {
        const double own = model_.head[(label_ / 4 * model_.inputs + input) * 4 + label_ % 4];
        return kind == 0 ? own : own - (model_.totals[input] - own) / others_;
    }

  private:
    const Model &model_;
    size_t label_;
    double others_;
};

// What windows add, by the n-grams under them.
struct Entry {
    size_t text;
    Ngram ngram;
    double sums[2];
};

class Entries {
  public:
    Entries() { numbering_.clear(); }

    Entry &of(size_t text, const Ngram &ngram) {
        const uint32_t number = numbering_.add((uint64_t{ngram.first} << 5 | ngram.count) << 1 | text);
        if (number == all.size()) all.push_back({text, ngram, {0, 0}});
        return all[number];
    }

    std::vector<Entry> all;

  private:
    Numbering numbering_;
};

// One text of an item, and its features beside those of the other text.
struct Side {
    const TextRows &rows;
    size_t number, input;  // the text's number, and where its features begin in the head's input
    const double *own, *other;
};

// What feature i of a text adds to the logit or the margin. Those of |u − v| and u · v are Shapley values: the difference
// that a text makes to features of 0 and to those of the other, on average.
double added(const Model &model, const Weights &weights, size_t kind, const Side &side, size_t i) {
    const double u = side.own[i], own = weights(kind, side.input + i) * u;
    if (!model.pairs) return own;
    const double v = side.other[i], most = std::fabs(u);
    const double apart = std::clamp((most + std::fabs(u - v) - std::fabs(v)) / 2, -most, most);
    return own + weights(kind, 2 * model.features + i) * apart + weights(kind, 3 * model.features + i) * u * v / 2;
}

// Share a text's max features out to windows. Gives what no window has.
double share_maxima(const Model &model, const Weights &weights, const Side &side, Entries &entries, Watch &watch) {
    double base = 0;
    Winners winners;
    for (const Width &width : model.widths) {
        find_winners(model, side.rows, width, winners, watch);
        for (size_t f = 0; f < width.filters; ++f) {
            const size_t i = width.feature + f, window = winners.windows[f];
            if (!(side.own[i] > 0)) continue;
            if (window == no_window) {
                base += added(model, weights, 0, side, i);
                continue;
            }
            Entry &entry = entries.of(side.number, side.rows.under(width, window));
            for (size_t kind = 0; kind < weights.kinds(); ++kind)
                entry.sums[kind] += added(model, weights, kind, side, i);
        }
    }
    return base;
}

// Share a text's mean features out to its words.
void share_means(const Model &model, const Weights &weights, const Side &side, Entries &entries, Watch &watch) {
    std::vector<double> columns[2];
    for (size_t kind = 0; kind < weights.kinds(); ++kind) {
        columns[kind].assign(model.stride, 0);
        for (const Width &width : model.widths)
            for (size_t f = 0; f < width.filters; ++f) {
                const size_t i = model.filters + width.feature + f;
                if (side.own[i] == 0) continue;
                const double unit = added(model, weights, kind, side, i) / side.own[i] * width.scale[f] /
                                    static_cast<double>(side.rows.windows(width));
                for (size_t j = 0; j < static_cast<size_t>(width.taps); ++j)
                    columns[kind][width.column + j * width.padded + f] = unit;
            }
    }
    const size_t kinds = weights.kinds();
    const std::vector<double> sums = weigh_tokens(model, side.rows, columns, kinds, watch);
    for (size_t t = 0; t < side.rows.tokens(); ++t) {
        Entry &entry = entries.of(side.number, {t, 1});
        for (size_t kind = 0; kind < kinds; ++kind) entry.sums[kind] += sums[t * kinds + kind];
    }
}

// What the same characters add, once each.
std::vector<Part> parts_of(const std::vector<Entry> &entries, const Side *sides, size_t kinds) {
    std::vector<Part> parts;
    parts.reserve(entries.size());
    Numbering numbering;
    numbering.clear();
    for (const Entry &entry : entries) {
        const SpannedToken *const token = sides[entry.text].rows.spans.tokens().data() + entry.ngram.first;
        const size_t begin = token->begin;
        size_t end = token->end;
        for (size_t t = 1; t < entry.ngram.count; ++t) end = std::max(end, token[t].end);
        const uint32_t number = numbering.add(uint64_t{begin} << 33 | uint64_t{end} << 1 | entry.text);
        if (number == parts.size()) parts.push_back({entry.text, begin, end, 0, 0});
        parts[number].logit += entry.sums[0];
        parts[number].margin += entry.sums[kinds - 1];
    }
    return parts;
}

// The n-grams that speak for the label, by what they are, wherever they stand.
std::vector<std::pair<std::string, double>> shares_of(const std::vector<Entry> &entries, const Side *sides,
                                                      size_t kinds) {
    std::vector<std::pair<const Entry *, double>> ngrams;
    ngrams.reserve(entries.size());
    Numbering numbering;
    numbering.clear();
    for (const Entry &entry : entries) {
        const uint64_t *const keys = sides[entry.text].rows.keys.data() + entry.ngram.first;
        uint64_t key = keys[0];
        for (size_t t = 1; t < entry.ngram.count; ++t) key = detail::fold_product(key + t, keys[t] ^ detail::kFactor);
        const uint32_t number = numbering.add(key ? key : 1);
        if (number == ngrams.size()) ngrams.emplace_back(&entry, 0);
        ngrams[number].second += entry.sums[kinds - 1];
    }
    double total = 0;
    for (const auto &[entry, sum] : ngrams) total += std::max(sum, 0.0);
    std::vector<std::pair<std::string, double>> shares;
    shares.reserve(ngrams.size());
    for (const auto &[entry, sum] : ngrams)
        if (sum > 0 && sum / total > 0) shares.emplace_back(sides[entry->text].rows.written(entry->ngram), sum / total);
    std::sort(shares.begin(), shares.end(), [](const auto &a, const auto &b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    return shares;
}

// For each text of an item.
std::vector<TextRows> rows_of(const Model &model, const Text *texts, Watch &watch) {
    std::vector<TextRows> rows;
    rows.reserve(2);
    for (size_t text = 0; text < (model.pairs ? 2 : 1); ++text) {
        if (texts[text].length >> 31) throw std::length_error("a text that is explained has 2,147,483,648 units or more");
        rows.emplace_back(model, texts[text], watch);
    }
    if (model.pairs) compare_words(rows[0], rows[1]);
    return rows;
}

}  // namespace

Explanation explain(const Model &model, const Text *texts, int label, Watch *given) {
    std::atomic<bool> ended{false};
    Watch unasked(ended);
    Watch &watch = given ? *given : unasked;
    OwnWorkspace kept(watch);
    Workspace &workspace = kept.workspace();
    kernels().front().score(model, texts, 1, workspace);
    Explanation found;
    found.label = label < 0 ? winner(model, workspace, 0) : static_cast<uint32_t>(label);
    found.logit = workspace.logits[found.label];
    found.base = model.bias[found.label];

    const Weights weights(model, found.label);
    const std::vector<double> features(workspace.features.data(), workspace.features.data() + model.inputs);
    const std::vector<TextRows> rows = rows_of(model, texts, watch);
    const double *const first = features.data(), *const second = first + model.features * (model.pairs ? 1 : 0);
    const Side sides[] = {{rows[0], 0, 0, first, second}, {rows.back(), 1, model.features, second, first}};
    Entries entries;
    for (size_t text = 0; text < rows.size(); ++text) {
        found.base += share_maxima(model, weights, sides[text], entries, watch);
        if (model.mean && rows[text].tokens()) share_means(model, weights, sides[text], entries, watch);
    }
    found.parts = parts_of(entries.all, sides, weights.kinds());
    found.shares = shares_of(entries.all, sides, weights.kinds());
    return found;
}

std::vector<std::vector<Firing>> firings(const Model &model, const std::vector<Text> &texts, size_t top, Watch &watch) {
    std::vector<std::vector<Firing>> found(model.filters);
    Winners winners;
    const auto larger = [](const Firing &a, const Firing &b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    };
    // An n-gram of the list of one filter, unless it is in it with a larger value.
    const auto add = [&](std::vector<Firing> &list, std::string ngram, double value) {
        const auto same = std::find_if(list.begin(), list.end(), [&](const Firing &each) { return each.first == ngram; });
        if (same == list.end()) list.emplace_back(std::move(ngram), value);
        else if (same->second < value) same->second = value;
        else return;
        std::sort(list.begin(), list.end(), larger);
        if (list.size() > top) list.pop_back();
    };
    const size_t per = model.pairs ? 2 : 1;
    for (size_t item = 0; item + per <= texts.size(); item += per) {
        watch.look_closely();
        for (const TextRows &rows : rows_of(model, texts.data() + item, watch))
            for (const Width &width : model.widths) {
                find_winners(model, rows, width, winners, watch);
                for (size_t f = 0; f < width.filters; ++f) {
                    const double value = winners.sums[f] * width.scale[f] + width.bias[f];
                    std::vector<Firing> &list = found[width.feature + f];
                    if (winners.windows[f] == no_window || !(value > 0)) continue;
                    if (list.size() == top && value < list.back().second) continue;
                    add(list, rows.written(rows.under(width, winners.windows[f])), value);
                }
            }
    }
    return found;
}

}  // namespace prunetext
