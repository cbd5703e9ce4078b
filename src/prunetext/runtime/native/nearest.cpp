// Nearest rows in one pass over all vectors: each is read once, for its product with the query and its own length. The
// head then judges few.
#include "nearest.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernel/answers.hpp"
#include "refuse.hpp"

namespace prunetext {

namespace {

struct Sums {
    double dot, square;
};

using Four = float __attribute__((vector_size(16)));

inline Four load_four(const float *from) {
    Four value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

inline double sum_of(const Four (&sums)[4]) {
    const Four all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    return (double{all[0]} + all[1]) + (double{all[2]} + all[3]);
}

// In sixteen sums side by side, of registers that every processor has: more at once would wait for the memory, too.
inline Sums sums_of(const float *query, const float *row, size_t width) {
    Four dots[4] = {}, squares[4] = {};
    size_t i = 0;
    for (; i + 16 <= width; i += 16)
        for (size_t k = 0; k < 4; ++k) {
            const Four values = load_four(row + i + 4 * k);
            dots[k] += load_four(query + i + 4 * k) * values;
            squares[k] += values * values;
        }
    Sums sums{sum_of(dots), sum_of(squares)};
    for (; i < width; ++i) {
        sums.dot += double{query[i]} * row[i];
        sums.square += double{row[i]} * row[i];
    }
    return sums;
}

// The same in double, for numbers so large or small that float32 loses their squares; NaN where one is not finite.
Sums exact_sums(const float *query, const float *row, size_t width) {
    Sums sums{0, 0};
    for (size_t i = 0; i < width; ++i) {
        if (!std::isfinite(row[i])) return {NAN, 1};
        sums.dot += double{query[i]} * row[i];
        sums.square += double{row[i]} * row[i];
    }
    return sums;
}

// The cosine of a row with a query of length 1; NaN where the row has a number that is not finite.
double cosine(const float *query, const float *row, size_t width) {
    Sums sums = sums_of(query, row, width);
    if (!(sums.square > 1e-24 && sums.square < 1e24)) [[unlikely]]
        sums = exact_sums(query, row, width);
    return sums.square > 0 ? sums.dot / std::sqrt(sums.square) : 0;
}

// Logits of a query and some stored vectors, without knowledge of the words that they share.
void judge(const Model &model, const Kernel &kernel, const std::vector<float> &own, const Stored &stored,
           const size_t *rows, size_t count, bool second, Workspace &workspace) {
    workspace.features.resize(batch * model.inputs);
    for (size_t t = 0; t < count; ++t) {
        double *const inputs = workspace.features.data() + t * model.inputs;
        const float *const other = stored.vectors + rows[t] * own.size();
        std::copy_n(second ? other : own.data(), own.size(), inputs);
        std::copy_n(second ? own.data() : other, own.size(), inputs + own.size());
        compare(model, inputs);
    }
    kernel.decide(model, count, workspace);
}

}  // namespace

std::vector<size_t> nearest(const float *query, const float *vectors, size_t count, size_t width, size_t most) {
    double length = 0;
    for (size_t i = 0; i < width; ++i) length += double{query[i]} * query[i];
    length = std::sqrt(length);
    // Scaled for its products with float32 numbers to be float32 numbers, too.
    std::vector<float> scaled(query, query + width);
    for (float &value : scaled) value = length > 0 ? static_cast<float>(value / length) : 0;

    using Found = std::pair<double, size_t>;  // cosine and row
    const auto better = [](const Found &one, const Found &other) {
        return one.first > other.first || (one.first == other.first && one.second < other.second);
    };
    std::vector<Found> best;  // a heap whose top is the worst
    for (size_t i = 0; i < count; ++i) {
        const double found = cosine(scaled.data(), vectors + i * width, width);
        if (std::isnan(found)) refuse("row " + std::to_string(i) + " of the vectors has a number that is not finite");
        if (best.size() == most && !(found > best.front().first)) continue;
        if (best.size() == most) {
            std::pop_heap(best.begin(), best.end(), better);
            best.pop_back();
        }
        best.emplace_back(found, i);
        std::push_heap(best.begin(), best.end(), better);
    }
    std::sort(best.begin(), best.end(), better);
    std::vector<size_t> rows;
    for (const Found &each : best) rows.push_back(each.second);
    return rows;
}

std::vector<Match> match(const Model &model, const Kernel &kernel, const Query &query, const Stored &stored,
                         size_t most, size_t top, const TextOfRow &text_of) {
    Workspace workspace;
    kernel.encode(model, &query.text, 1, workspace);
    const auto features = workspace.features.begin();
    std::vector<float> own(features, features + static_cast<std::ptrdiff_t>(model.features));
    for (const float value : own)
        if (!std::isfinite(value)) refuse("the query has a feature that float32 does not hold");
    const std::vector<size_t> rows = nearest(own.data(), stored.vectors, stored.count, own.size(), most);

    std::vector<Text> pairs;
    for (size_t i = 0; text_of && i < rows.size(); ++i) {
        const Text other = text_of(rows[i]);
        pairs.push_back(query.second ? other : query.text);
        pairs.push_back(query.second ? query.text : other);
    }
    std::vector<Match> found;
    std::vector<float> shares(model.labels.size());
    for (size_t first = 0; first < rows.size(); first += batch) {
        const size_t count = std::min(batch, rows.size() - first);
        if (text_of) kernel.score(model, pairs.data() + 2 * first, count, workspace);
        else judge(model, kernel, own, stored, rows.data() + first, count, query.second, workspace);
        for (size_t t = 0; t < count; ++t) {
            probabilities(model, workspace, t, shares.data());
            found.push_back({rows[first + t], shares[model.positive]});
        }
    }
    std::sort(found.begin(), found.end(), [](const Match &one, const Match &other) {
        return one.probability != other.probability ? one.probability > other.probability : one.row < other.row;
    });
    if (found.size() > top) found.resize(top);
    return found;
}

}  // namespace prunetext
