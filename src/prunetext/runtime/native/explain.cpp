// Which n-grams decided: a class's logit, less the mean of the others where only one can be, shared out over features and from
// there to windows.
#include "explain.hpp"

#include <algorithm>
#include <map>

#include "tokenizer.hpp"

namespace prunetext {

namespace {

int entry(const Model &model, const std::byte *row, size_t column) {
    return model.wide ? reinterpret_cast<const int16_t *>(row)[column] : reinterpret_cast<const int8_t *>(row)[column];
}

int window_sum(const Model &model, const Width &width, const std::byte *const *window, size_t filter) {
    int sum = 0;
    for (size_t j = 0; j < static_cast<size_t>(width.taps); ++j)
        sum += entry(model, window[j], width.column + j * width.padded + filter);
    return sum;
}

}  // namespace

std::vector<std::pair<std::string, double>> explain(const Model &model, const Text &text, int label) {
    Workspace workspace;
    kernels().front().score(model, &text, 1, workspace);
    const size_t most = static_cast<size_t>(model.max_taps()), classes = model.labels.size();
    const size_t chosen = label < 0 ? winner(model, workspace, 0) : static_cast<size_t>(label);
    std::vector<std::string> tokens;
    std::vector<const std::byte *> all(most, model.row(model.rows));  // padding, the tokens' rows, padding
    tokenize(text, workspace.scratch, [&](const char *token, size_t length) {
        tokens.emplace_back(token, length);
        all.push_back(model.row_of(model.vocabulary.find_token(token, length)));
    });
    all.insert(all.end(), most, model.row(model.rows));
    const auto weight = [&](size_t c, size_t i) { return model.head[(c / 4 * model.features + i) * 4 + c % 4]; };
    // How much one unit of feature i moves the class's logit, away from the mean of the others where one label excludes them.
    const auto margin = [&](size_t i) {
        if (model.several()) return weight(chosen, i);
        double others = 0;
        for (size_t c = 0; c < classes; ++c)
            if (c != chosen) others += weight(c, i);
        return weight(chosen, i) - others / static_cast<double>(classes - 1);
    };

    std::map<std::string, double> parts;
    for (const Width &width : model.widths) {
        if (tokens.empty()) break;
        const size_t taps = static_cast<size_t>(width.taps), windows = tokens.size() + taps - 1;
        const std::byte *const *rows = all.data() + most - (taps - 1);
        for (size_t f = 0; f < width.filters; ++f) {
            const size_t i = width.feature + f;
            size_t where = windows;  // the all-padding window before the text, whose sum 0 comes first
            int largest = 0;
            for (size_t w = 0; w < windows; ++w) {
                const int here = window_sum(model, width, rows + w, f);
                if (here > largest) {
                    largest = here;
                    where = w;
                }
            }
            if (where < windows && workspace.features[i] > 0) {
                const size_t first = where + 1 > taps ? where + 1 - taps : 0, last = std::min(where, tokens.size() - 1);
                std::string ngram = tokens[first];
                for (size_t t = first + 1; t <= last; ++t) ngram += " " + tokens[t];
                parts[ngram] += margin(i) * workspace.features[i];
            }
            if (!model.mean) continue;
            const double unit = margin(model.filters + i) * width.scale[f] / static_cast<double>(windows);
            for (size_t t = 0; t < tokens.size(); ++t) {
                int sum = 0;
                for (size_t j = 0; j < taps; ++j) sum += entry(model, all[most + t], width.column + j * width.padded + f);
                parts[tokens[t]] += unit * sum;
            }
        }
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
