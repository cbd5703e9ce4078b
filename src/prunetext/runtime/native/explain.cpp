// A label's logit is shared out over features, and from there to windows and their characters.
#include "explain.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kernel/answers.hpp"
#include "kernel/own_workspace.hpp"
#include "refuse.hpp"
#include "windows.hpp"

namespace prunetext {

namespace {

// Weights of the head for one label; where one label excludes the others, without what all labels have on average.
class Weights {
  public:
    Weights(const Model &model, size_t label)
        : model_(model),
          own_(model.head.data() + label / 4 * model.inputs * 4 + label % 4),
          share_(model.several() ? 0 : 1 / static_cast<double>(model.labels.size())) {}

    double operator()(size_t input) const { return own_[input * 4] - average(input); }
    double average(size_t input) const { return model_.totals[input] * share_; }

  private:
    const Model &model_;
    const double *own_;
    double share_;
};

// One text of an item, and its features beside those of the other text.
struct Side {
    const TextRows &rows;
    size_t number, input;  // the text's number, and where its features begin in the head's input
    const double *own, *other;
};

// What the n-grams of one text add: single words by their place, and the few longer ones in a chain for each place.
class Sums {
  public:
    explicit Sums(const Side &side) : side(side), words_(side.rows.tokens()), chains_(side.rows.tokens(), none) {}

    void add(const Ngram &ngram, double part) {
        if (ngram.count == 1) {
            words_[ngram.first] += part;
            return;
        }
        uint32_t *link = &chains_[ngram.first];
        while (*link != none && longer_[*link].ngram.count < ngram.count) link = &longer_[*link].next;
        if (*link != none && longer_[*link].ngram.count == ngram.count) {
            longer_[*link].sum += part;
            return;
        }
        const auto number = static_cast<uint32_t>(longer_.size());
        const uint32_t next = std::exchange(*link, number);
        longer_.push_back({ngram, part, next});
    }

    // Calls use(ngram, sum) for all that add something, in the order of the text, short ones first.
    template <class Use> void each(Use use) const {
        for (size_t first = 0; first < words_.size(); ++first) {
            if (words_[first] != 0) use(Ngram{first, 1}, words_[first]);
            for (uint32_t at = chains_[first]; at != none; at = longer_[at].next)
                if (longer_[at].sum != 0) use(longer_[at].ngram, longer_[at].sum);
        }
    }

    const Side &side;

