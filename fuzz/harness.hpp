// What both harnesses share: a model from bytes, and what must hold of its answers to any text.
#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "explain.hpp"
#include "file.hpp"
#include "kernel.hpp"
#include "tokenizer.hpp"

namespace fuzz {

using namespace prunetext;

[[noreturn]] inline void fail(const char *what) {
    std::fprintf(stderr, "FINDING: %s\n", what);
    std::abort();
}

// Stands for zlib, whose code is not under test: the seeds hold their streams as they are, so that a changed byte is a changed byte.
inline std::string as_stored(std::string_view stream, size_t size, const std::string &what) {
    if (stream.size() != size) throw std::invalid_argument(what + " is not of the size stated");
    return std::string(stream);
}

// A file of these bytes, without a disk.
class MemoryFile {
  public:
    MemoryFile() : descriptor_(memfd_create("model", 0)), path_("/proc/self/fd/" + std::to_string(descriptor_)) {}

    const std::string &holding(std::string_view bytes) {
        if (ftruncate(descriptor_, 0) != 0 || pwrite(descriptor_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
            std::perror("the file in memory cannot be written");
            std::exit(1);
        }
        return path_;
    }

  private:
    int descriptor_;
    std::string path_;
};

inline std::vector<std::string> tokens_of(const Text &text) {
    std::vector<std::string> tokens;
    std::string scratch;
    tokenize(text, scratch, [&](const char *token, size_t length) { tokens.emplace_back(token, length); });
    return tokens;
}

// Features, then logits, as the format defines them: from all tokens at once, one number after the other. Its branches are not
// what the fuzzer should look for.
__attribute__((no_sanitize("coverage"))) inline std::vector<double> reference(const Model &model, const Text &text) {
    const size_t context = static_cast<size_t>(model.max_taps()) - 1;
    std::vector<const std::byte *> rows(context, model.row(model.rows));
    const std::vector<std::string> tokens = tokens_of(text);
    for (const std::string &token : tokens) rows.push_back(model.row_of(model.vocabulary.find(token.data(), token.size())));
    rows.insert(rows.end(), context, model.row(model.rows));

    std::vector<double> values(model.features);
    for (const Width &width : model.widths) {
        const size_t taps = static_cast<size_t>(width.taps), windows = tokens.empty() ? 0 : tokens.size() + taps - 1;
        for (size_t f = 0; f < width.filters; ++f) {
            int64_t best = 0, total = 0;
            for (size_t w = 0; w < windows; ++w) {
                int64_t sum = 0;
                const std::byte *const *window = rows.data() + context - (taps - 1) + w;
                for (size_t j = 0; j < taps; ++j) {
                    const size_t column = width.column + j * width.padded + f;
                    sum += model.wide ? reinterpret_cast<const int16_t *>(window[j])[column] : reinterpret_cast<const int8_t *>(window[j])[column];
                }
                best = std::max(best, sum);
                total += sum;
            }
            const double value = static_cast<double>(best) * width.scale[f] + width.bias[f];
            values[width.feature + f] = value > 0 ? value : 0;
            const double own = static_cast<double>(windows ? windows : 1);
            if (model.mean) values[model.filters + width.feature + f] = static_cast<double>(total) / own * width.scale[f];
        }
    }
    for (size_t c = 0; c < model.labels.size(); ++c) {
        double sum = model.bias[c];
        for (size_t i = 0; i < model.features; ++i) sum += model.head[(c / 4 * model.features + i) * 4 + c % 4] * values[i];
        values.push_back(sum);
    }
    return values;
}

inline void must_be(const Model &model, const Workspace &workspace, size_t text, const std::vector<double> &expected) {
    const double *features = workspace.features.data() + text * model.features, *logits = workspace.logits.data() + text * model.bias.size();
    if (std::memcmp(features, expected.data(), model.features * sizeof(double)) != 0) fail("a kernel's features are not those of the tokens");
    if (std::memcmp(logits, expected.data() + model.features, model.labels.size() * sizeof(double)) != 0) fail("a kernel's logits differ");
}

// Every kernel's answer, alone and among others, in a new workspace and in one that was used before.
inline void check_scores(const Model &model, const Text &text, std::vector<Workspace> &used) {
    const std::vector<double> expected = reference(model, text);
    const Text texts[] = {{"film", 4, 0, false}, text, {"", 0, 0, false}};
    used.resize(kernels().size());
    for (size_t k = 0; k < kernels().size(); ++k) {
        Workspace fresh;
        kernels()[k].score(model, &text, 1, fresh);
        must_be(model, fresh, 0, expected);
        kernels()[k].score(model, texts, 3, used[k]);
        must_be(model, used[k], 1, expected);

        std::vector<float> shares(model.labels.size());
        probabilities(model, fresh, 0, shares.data());
        double sum = 0;
        for (const float share : shares) sum += share >= 0 ? share : NAN;
        if (!(std::fabs(sum - 1) < 1e-4)) fail("probabilities do not sum to 1");
        if (top_probability(model, used[k], 1) != *std::max_element(shares.begin(), shares.end())) fail("the top probability differs");
    }
}

inline void check_explanation(const Model &model, const Text &text) {
    double sum = 0, before = INFINITY;
    const auto shares = explain(model, text);
    for (const auto &[ngram, share] : shares) {
        if (!(share > 0 && share <= before)) fail("an explanation's shares are not positive, or not sorted");
        sum += before = share;
    }
    if (!shares.empty() && !(std::fabs(sum - 1) < 1e-6)) fail("an explanation's shares do not sum to 1");
}

}  // namespace fuzz
