// One pass over all vectors: each is read once, for its product with the query and its own length.
#include "ranking.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "clones.hpp"

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors never cross a call: everything is inlined

namespace prunetext {

namespace {

struct Sums {
    double dot, square;
};

// In sixteen sums side by side, so that they are the same numbers whatever registers there are.
PRUNETEXT_INLINE Sums sums_of(const float *query, const float *row, size_t width) {
    using Floats = float __attribute__((vector_size(64)));
    Floats dots = {}, squares = {};
    size_t i = 0;
    for (; i + 16 <= width; i += 16) {
        Floats a, b;
        std::memcpy(&a, query + i, sizeof a);
        std::memcpy(&b, row + i, sizeof b);
        dots += a * b;
        squares += b * b;
    }
    float dot[16], square[16];
    std::memcpy(dot, &dots, sizeof dot);
    std::memcpy(square, &squares, sizeof square);
    Sums sums{0, 0};
    for (size_t k = 0; k < 16; ++k) {
        sums.dot += dot[k];
        sums.square += square[k];
    }
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

PRUNETEXT_CLONES
void cosines(const float *query, const float *vectors, size_t first, size_t count, size_t width, double *out) {
    for (size_t i = 0; i < count; ++i) {
        const float *row = vectors + (first + i) * width;
        Sums sums = sums_of(query, row, width);
        if (!(sums.square > 1e-24 && sums.square < 1e24)) [[unlikely]]
            sums = exact_sums(query, row, width);
        out[i] = sums.square > 0 ? sums.dot / std::sqrt(sums.square) : 0;
    }
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
    constexpr size_t block = 256;
    double found[block];
    for (size_t first = 0; first < count; first += block) {
        const size_t some = std::min(block, count - first);
        cosines(scaled.data(), vectors, first, some, width, found);
        for (size_t i = 0; i < some; ++i) {
            if (std::isnan(found[i])) throw std::invalid_argument("row " + std::to_string(first + i) + " of the vectors has a number that is not finite");
            if (best.size() == most && !(found[i] > best.front().first)) continue;
            if (best.size() == most) {
                std::pop_heap(best.begin(), best.end(), better);
                best.pop_back();
            }
            best.emplace_back(found[i], first + i);
            std::push_heap(best.begin(), best.end(), better);
        }
    }
    std::sort(best.begin(), best.end(), better);
    std::vector<size_t> rows;
    for (const Found &each : best) rows.push_back(each.second);
    return rows;
}

}  // namespace prunetext