  private:
    static constexpr uint32_t none = UINT32_MAX;
    struct Longer {
        Ngram ngram;
        double sum;
        uint32_t next;  // of those that begin with the same word
    };
    std::vector<double> words_;
    std::vector<uint32_t> chains_;  // of each word, the first one that begins with it
    std::vector<Longer> longer_;
};

// What feature i of a text adds. Those of |u − v| and u · v are Shapley values: the difference that a text makes to
// features of 0 and to those of the other, on average.
double added(const Model &model, const Weights &weights, const Side &side, size_t i) {
    const double u = side.own[i], own = weights(side.input + i) * u;
    if (!model.pairs) return own;
    const double v = side.other[i], most = std::fabs(u);
    const double apart = std::clamp((most + std::fabs(u - v) - std::fabs(v)) / 2, -most, most);
    return own + weights(2 * model.features + i) * apart + weights(3 * model.features + i) * u * v / 2;
}

// Share a text's max features out to windows. Gives what no window has.
double share_maxima(const Model &model, const Weights &weights, Sums &sums, Watch &watch) {
    const Side &side = sums.side;
    double base = 0;
    Winners winners;
    for (const Width &width : model.widths) {
        find_winners(model, side.rows, width, winners, watch);
        for (size_t f = 0; f < width.filters; ++f) {
            const size_t i = width.feature + f, window = winners.windows[f];
            if (!(side.own[i] > 0)) continue;
            const double part = added(model, weights, side, i);
            if (window == no_window) base += part;
            else sums.add(side.rows.under(width, window), part);
        }
    }
    return base;
}

// Share a text's mean features out to its words.
void share_means(const Model &model, const Weights &weights, Sums &sums, Watch &watch) {
    const Side &side = sums.side;
    std::vector<double> units(model.filters);  // what one unit of a filter's entries adds
    double total = 0, most = 0;
    for (const Width &width : model.widths) {
        const double share = 1 / static_cast<double>(side.rows.windows(width));
        for (size_t f = 0; f < width.filters; ++f) {
            const size_t i = model.filters + width.feature + f;
            if (side.own[i] == 0) continue;
            const double part = added(model, weights, side, i);
            total += part;
            units[width.feature + f] = part / side.own[i] * width.scale[f] * share;
            most = std::max(most, std::fabs(units[width.feature + f]));
        }
    }
    if (!(most > 0)) return;
    std::vector<float> columns(model.stride);  // as shares of the largest, which float32 can hold
    for (const Width &width : model.widths)
        for (size_t j = 0; j < static_cast<size_t>(width.taps); ++j)
            for (size_t f = 0; f < width.filters; ++f)
                columns[width.column + j * width.padded + f] = static_cast<float>(units[width.feature + f] / most);
    const std::vector<double> parts = weigh_tokens(model, side.rows, columns, most, total, watch);
    for (size_t t = 0; t < parts.size(); ++t) sums.add({t, 1}, parts[t]);
}

// What bigrams add by their own weights, where they first stand. Gives what they add to all labels on average.
double add_bigrams(const Model &model, size_t label, Sums &sums, Watch &watch) {
    const Bigrams &bigrams = model.bigrams;
    const TextRows &rows = sums.side.rows;
    const double unit = bigrams.scale / std::sqrt(static_cast<double>(std::max<size_t>(rows.tokens(), 1)));
    double base = 0;
    for (const auto &[number, first] : bigrams_of(bigrams, rows, watch)) {
        const int8_t *const weights = bigrams.weights.data() + number * bigrams.columns;
        double own = bigrams.columns == 1 ? (label ? weights[0] : -weights[0]) : weights[label], average = 0;
        if (bigrams.columns > 1 && !model.several()) {
            for (size_t c = 0; c < bigrams.columns; ++c) average += weights[c];
            average /= static_cast<double>(bigrams.columns);
        }
        sums.add({first, bigrams.distance + 1}, (own - average) * unit);
        base += average * unit;
    }
    return base;
}

// What the characters of one text add, once each.
void add_parts(const Sums &sums, std::vector<Part> &parts) {
    const std::vector<SpannedToken> &tokens = sums.side.rows.spans.tokens();
    const size_t before = parts.size();
    parts.reserve(before + 2 * tokens.size());
    bool apart = true;  // no two tokens are made from the same character, nor one from what another one is
    for (size_t t = 1; t < tokens.size(); ++t) apart = apart && tokens[t - 1].end <= tokens[t].begin;
    Numbering numbering;
    if (!apart) numbering.clear();
    sums.each([&](const Ngram &ngram, double sum) {
        const SpannedToken *const token = tokens.data() + ngram.first;
        size_t end = token[ngram.count - 1].end;
        if (apart) return parts.push_back({sums.side.number, token->begin, end, sum});
        for (size_t t = 0; t + 1 < ngram.count; ++t) end = std::max(end, token[t].end);
        const size_t place = before + numbering.add(uint64_t{token->begin} << 32 | uint64_t{end});
        if (place == parts.size()) parts.push_back({sums.side.number, token->begin, end, 0});
        parts[place].logit += sum;
    });
}

// The n-grams that speak for the label, by what they are, wherever they stand.
class Sharing {
  public:
    explicit Sharing(size_t tokens) {
        numbering_.clear(tokens + tokens / 2);
        ngrams_.reserve(2 * tokens);
    }

    void add(const Sums &sums) {
        const uint64_t *const keys = sums.side.rows.keys.data();
        sums.each([&](const Ngram &ngram, double sum) {
            const uint64_t *const own = keys + ngram.first;
            uint64_t key = own[0];
            for (size_t t = 1; t < ngram.count; ++t)
                key = detail::fold_product(key + t, own[t] ^ detail::process_factor);
            const uint32_t number = numbering_.add(key ? key : 1);
            if (number == ngrams_.size()) ngrams_.push_back({&sums.side.rows, ngram, 0});
            ngrams_[number].sum += sum;
        });
    }

