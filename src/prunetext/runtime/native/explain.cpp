// The n-grams that decide: a class's logit, minus the mean of the others if only one label is possible, shared out over
// features and from there to windows.
#include "explain.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "kernel/answers.hpp"
#include "text/tokenizer.hpp"

namespace prunetext {

namespace {

// A text's tokens, and the rows that are added up under its windows: one for each token and, in pairs, one for its
// flags, with padding around.
struct Side {
    std::vector<std::string> tokens;
    std::vector<uint64_t> keys;
    std::vector<const std::byte *> rows;
    std::vector<uint8_t> flags;
    const double *features;
    Watch *watch;

    Side(const Model &model, const Text &text, Workspace &workspace, const double *features)
        : rows(static_cast<size_t>(model.max_taps()), model.row(model.rows)),
          features(features),
          watch(workspace.watch) {
        const size_t most = rows.size();
        tokenize(model.tokenizer, text, workspace.scratch, [&](const char *token, size_t length) {
            look(tokens.size());
            tokens.emplace_back(token, length);
            keys.push_back(key_of_token(token, length));
            rows.push_back(model.row_of(model.vocabulary.find_token(token, length)));
        });
        rows.insert(rows.end(), most, model.row(model.rows));
        flags.assign(rows.size(), 0);
    }

    // Whether to go on; asked at every so many tokens.
    void look(size_t token) const {
        if (watch && token % piece == piece - 1) watch->look();
    }

    int entry(const Model &model, size_t place, size_t column) const {
        const int word = model.wide ? reinterpret_cast<const int16_t *>(rows[place])[column]
                                    : reinterpret_cast<const int8_t *>(rows[place])[column];
        return flags[place] ? word + model.flags[flags[place] * model.stride + column] : word;
    }
};

using Parts = std::map<std::string, double>;

// Add the part of each n-gram of one text, where one unit of feature i moves the margin by `margin`(i).
template <class Margin> void share_out(const Model &model, const Side &side, Margin margin, Parts &parts) {
    const std::vector<std::string> &tokens = side.tokens;
    if (tokens.empty()) return;
    const size_t most = static_cast<size_t>(model.max_taps());
    for (const Width &width : model.widths) {
        const size_t taps = static_cast<size_t>(width.taps), windows = tokens.size() + taps - 1,
                     start = most - (taps - 1);
        for (size_t f = 0; f < width.filters; ++f) {
            const size_t i = width.feature + f;
            size_t where = windows;  // the all-padding window before the text, whose sum 0 comes first
            int largest = 0;
            for (size_t w = 0; w < windows; ++w) {
                side.look(w);
                int here = 0;
                for (size_t j = 0; j < taps; ++j)
                    here += side.entry(model, start + w + j, width.column + j * width.padded + f);
                if (here > largest) {
                    largest = here;
                    where = w;
                }
            }
            if (where < windows && side.features[i] > 0) {
                const size_t first = where + 1 > taps ? where + 1 - taps : 0, last = std::min(where, tokens.size() - 1);
                std::string ngram = tokens[first];
                for (size_t t = first + 1; t <= last; ++t) ngram += " " + tokens[t];
                parts[ngram] += margin(i) * side.features[i];
            }
            if (!model.mean) continue;
            const double unit = margin(model.filters + i) * width.scale[f] / static_cast<double>(windows);
            for (size_t t = 0; t < tokens.size(); ++t) {
                side.look(t);
                int sum = 0;
                for (size_t j = 0; j < taps; ++j)
                    sum += side.entry(model, most + t, width.column + j * width.padded + f);
                parts[tokens[t]] += unit * sum;
            }
        }
    }
}

}  // namespace

std::vector<std::pair<std::string, double>> explain(const Model &model, const Text *texts, int label, Watch *watch) {
    Workspace workspace;
    workspace.watch = watch;
    kernels().front().score(model, texts, 1, workspace);
    const size_t classes = model.labels.size(),
                 chosen = label < 0 ? winner(model, workspace, 0) : static_cast<uint32_t>(label);
    const auto weight = [&](size_t c, size_t i) { return model.head[(c / 4 * model.inputs + i) * 4 + c % 4]; };
    // How much one unit of the head's input moves the class's logit, away from the mean of the others if one label
    // excludes them.
    const auto margin = [&](size_t i) {
        if (model.several()) return weight(chosen, i);
        double others = 0;
        for (size_t c = 0; c < classes; ++c)
            if (c != chosen) others += weight(c, i);
        return weight(chosen, i) - others / static_cast<double>(classes - 1);
    };

    Parts parts;
    const double *const inputs = workspace.features.data();
    Side one(model, texts[0], workspace, inputs);
    if (!model.pairs) {
        share_out(model, one, margin, parts);
    } else {
        const size_t count = model.features, most = static_cast<size_t>(model.max_taps());
        Side other(model, texts[1], workspace, inputs + count);
        workspace.overlap.flag({one.keys.data(), one.keys.size(), one.flags.data() + most},
                               {other.keys.data(), other.keys.size(), other.flags.data() + most});
        // The Shapley values of |u − v| and u · v; a text that is left out has features of 0. A value is the difference
        // that a text makes, on average over the two orders of the texts.
        const auto of_side = [&](const Side &own, size_t at, const Side &opposite) {
            return [&, at](size_t i) {
                const double u = own.features[i], v = opposite.features[i];
                const double apart = u == 0 ? 0 : (std::fabs(u) + std::fabs(u - v) - std::fabs(v)) / (2 * u);
                return margin(at + i) + margin(2 * count + i) * apart + margin(3 * count + i) * v / 2;
            };
        };
        share_out(model, one, of_side(one, 0, other), parts);
        share_out(model, other, of_side(other, count, one), parts);
    }

    double total = 0;
    for (const auto &[ngram, part] : parts) total += std::max(part, 0.0);
    std::vector<std::pair<std::string, double>> shares;
    for (const auto &[ngram, part] : parts)
        if (part > 0 && part / total > 0) shares.emplace_back(ngram, part / total);
    std::stable_sort(shares.begin(), shares.end(), [](const auto &a, const auto &b) { return a.second > b.second; });
    return shares;
}

}  // namespace prunetext
