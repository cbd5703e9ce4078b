// Folding: the table of a model from its quantised embedding and convolutions.
#include <algorithm>
#include <cstring>
#include <vector>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "clones.hpp"
#include "model.hpp"

namespace prunetext {

namespace {

// acc[c] = dot of one embedding row with each column's weights, from pairs of dimensions: weights are [pair][column][2].
PRUNETEXT_INLINE void dot_columns(const int16_t *vector, size_t pairs, const int16_t *weights, size_t stride, int32_t *acc) {
#ifdef __SSE2__
    // Compilers do not find this instruction by themselves: eight products, added in pairs.
    for (size_t c = 0; c < stride; c += 16) {
        __m128i sums[4] = {};
        for (size_t p = 0; p < pairs; ++p) {
            int32_t pair;
            std::memcpy(&pair, vector + 2 * p, sizeof pair);
            const __m128i both = _mm_set1_epi32(pair);
            const auto *w = reinterpret_cast<const __m128i *>(weights + (p * stride + c) * 2);
            for (int i = 0; i < 4; ++i) sums[i] = _mm_add_epi32(sums[i], _mm_madd_epi16(both, _mm_loadu_si128(w + i)));
        }
        std::memcpy(acc + c, sums, sizeof sums);
    }
#else
    std::fill(acc, acc + stride, 0);
    for (size_t p = 0; p < pairs; ++p)
        for (size_t c = 0; c < stride; ++c) {
            const int16_t *w = weights + (p * stride + c) * 2;
            acc[c] += vector[2 * p] * w[0] + vector[2 * p + 1] * w[1];
        }
#endif
}

template <class Entry>
PRUNETEXT_INLINE bool round_row(const int32_t *acc, const double *factors, const int32_t *limits, size_t stride, Entry *row) {
    constexpr double whole = 6755399441055744.0;  // 1.5 · 2^52: adding and taking it away rounds half to even
    int32_t bad = 0;
    for (size_t c = 0; c < stride; ++c) {
        double value = (acc[c] * factors[c] + whole) - whole;
        value = value < 40000.0 ? value : 40000.0;  // beyond every limit, yet an int32
        value = value > -40000.0 ? value : -40000.0;
        const auto entry = static_cast<int32_t>(value);
        bad |= (entry > limits[c]) | (entry < -limits[c]);
        row[c] = static_cast<Entry>(entry);
    }
    return bad == 0;
}

}  // namespace

PRUNETEXT_CLONES
bool fold_table(const int8_t *vectors, const std::vector<size_t> &places, size_t dimensions, const int8_t *weights, const double *factors,
                const int32_t *limits, size_t stride, bool wide, std::byte *table) {
    const size_t pairs = (dimensions + 1) / 2;
    std::vector<int16_t> paired(pairs * stride * 2), vector(pairs * 2);
    for (size_t c = 0; c < stride; ++c)
        for (size_t d = 0; d < dimensions; ++d) paired[(d / 2 * stride + c) * 2 + d % 2] = weights[c * dimensions + d];
    std::vector<int32_t> acc(stride);
    bool sound = true;
    for (size_t i = 0; i < places.size() && sound; ++i) {
        for (size_t d = 0; d < dimensions; ++d) vector[d] = vectors[i * dimensions + d];
        dot_columns(vector.data(), pairs, paired.data(), stride, acc.data());
        if (wide) sound = round_row(acc.data(), factors, limits, stride, reinterpret_cast<int16_t *>(table) + places[i] * stride);
        else sound = round_row(acc.data(), factors, limits, stride, reinterpret_cast<int8_t *>(table) + places[i] * stride);
    }
    return sound;
}

}  // namespace prunetext
