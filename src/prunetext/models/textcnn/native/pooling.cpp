// Window pooling for training: the additions of the packed runtime in floating point, with the window that was largest.
//
// A table has a row for each distinct word of a batch, and columns as `columns_of` lays them out: widths, then taps,
// then filters. Its row 0 is padding, all zeros. Sums are added up in a fixed order: equal inputs give equal bytes.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <tuple>
#include <vector>

#include "kernel/dispatch.hpp"

namespace nb = nanobind;

namespace {

using Columns = std::vector<std::tuple<size_t, size_t, size_t>>;  // width, first column, filters

template <class Number> using Matrix = nb::ndarray<Number, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// Positions (texts, length) are rows of the table. With w the largest width, each text stands between w − 1 paddings at
// its front and at least w behind it.
struct Batch {
    const int64_t *positions;
    size_t texts, length, rows, stride, features = 0, widest = 1;

    Batch(const Matrix<const int64_t> &places, const Columns &columns, size_t table_rows, size_t table_columns)
        : positions(places.data()),
          texts(places.shape(0)),
          length(places.shape(1)),
          rows(table_rows),
          stride(table_columns) {
        size_t next = 0;
        for (const auto &[width, first, filters] : columns) {
            if (width < 1 || first != next) throw nb::value_error("the columns do not follow one another");
            widest = std::max(widest, width);
            next += width * filters;
            features += filters;
        }
        if (next != stride) throw nb::value_error("the table has not one column for each tap of each filter");
        if (length < 2 * widest - 1) throw nb::value_error("positions hold too little padding");
        for (size_t at = 0; at < texts * length; ++at) {
            if (static_cast<uint64_t>(positions[at]) >= rows)
                throw nb::value_error("a position lies outside the table");
            if (at % length >= length - widest && positions[at] != 0)
                throw nb::value_error("positions hold too little padding");
        }
    }

    template <class Number> void must_fit(const Matrix<Number> &values) const {
        if (values.shape(0) != texts || values.shape(1) != features)
            throw nb::value_error("an array is not (texts, filters)");
    }

    const int64_t *of(size_t text) const { return positions + text * length; }

    // The place after a text's last word; w − 1 if it has none.
    size_t end(size_t text) const {
        size_t stop = length - widest;
        while (stop >= widest && of(text)[stop - 1] == 0) --stop;
        return stop;
    }

