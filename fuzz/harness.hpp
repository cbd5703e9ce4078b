// What the fuzzers share: models, and what must hold of their answers to any text.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "explain.hpp"
#include "file/file.hpp"
#include "kernel/answers.hpp"
#include "kernel/kernel.hpp"
#include "text/spans.hpp"
#include "text/tokenizer.hpp"

namespace fuzz {

using namespace prunetext;

[[noreturn]] inline void fail(const char *what) {
    std::fprintf(stderr, "FINDING: %s\n", what);
    std::abort();
}

// Stands for zlib, whose code is not under test: the seeds hold their streams as they are, so that a changed byte is a
// changed byte.
inline std::string as_stored(std::string_view stream, size_t size, const std::string &what) {
    if (stream.size() != size) throw std::invalid_argument(what + " is not of the size stated");
    return std::string(stream);
}

// The models in the folder that PRUNETEXT_FUZZ_MODELS names.
inline std::vector<Model> load_models() {
    const char *folder = std::getenv("PRUNETEXT_FUZZ_MODELS");
    std::vector<std::filesystem::path> paths;
    for (const auto &entry : std::filesystem::directory_iterator(folder ? folder : ".")) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<Model> models;
    for (const auto &path : paths) models.emplace_back(read_file(path), as_stored);
    if (models.empty()) fail("there is no model in the folder PRUNETEXT_FUZZ_MODELS");
    return models;
}

inline std::vector<std::string> tokens_of(const Model &model, const Text &text) {
    std::vector<std::string> tokens;
    std::string scratch;
    tokenize(model.tokenizer, text, scratch,
             [&](const char *token, size_t length) { tokens.emplace_back(token, length); });
    return tokens;
}

// Add a text's features, as the format defines them: from all tokens at once, one number after the other. `other` are
// the tokens of a pair's other text. These branches are not what the fuzzer should look for.
__attribute__((no_sanitize("coverage"))) inline void add_features(const Model &model,
                                                                  const std::vector<std::string> &tokens,
                                                                  const std::vector<std::string> &other,
                                                                  std::vector<double> &values) {
    const size_t context = static_cast<size_t>(model.max_taps()) - 1, first = values.size();
    std::vector<const std::byte *> rows(context, model.row(model.rows));
    for (const std::string &token : tokens)
        rows.push_back(model.row_of(model.vocabulary.find(token.data(), token.size())));
    rows.insert(rows.end(), context, model.row(model.rows));
    std::vector<unsigned> flags(rows.size(), 0);
    for (size_t i = 0; i < tokens.size(); ++i)
        for (size_t j = 0; j < other.size(); ++j) {
            if (tokens[i] != other[j]) continue;
            const bool after = i + 1 < tokens.size() && j + 1 < other.size() && tokens[i + 1] == other[j + 1];
            const bool before = i > 0 && j > 0 && tokens[i - 1] == other[j - 1];
            flags[context + i] |= matched | (after || before ? beside : 0u);
        }

    values.resize(first + model.features);
    for (const Width &width : model.widths) {
        const size_t taps = static_cast<size_t>(width.taps), windows = tokens.empty() ? 0 : tokens.size() + taps - 1;
        for (size_t f = 0; f < width.filters; ++f) {
            int64_t best = 0, total = 0;
            for (size_t w = 0; w < windows; ++w) {
                int64_t sum = 0;
                const size_t start = context - (taps - 1) + w;
                for (size_t j = 0; j < taps; ++j) {
                    const size_t column = width.column + j * width.padded + f;
                    const std::byte *const row = rows[start + j];
                    sum += model.wide ? reinterpret_cast<const int16_t *>(row)[column]
                                      : reinterpret_cast<const int8_t *>(row)[column];
                    if (flags[start + j]) sum += model.flags[flags[start + j] * model.stride + column];
                }
                best = std::max(best, sum);
                total += sum;
            }
            const double value = static_cast<double>(best) * width.scale[f] + width.bias[f];
            values[first + width.feature + f] = value > 0 ? value : 0;
            const double own = static_cast<double>(windows ? windows : 1);
            if (model.mean)
                values[first + model.filters + width.feature + f] = static_cast<double>(total) / own * width.scale[f];
        }
    }
}

// What the listed bigrams of a text add to its logits.
__attribute__((no_sanitize("coverage"))) inline void add_bigrams(const Model &model,
                                                                 const std::vector<std::string> &tokens,
                                                                 double *logits) {
    const Bigrams &bigrams = model.bigrams;
    std::set<std::string> found;
    for (size_t t = bigrams.distance; t < tokens.size(); ++t)
        found.insert(tokens[t - bigrams.distance] + " " + tokens[t]);
    std::vector<double> sums(bigrams.columns);
    for (size_t i = 0; i < bigrams.size(); ++i)
        if (found.count(std::string(bigrams[i])))
            for (size_t c = 0; c < bigrams.columns; ++c) sums[c] += bigrams.weights[i * bigrams.columns + c];
    const double root = std::sqrt(static_cast<double>(std::max<size_t>(tokens.size(), 1)));
    for (size_t c = 0; c < model.labels.size(); ++c) {
        const double own = sums[bigrams.columns == 1 ? 0 : c] * bigrams.scale / root;
        logits[c] = bigrams.columns == 1 && c == 0 ? logits[c] - own : logits[c] + own;
    }
}

// What the head sees of a text or, where the model judges those, of a pair of texts; then its logits.
__attribute__((no_sanitize("coverage"))) inline std::vector<double> reference(const Model &model, const Text *texts) {
    std::vector<double> values;
    const std::vector<std::string> tokens = tokens_of(model, texts[0]);
    if (!model.pairs) {
        add_features(model, tokens, {}, values);
    } else {
        const std::vector<std::string> other = tokens_of(model, texts[1]);
        add_features(model, tokens, other, values);
        add_features(model, other, tokens, values);
        const size_t count = model.features;
        for (size_t i = 0; i < count; ++i) values.push_back(std::fabs(values[i] - values[count + i]));
        for (size_t i = 0; i < count; ++i) values.push_back(values[i] * values[count + i]);
    }
    for (size_t c = 0; c < model.labels.size(); ++c) {
        double sum = model.bias[c];
        for (size_t i = 0; i < model.inputs; ++i) sum += model.head[(c / 4 * model.inputs + i) * 4 + c % 4] * values[i];
        values.push_back(sum);
    }
    if (!model.bigrams.empty()) add_bigrams(model, tokens, values.data() + model.inputs);
    return values;
}

inline void must_be(const Model &model, const Workspace &workspace, size_t item, const std::vector<double> &expected) {
    const double *inputs = workspace.features.data() + item * model.inputs,
                 *logits = workspace.logits.data() + item * model.bias.size();
    if (std::memcmp(inputs, expected.data(), model.inputs * sizeof(double)) != 0)
        fail("a kernel's features are not those of the tokens");
    if (std::memcmp(logits, expected.data() + model.inputs, model.labels.size() * sizeof(double)) != 0)
        fail("a kernel's logits differ");
}

// What one text or pair is told, by each way to ask; the logits are the last of `expected`.
inline void check_answer(const Model &model, Workspace &workspace, size_t item, const std::vector<double> &expected) {
    const auto logits = expected.end() - static_cast<std::ptrdiff_t>(model.labels.size());
    const auto first = static_cast<uint32_t>(std::max_element(logits, expected.end()) - logits);
    if (winner(model, workspace, item) != first) fail("the winner is not the first of the largest logits");
    const std::vector<double> before = workspace.logits;
    std::vector<float> shares(model.labels.size());
    if (model.several()) {
        std::vector<uint64_t> chosen((shares.size() + 63) / 64);
        std::vector<float> given, wanted;
        choose(model, workspace, item, chosen.data(), &given);
        probabilities(model, workspace, item, shares.data());
        for (size_t c = 0; c < shares.size(); ++c) {
            if (!(shares[c] >= 0 && shares[c] <= 1)) fail("a probability is none");
            const bool has = shares[c] >= model.thresholds[c];
            if (has) wanted.push_back(shares[c]);
            if (has != (chosen[c / 64] >> c % 64 & 1)) fail("a label is given against its threshold");
        }
        if (given != wanted) fail("the probabilities of several labels differ");
        return;
    }
    const Answer answer = best(model, workspace, item);
    workspace.logits = before;
    const Answer rejected = best(model, workspace, item, true);
    workspace.logits = before;
    probabilities(model, workspace, item, shares.data());
    double sum = 0;
    for (const float share : shares) sum += share >= 0 ? share : NAN;
    if (!(std::fabs(sum - 1) < 1e-4)) fail("probabilities do not sum to 1");
    if (answer.label != first || answer.probability != shares[first]) fail("an answer is not the winner's");
    if (answer.probability != *std::max_element(shares.begin(), shares.end())) fail("the winner is not most probable");
    if (rejected.label != (answer.probability < model.reject ? no_label : first)) fail("a label is rejected wrongly");
}

// Every kernel's answer to a text, or to a pair of it and another one, alone and among others, in a new workspace and
// in one that was used before.
inline void check_item(const Model &model, const Text *item, std::vector<Workspace> &used) {
    const std::vector<double> expected = reference(model, item);
    const size_t per = model.pairs ? 2 : 1;
    std::vector<Text> three(per, {"film", 4, 0, false});
    three.insert(three.end(), item, item + per);
    three.insert(three.end(), per, {"", 0, 0, false});
    used.resize(kernels().size());
    for (size_t k = 0; k < kernels().size(); ++k) {
        Workspace fresh;
        kernels()[k].score(model, item, 1, fresh);
        must_be(model, fresh, 0, expected);
        kernels()[k].score(model, three.data(), 3, used[k]);
        must_be(model, used[k], 1, expected);

        check_answer(model, fresh, 0, expected);
        check_answer(model, used[k], 1, expected);
    }
}

// A text's items: itself or, for a model of pairs, itself beside a short text and itself.
inline std::vector<std::vector<Text>> items_of(const Model &model, const Text &text) {
    static constexpr std::string_view other = "GREAT, a great film \xE7\x94\xB5\xE5\xBD\xB1 aaaaaaaaa";
    if (!model.pairs) return {{text}};
    return {{text, {other.data(), other.size(), 0, false}}, {text, text}};
}

inline void check_scores(const Model &model, const Text &text, std::vector<Workspace> &used) {
    for (const auto &item : items_of(model, text)) check_item(model, item.data(), used);
}

// Each label's parts and base add up to its logit, but for rounding; parts lie within their texts.
inline void check_explanation(const Model &model, const Text &text) {
    const std::vector<Text> item = items_of(model, text).front();
    const std::vector<double> expected = reference(model, item.data());
    double largest = 0;  // of what is added up
    for (size_t i = 0; i < model.inputs; ++i)
        for (size_t c = 0; c < model.labels.size(); ++c)
            for (size_t side = 0; side < 2; ++side) {
                const double weight = std::fabs(model.head[(c / 4 * model.inputs + i) * 4 + c % 4]);
                const double one = std::fabs(expected[i]),
                             other = std::fabs(expected[(i + side * model.features) % model.inputs]);
                largest = std::max(largest, weight * (one + other + one * other));
            }
    for (int label = -1; label < std::min<int>(static_cast<int>(model.labels.size()), 3); ++label) {
        const Explanation found = explain(model, item.data(), label);
        const double logit = expected[model.inputs + found.label];
        if (found.logit != logit) fail("an explanation has another logit");
        double sum = found.base, size = std::fabs(found.base);
        for (const Part &part : found.parts) {
            if (part.text >= item.size() || part.begin >= part.end || part.end > item[part.text].length)
                fail("a part does not lie in its text");
            sum += part.logit;
            size += std::fabs(part.logit);
        }
        const double room = (size + static_cast<double>(model.inputs) * largest + std::fabs(logit)) * 1e-9;
        if (!(std::fabs(sum - logit) <= room)) fail("an explanation's parts do not add up to the logit");
        double shares = 0, before = INFINITY;
        for (const auto &[begin, end, share] : found.shares.all) {
            if (!(share > 0 && share <= before)) fail("an explanation's shares are not positive, or not sorted");
            if (begin >= end || end > found.shares.written.size()) fail("an n-gram is empty");
            shares += before = share;
        }
        if (!found.shares.all.empty() && !(std::fabs(shares - 1) < 1e-6)) fail("shares do not sum to 1");
    }
}

// Tokens with their places are those of the tokenizer, in the order of the text, and within it.
inline void check_spans(const Model &model, const Text &text) {
    TokenSpans spans;
    spans.read(model.tokenizer, text);
    const std::vector<std::string> tokens = tokens_of(model, text);
    if (tokens.size() != spans.tokens().size()) fail("there are more or fewer tokens with their places");
    size_t before = 0;
    for (size_t t = 0; t < tokens.size(); ++t) {
        const SpannedToken &token = spans.tokens()[t];
        if (spans.of(token) != tokens[t]) fail("a token with its place is another one");
        if (token.begin >= token.end || token.end > text.length) fail("a token does not lie in its text");
        if (model.tokenizer != Tokenizer::pieces && token.begin < before) fail("tokens are not in order");
        before = token.begin;
    }
}

}  // namespace fuzz
