// Folding: embedding times convolutions, rounded to the table of integers that scoring adds up.
#include <algorithm>
#include <cstring>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "kernel/dispatch.hpp"
#include "model/model.hpp"
#include "model/tensors.hpp"
#include "overlap.hpp"

namespace prunetext {

namespace {

constexpr size_t max_dimensions = 4096, max_weights = 1u << 26;
constexpr uint64_t max_products = uint64_t{1} << 36;  // multiplications to fold: a few seconds

// In pages as large as the system has: rows are read in no order, and small pages take a moment to find each time.
std::unique_ptr<std::byte[], TableDelete> make_table(size_t bytes) {
    constexpr size_t huge = table_alignment;
    const size_t whole = (bytes + huge - 1) / huge * huge;
    const bool large = bytes > huge / 4;
    auto *table = static_cast<std::byte *>(::operator new[](large ? whole : bytes, std::align_val_t{huge}));
#ifdef MADV_HUGEPAGE
    if (large) madvise(table, whole, MADV_HUGEPAGE);
#endif
    return std::unique_ptr<std::byte[], TableDelete>(table);
}

// acc[c] = dot of one embedding row with each column's weights, from those pairs of dimensions that are not both 0:
// weights are [pair][column][2].
PRUNETEXT_INLINE void dot_columns(const int16_t *vector, const std::vector<size_t> &pairs, const int16_t *weights,
                                  size_t stride, int32_t *acc) {
#ifdef PRUNETEXT_SSE2
    // Compilers do not find this instruction by themselves: eight products, added in pairs.
    for (size_t c = 0; c < stride; c += 16) {
        __m128i sums[4] = {};
        for (const size_t p : pairs) {
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
    for (const size_t p : pairs)
        for (size_t c = 0; c < stride; ++c) {
            const int16_t *w = weights + (p * stride + c) * 2;
            acc[c] += vector[2 * p] * w[0] + vector[2 * p + 1] * w[1];
        }
#endif
}

template <class Entry>
PRUNETEXT_INLINE bool round_row(const int32_t *acc, const double *factors, const int32_t *limits, size_t stride,
                                Entry *row) {
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

// The weights of all filters at each tap, with a column of the table for each.
struct Columns {
    size_t count, dimensions;
    std::vector<int8_t> weights = std::vector<int8_t>(count * dimensions);  // [column][dimension]
    std::vector<double> factors = std::vector<double>(count);  // from a sum of products to an entry of the table
    std::vector<int32_t> limits = std::vector<int32_t>(count);
};

// Fill rows of the table, vector i the row places[i]: entry = rint(dot(vector, column's weights) * factor), half to
// even. False where one lies outside its column's ± limit.
PRUNETEXT_CLONES
bool fold_table(const Columns &columns, const int8_t *vectors, const std::vector<size_t> &places, bool wide,
                std::byte *table) {
    const size_t stride = columns.count, dimensions = columns.dimensions, pairs = (dimensions + 1) / 2;
    const int8_t *const weights = columns.weights.data();
    const double *const factors = columns.factors.data();
    const int32_t *const limits = columns.limits.data();
    std::vector<int16_t> paired(pairs * stride * 2), vector(pairs * 2);
    for (size_t c = 0; c < stride; ++c)
        for (size_t d = 0; d < dimensions; ++d) paired[(d / 2 * stride + c) * 2 + d % 2] = weights[c * dimensions + d];
    std::vector<int32_t> acc(stride);
    std::vector<size_t> used;
    bool sound = true;
    for (size_t i = 0; i < places.size() && sound; ++i) {
        for (size_t d = 0; d < dimensions; ++d) vector[d] = vectors[i * dimensions + d];
        used.clear();
        for (size_t p = 0; p < pairs; ++p)
            if (vector[2 * p] | vector[2 * p + 1]) used.push_back(p);
        dot_columns(vector.data(), used, paired.data(), stride, acc.data());
        if (wide)
            sound =
                round_row(acc.data(), factors, limits, stride, reinterpret_cast<int16_t *>(table) + places[i] * stride);
        else
            sound =
                round_row(acc.data(), factors, limits, stride, reinterpret_cast<int8_t *>(table) + places[i] * stride);
    }
    return sound;
}

}  // namespace

void Model::fold(const Reader &reader) {
    const std::vector<uint64_t> &shape = reader.units_shape("embedding", 2);
    const size_t dimensions = shape[1];
    if (shape[0] != rows) refuse("tensor embedding has not one row for each word and the unknown word");
    if (dimensions < 1 || dimensions > max_dimensions) refuse("tensor embedding has no dimensions, or more than 4,096");
    if (uint64_t{dimensions} * stride > max_weights) refuse("its convolutions have more than 67,108,864 weights");
    if (uint64_t{rows} * dimensions * stride > max_products) refuse("its table would take too long to fold");
    reader.spend(work_of_units * rows * dimensions + (rows + 1) * row_bytes() + dimensions * stride);
    std::string room;
    const double embedding_scale = reader.scales("embedding.scale", 1)[0];

    Columns columns{stride, dimensions};
    for (const Width &width : widths) {
        const std::string name = "conv" + std::to_string(width.taps);
        if (width.dimensions != dimensions) refuse("tensor " + name + ".weight has not the embedding's dimensions");
        const std::vector<double> scale = reader.scales(name + ".scale", width.filters);
        const int8_t *data = reader.units(name + ".weight", room);
        for (size_t f = 0; f < width.filters; ++f)
            for (size_t j = 0; j < static_cast<size_t>(width.taps); ++j, data += dimensions) {
                const size_t column = width.column + j * width.padded + f;
                std::memcpy(&columns.weights[column * dimensions], data, dimensions);
                columns.factors[column] = embedding_scale * scale[f] / width.scale[f];
                columns.limits[column] = table_limit(width.taps);
            }
    }
    const int8_t *vectors = reader.units("embedding", room);
    const auto zeros = static_cast<size_t>(std::count(vectors, vectors + rows * dimensions, int8_t{0}));
    reader.spend((uint64_t{rows} * dimensions - zeros) * stride / products_of_work);
    table = make_table((rows + 1) * row_bytes());
    std::vector<size_t> places(rows);
    for (size_t i = 1; i < rows; ++i) places[i] = vocabulary.place(i - 1) + size_t{1};
    if (!fold_table(columns, vectors, places, wide, table.get()))
        refuse("an entry of its table is out of range: its table_scale does not fit its weights");
    std::memset(const_cast<std::byte *>(row(rows)), 0, row_bytes());
    if (!pairs) return;

    const Tensor &match = reader.get("match", "I8", 2);
    if (match.shape[0] != 2 || match.shape[1] != dimensions)
        refuse("tensor match has not two rows of the embedding's dimensions");
    std::vector<std::byte> added(2 * row_bytes());
    if (!fold_table(columns, reinterpret_cast<const int8_t *>(reader.bytes(match).data()), {0, 1}, wide, added.data()))
        refuse("an entry of its rows for matched words is out of range: its table_scale does not fit its weights");
    add_flags(added.data());
}

// Rows for the flags of a pair's words, from those of `match`; then their sums under a window, for each pattern of
// flags.
void Model::add_flags(const std::byte *added) {
    flags.assign(4 * stride, 0);
    for (size_t c = 0; c < stride; ++c) {
        const auto entry = [&](size_t row) {
            const std::byte *from = added + row * row_bytes();
            return wide ? reinterpret_cast<const int16_t *>(from)[c] : reinterpret_cast<const int8_t *>(from)[c];
        };
        flags[matched * stride + c] = static_cast<int16_t>(entry(0));
        flags[(matched | beside) * stride + c] = static_cast<int16_t>(entry(0) + entry(1));
    }
    for (Width &width : widths) {
        if (width.taps > most_patterns) continue;
        width.patterns.assign((size_t{1} << 2 * width.taps) * width.padded, 0);
        for (size_t code = 0; code < size_t{1} << 2 * width.taps; ++code)
            for (size_t j = 0; j < static_cast<size_t>(width.taps); ++j) {
                const size_t flag = code >> 2 * (static_cast<size_t>(width.taps) - 1 - j) & 3;
                const int16_t *row = flags.data() + flag * stride + width.column + j * width.padded;
                for (size_t f = 0; f < width.padded; ++f) width.patterns[code * width.padded + f] += row[f];
            }
    }
}

}  // namespace prunetext