    // The first window of a width that may hold a word. The last one to look at starts at `end`: it is all padding.
    size_t start(size_t width) const { return widest - width; }
};

// Filters that fit one register of 32 bytes, in a vector of the compiler's own kind.
template <class Real> struct Lanes {
    static constexpr size_t count = 32 / sizeof(Real);
    typedef Real Reals __attribute__((vector_size(32)));
    using Places = decltype(Reals{} > Reals{});  // integers of Real's size

    PRUNETEXT_INLINE static void load(Reals &values, const Real *from, size_t most) {
        if (most >= count) std::memcpy(&values, from, sizeof values);
        else std::copy_n(from, most, reinterpret_cast<Real *>(&values));
    }
};

// `Vectors` registers full of filters of one width, or `filters` of them if they are fewer, over one text.
template <class Real, size_t Vectors>
PRUNETEXT_INLINE void pool(const Real *const *rows, size_t windows, size_t width, size_t column, size_t filters,
                           Real *maxima, int32_t *winners, Real *sums) {
    using Reals = typename Lanes<Real>::Reals;
    using Places = typename Lanes<Real>::Places;
    constexpr size_t lanes = Lanes<Real>::count, block = 32;  // so many windows are added up before float64 takes them
    Reals best[Vectors]{}, part[Vectors]{};
    Places where[Vectors]{}, here{};
    double total[Vectors * lanes]{};
    for (size_t w = 0; w < windows; ++w, here = here + 1) {
        Reals sum[Vectors]{}, entries{};
        for (size_t tap = 0; tap < width; ++tap)
            for (size_t v = 0; v < Vectors; ++v) {
                Lanes<Real>::load(entries, rows[w + tap] + column + tap * filters + v * lanes, filters);
                sum[v] += entries;
            }
        for (size_t v = 0; v < Vectors; ++v) {
            const Places better = w == 0 ? Places{} - 1 : sum[v] > best[v];
            best[v] = better ? sum[v] : best[v];
            where[v] = better ? here : where[v];
            part[v] += sum[v];
        }
        if (w % block != block - 1 && w + 1 != windows) continue;
        for (size_t v = 0; v < Vectors; ++v) {
            for (size_t lane = 0; lane < lanes; ++lane) total[v * lanes + lane] += static_cast<double>(part[v][lane]);
            part[v] = Reals{};
        }
    }
    for (size_t f = 0; f < std::min(filters, Vectors * lanes); ++f) {
        maxima[f] = best[f / lanes][f % lanes];
        winners[f] = static_cast<int32_t>(where[f / lanes][f % lanes]);
        sums[f] = static_cast<Real>(total[f]);
    }
}

// All filters of one width; the last call begins early enough to have as many as the others, and does some again.
template <class Real, size_t Vectors>
PRUNETEXT_INLINE void pool_by(const Real *const *rows, size_t windows, size_t width, size_t first, size_t filters,
                              Real *maxima, int32_t *winners, Real *sums) {
    constexpr size_t step = Vectors * Lanes<Real>::count;
    for (size_t f = 0; f < filters; f += step) {
        const size_t from = std::min(f, filters - std::min(filters, step));
        pool<Real, Vectors>(rows, windows, width, first + from, filters, maxima + from, winners + from, sums + from);
    }
}

template <class Real>
PRUNETEXT_INLINE void pool_width(const Real *const *rows, size_t windows, size_t width, size_t first, size_t filters,
                                 Real *maxima, int32_t *winners, Real *sums) {
    if (filters >= 2 * Lanes<Real>::count)
        pool_by<Real, 2>(rows, windows, width, first, filters, maxima, winners, sums);
    else pool_by<Real, 1>(rows, windows, width, first, filters, maxima, winners, sums);
}

template <class Real>
PRUNETEXT_INLINE void pool_batch(const Batch &batch, const Columns &columns, const Real *table, Real *maxima,
                                 int32_t *winners, Real *sums) {
    std::vector<const Real *> rows(batch.length);
    for (size_t text = 0; text < batch.texts; ++text) {
        std::transform(batch.of(text), batch.of(text) + batch.length, rows.begin(),
                       [&](int64_t row) { return table + static_cast<size_t>(row) * batch.stride; });
        const size_t end = batch.end(text);
        size_t feature = text * batch.features;
        for (const auto &[width, first, filters] : columns) {
            const size_t start = batch.start(width);
            pool_width(rows.data() + start, end + 1 - start, width, first, filters, maxima + feature, winners + feature,
                       sums + feature);
            feature += filters;
        }
    }
}

// Each token is once under every tap of every filter: a sum's gradient goes to all columns of its text's words.
template <class Real>
PRUNETEXT_INLINE void spread_sums(const Batch &batch, const Columns &columns, const Real *of_sums, Real *gradient) {
    std::vector<Real> words(batch.rows * batch.features);
    for (size_t text = 0; text < batch.texts; ++text)
        for (size_t at = batch.widest - 1, end = batch.end(text); at < end; ++at) {
            Real *const word = words.data() + static_cast<size_t>(batch.of(text)[at]) * batch.features;
            for (size_t f = 0; f < batch.features; ++f) word[f] += of_sums[text * batch.features + f];
        }
    for (size_t row = 0; row < batch.rows; ++row) {
        const Real *word = words.data() + row * batch.features;
        for (const auto &[width, first, filters] : columns) {
            for (size_t tap = 0; tap < width; ++tap)
                std::copy(word, word + filters, gradient + row * batch.stride + first + tap * filters);
            word += filters;
        }
    }
}

template <class Real>
void add_maxima(const Batch &batch, const Columns &columns, const int32_t *winners, const Real *of_maxima,
                Real *gradient) {
    for (size_t text = 0; text < batch.texts; ++text)
        for (const auto &[width, first, filters] : columns)
            for (size_t f = 0; f < filters; ++f, ++winners, ++of_maxima)
                for (size_t tap = 0; tap < width; ++tap) {
                    const size_t at = batch.start(width) + static_cast<size_t>(*winners) + tap;
                    gradient[static_cast<size_t>(batch.of(text)[at]) * batch.stride + first + tap * filters + f] +=
                        *of_maxima;
                }
}

// Clones are made of plain functions only.
PRUNETEXT_CLONES void pool_floats(const Batch &b, const Columns &c, const float *table, float *maxima, int32_t *winners,
                                  float *sums) {
    pool_batch(b, c, table, maxima, winners, sums);
}
PRUNETEXT_CLONES void pool_floats(const Batch &b, const Columns &c, const double *table, double *maxima,
                                  int32_t *winners, double *sums) {
    pool_batch(b, c, table, maxima, winners, sums);
}
PRUNETEXT_CLONES void spread_floats(const Batch &b, const Columns &c, const float *of_sums, float *gradient) {
    spread_sums(b, c, of_sums, gradient);
}
PRUNETEXT_CLONES void spread_floats(const Batch &b, const Columns &c, const double *of_sums, double *gradient) {
    spread_sums(b, c, of_sums, gradient);
}

template <class Real>
void forward(const Matrix<const Real> &table, const Matrix<const int64_t> &positions, const Columns &columns,
             const Matrix<Real> &maxima, const Matrix<int32_t> &winners, const Matrix<Real> &sums) {
    const Batch batch(positions, columns, table.shape(0), table.shape(1));
    batch.must_fit(maxima);
    batch.must_fit(winners);
    batch.must_fit(sums);
    const nb::gil_scoped_release released;
    pool_floats(batch, columns, table.data(), maxima.data(), winners.data(), sums.data());
}

template <class Real>
void backward(const Matrix<Real> &gradient, const Matrix<const int64_t> &positions, const Columns &columns,
              const Matrix<const int32_t> &winners, const std::optional<Matrix<const Real>> &of_maxima,
              const std::optional<Matrix<const Real>> &of_sums) {
    const Batch batch(positions, columns, gradient.shape(0), gradient.shape(1));
    batch.must_fit(winners);
    if (of_maxima) batch.must_fit(*of_maxima);
    if (of_sums) batch.must_fit(*of_sums);
    const int32_t *winner = winners.data();
    for (size_t text = 0; text < batch.texts; ++text)
        for (const auto &[width, first, filters] : columns)
            for (size_t f = 0; f < filters; ++f, ++winner)
                if (*winner < 0 || static_cast<size_t>(*winner) > batch.end(text) - batch.start(width))
                    throw nb::value_error("a winner is no window of its text");
    const nb::gil_scoped_release released;
    std::fill_n(gradient.data(), batch.rows * batch.stride, Real{0});
    if (of_sums) spread_floats(batch, columns, of_sums->data(), gradient.data());
    if (of_maxima) add_maxima(batch, columns, winners.data(), of_maxima->data(), gradient.data());
}

// No argument may be converted: a copy of an array that is to be filled would be lost.
template <class Real> void bind(nb::module_ &module) {
    module.def("forward", &forward<Real>, nb::arg("table").noconvert(), nb::arg("positions").noconvert(),
               nb::arg("columns"), nb::arg("maxima").noconvert(), nb::arg("winners").noconvert(),
               nb::arg("sums").noconvert());
    module.def("backward", &backward<Real>, nb::arg("gradient").noconvert(), nb::arg("positions").noconvert(),
               nb::arg("columns"), nb::arg("winners").noconvert(), nb::arg("of_maxima").noconvert().none(),
               nb::arg("of_sums").noconvert().none());
}

}  // namespace

NB_MODULE(_pooling, module) {
    module.doc() =
        "Largest and total window sums over a folded table, and their gradients; arrays are filled in place.";
    bind<float>(module);
    bind<double>(module);
}
