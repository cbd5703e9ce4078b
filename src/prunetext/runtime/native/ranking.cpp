// One pass over all vectors: each is read once, for its product with the query and its own length.
#include "ranking.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

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

}  // namespace

std::vector<size_t> nearest(const float *query, const float *vectors, size_t count, size_t width, size_t most) {
    double length = 0;
    for (size_t i = 0; i < width; ++i) length += double{query[i]} * query[i];
    length = std::sqrt(length);
    // Scaled, so that its products with float32 numbers are such ones, too.
    std::vector<float> scaled(query, query + width);
    for (float &value : scaled) value = length > 0 ? static_cast<float>(value / length) : 0;

    using Found = std::pair<double, size_t>;  // cosine and row
    const auto better = [](const Found &one, const Found &other) { return one.first > other.first || (one.first == other.first && one.second < other.second); };
    std::vector<Found> best;  // a heap whose top is the worst
    for (size_t i = 0; i < count; ++i) {
        const double found = cosine(scaled.data(), vectors + i * width, width);
        if (std::isnan(found)) throw std::invalid_argument("row " + std::to_string(i) + " of the vectors has a number that is not finite");
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

}  // namespace prunetext
