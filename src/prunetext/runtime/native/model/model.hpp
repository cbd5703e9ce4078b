// A packed model in memory: checked, and folded into one table of integers per word, tap and filter.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/bigrams.hpp"
#include "model/vocabulary.hpp"
#include "text/normalizer.hpp"

namespace prunetext {

struct File;
struct Header;

constexpr size_t most_taps = 16;
constexpr int most_patterns = 5;  // taps up to which the sums of all patterns of flags are kept
constexpr size_t lanes = 16;      // filters are padded to a multiple of this: the kernel needs no remainder loop

// One convolution. In a row of the table its segment starts at `column`, as [tap][filter], filters padded.
struct Width {
    int taps = 0;
    size_t filters = 0, padded = 0, column = 0, dimensions = 0;
    size_t place = 0;    // where its padded filters begin among those of all widths
    size_t feature = 0;  // index of its first max feature; its mean features come `convolutions' filters` later
    std::vector<double> scale, bias;
    // In pairs, what the flags of a window's words add to it, [the flags, two bits a tap, the first tap
    // highest][filter]; empty where there would be too many.
    std::vector<int16_t> patterns;
};

#ifdef __wasm__  // which has no pages to choose
constexpr size_t table_alignment = 64;
#else
constexpr size_t table_alignment = size_t{1} << 21;
#endif

struct TableDelete {
    void operator()(std::byte *table) const { ::operator delete[](table, std::align_val_t{table_alignment}); }
};

// Inflate a zlib stream, which messages call `what`, to exactly `size` bytes, or throw std::invalid_argument; never
// takes more memory than that.
using Inflate = std::function<std::string(std::string_view stream, size_t size, const std::string &what)>;

struct Model {
    // Throws std::invalid_argument with the reason if the file is not a sound packed model.
    Model(File file, const Inflate &inflate);

    size_t size = 0;  // bytes of the file
    std::vector<std::string> labels;
    std::vector<std::pair<std::string, std::string>> metadata;
    Tokenizer tokenizer = Tokenizer::bert;
    double temperature = 1;
    std::vector<double> thresholds;  // of the labels' probabilities; empty where a text has exactly one label
    std::vector<double> levels;  // of scores, rising: one more than there are labels, which are the steps between them
    double reject = 0;           // texts of a smaller top probability may be rejected; 0: the file names no threshold

    Vocabulary vocabulary{{}};
    Bigrams bigrams;
    std::vector<Width> widths;
    size_t padded = 0;                 // filters of all widths, padded
    size_t filters = 0, features = 0;  // filters of all widths; features = filters, or twice that with mean pooling
    bool mean = false;
    bool wide = false;    // the table is int16, not int8
    bool pairs = false;   // it judges pairs of texts, not single ones
    size_t inputs = 0;    // of the head: the features u of a text; of pairs u, v, |u − v| and u · v
    size_t positive = 0;  // the label whose probability ranks pairs

    size_t rows = 0;    // unknown word, words by their places; the table has one row more, of zeros, for padding
    size_t stride = 0;  // elements of a row
    std::unique_ptr<std::byte[], TableDelete> table;

    std::vector<int16_t> flags;  // rows that are added to those of a pair's tokens, by their flags: 4 of them
    std::vector<double> head;    // [block of 4 classes][input][4]
    std::vector<double> totals;  // of each input's weights, over all classes
    std::vector<double> bias;    // classes, padded to a multiple of 4

    // Row `row` of the table; element type int16_t if `wide`, else int8_t.
    size_t row_bytes() const { return stride * (wide ? 2 : 1); }
    const std::byte *row(size_t row) const { return table.get() + row * row_bytes(); }
    // The row of a token, by the word's index or -1.
    const std::byte *row_of(int32_t word) const {
        return row(word < 0 ? 0 : vocabulary.place(static_cast<size_t>(word)) + size_t{1});
    }
    int max_taps() const { return widths.back().taps; }
    // Whether a text may have any number of labels, each with a probability of its own, as the steps of scores have.
    bool several() const { return !thresholds.empty(); }

    // Largest entry of the table for which a window's sum fits int16: a tap adds a word's row, and in pairs two for its
    // flags.
    int table_limit(int taps) const { return wide ? 32767 / (pairs ? 3 * taps : taps) : 127; }

  private:
    struct Reader;
    void read_metadata(const Header &header);
    void read_thresholds(const Header &header);
    void read_levels(const Header &header);
    void read_vocabulary(const Reader &reader);
    void read_bigrams(const Reader &reader);
    void read_convolutions(const Reader &reader);
    void read_head(const Reader &reader);
    void fold(const Reader &reader);  // fold.cpp
    void add_flags(const std::byte *added);
};

}  // namespace prunetext