    Shares shares() const {
        double total = 0;
        for (const One &each : ngrams_) total += std::max(each.sum, 0.0);
        std::vector<const One *> order;  // the largest first, and among equals the first in the text
        order.reserve(ngrams_.size());
        for (const One &each : ngrams_)
            if (each.sum > 0 && each.sum / total > 0) order.push_back(&each);
        std::sort(order.begin(), order.end(),
                  [](const One *a, const One *b) { return a->sum > b->sum || (a->sum == b->sum && a < b); });
        Shares found;
        found.all.reserve(order.size());
        found.written.reserve(16 * order.size());
        for (const One *each : order) {
            const size_t begin = found.written.size();
            each->rows->write(each->ngram, found.written);
            found.all.push_back({begin, found.written.size(), each->sum / total});
        }
        return found;
    }

  private:
    struct One {
        const TextRows *rows;
        Ngram ngram;
        double sum;
    };
    std::vector<One> ngrams_;
    Numbering numbering_;
};

// The n-grams that fire a filter most, each with its largest value.
class Strongest {
  public:
    explicit Strongest(size_t top) : top_(top) {}

    double least() const { return least_; }  // no n-gram of a smaller value is among them

    void add(std::string ngram, double value) {
        double &own = values_[std::move(ngram)];
        own = std::max(own, value);
        if (values_.size() <= 2 * top_ + 64) return;
        const std::vector<Firing> kept = list();
        values_ = {kept.begin(), kept.end()};
        least_ = kept.back().second;
    }

    // The largest value first; of equal ones, in the order of their bytes.
    std::vector<Firing> list() const {
        std::vector<Firing> all(values_.begin(), values_.end());
        std::sort(all.begin(), all.end(), [](const Firing &a, const Firing &b) {
            return a.second != b.second ? a.second > b.second : a.first < b.first;
        });
        if (all.size() > top_) all.resize(top_);
        return all;
    }

  private:
    size_t top_;
    double least_ = 0;
    std::unordered_map<std::string, double> values_;
};

// For each text of an item.
std::vector<TextRows> rows_of(const Model &model, const Text *texts, Watch &watch, const Workspace *read = nullptr) {
    std::vector<TextRows> rows;
    rows.reserve(model.pairs ? 2 : 1);
    for (size_t text = 0; text < (model.pairs ? 2 : 1); ++text) {
        if (texts[text].length >> 31)
            end_call(std::length_error("a text that is explained has 2,147,483,648 units or more"));
        rows.emplace_back(model, texts[text], watch, read);
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
    for (size_t i = 0; i < model.inputs; ++i) found.base += weights.average(i) * features[i];
    const std::vector<TextRows> rows = rows_of(model, texts, watch, model.pairs ? nullptr : &workspace);
    const double *const first = features.data(), *const second = first + model.features * (model.pairs ? 1 : 0);
    const Side sides[] = {{rows[0], 0, 0, first, second}, {rows.back(), 1, model.features, second, first}};
    Sharing sharing(rows[0].tokens() + (model.pairs ? rows[1].tokens() : 0));
    for (size_t text = 0; text < rows.size(); ++text) {
        Sums sums(sides[text]);
        found.base += share_maxima(model, weights, sums, watch);
        if (model.mean && rows[text].tokens()) share_means(model, weights, sums, watch);
        if (!model.bigrams.empty()) found.base += add_bigrams(model, found.label, sums, watch);
        add_parts(sums, found.parts);
        sharing.add(sums);
    }
    found.shares = sharing.shares();
    std::vector<float> all(model.labels.size());
    probabilities(model, workspace, 0, all.data());
    found.probability = all[found.label];
    return found;
}

std::vector<std::vector<Firing>> firings(const Model &model, const std::vector<Text> &texts, size_t top, Watch &watch) {
    std::vector<Strongest> found(model.filters, Strongest(top));
    Winners winners;
    const size_t per = model.pairs ? 2 : 1;
    for (size_t item = 0; item + per <= texts.size(); item += per) {
        watch.look_closely();
        for (const TextRows &rows : rows_of(model, texts.data() + item, watch))
            for (const Width &width : model.widths) {
                find_winners(model, rows, width, winners, watch);
                for (size_t f = 0; f < width.filters; ++f) {
                    const double value = winners.sums[f] * width.scale[f] + width.bias[f];
                    Strongest &own = found[width.feature + f];
                    if (winners.windows[f] == no_window || !(value > 0) || value < own.least()) continue;
                    own.add(rows.written(rows.under(width, winners.windows[f])), value);
                }
            }
    }
    std::vector<std::vector<Firing>> lists;
    for (Strongest &each : found) lists.push_back(each.list());
    return lists;
}

}  // namespace prunetext
