// Reading a packed model: every size, offset, dtype, scale and string is checked before it is used.
#include "model/model.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "file/file.hpp"
#include "file/number.hpp"
#include "model/tensors.hpp"
#include "model/words.hpp"

namespace prunetext {

namespace {

constexpr size_t max_filters = 4096, max_classes = 65536;
constexpr size_t max_words = 1u << 22, max_bigrams = 1u << 20, max_table = 256u << 20, max_head = 1u << 24;

void one_of(const Header &header, const char *key, std::initializer_list<std::string_view> allowed) {
    const std::string &value = header.value(key);
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
        refuse(std::string("its ") + key + " is none that format 1 knows");
}

// Whether the text is a number, which `value` then is.
bool is_number(std::string_view text, double &value) {
    const std::optional<double> number = parse_number(text);
    value = number.value_or(0);
    return number.has_value();
}

}  // namespace

Model::Model(File file, const Inflate &inflate) {
    size = file.bytes.size();
    const Reader reader{file, inflate};
    read_metadata(file.header);
    read_convolutions(reader);
    read_head(reader);
    read_vocabulary(reader);
    read_bigrams(reader);
    fold(reader);
    if (reader.coded != reader.codings.size()) refuse("its coding names a tensor that has no units");
    if (reader.used != file.header.tensors.size()) refuse("it holds a tensor that format 1 does not know");
    metadata = std::move(file.header.metadata);
}

void Model::read_metadata(const Header &header) {
    one_of(header, "task", {"classification", "pairs", "labels", "score", "score of pairs"});
    const std::optional<Tokenizer> named = tokenizer_of(header.value("tokenizer"));
    if (!named) refuse("its tokenizer is none that this version knows; a newer prunetext may know it");
    tokenizer = *named;
    one_of(header, "pooling", {"max", "max+mean"});
    one_of(header, "table", {"int8", "int16"});
    mean = header.value("pooling") == "max+mean";
    wide = header.value("table") == "int16";
    pairs = header.value("task") == "pairs" || header.value("task") == "score of pairs";

    // The bounds keep logits / temperature finite.
    if (!is_number(header.value("temperature"), temperature) || !(temperature >= 1e-6 && temperature <= 1e6))
        refuse("its temperature is not a number from 1e-6 to 1e6");
    if (const std::string *text = header.find("reject"))
        if (!is_number(*text, reject) || !(reject >= 1e-6 && reject <= 1))
            refuse("its reject is not a number from 1e-6 to 1");

    JsonReader json(header.value("labels"), "its list of labels");
    json.list([&] {
        if (labels.size() == max_classes) json.fail("has more than 65,536 labels");
        labels.push_back(json.string());
        if (labels.back().empty()) json.fail("has an empty label");
    });
    json.end();
    if (labels.size() < 2) json.fail("has fewer than two labels");
    std::vector<std::string_view> sorted(labels.begin(), labels.end());  // a hash can be made to collide
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) json.fail("has a label twice");
    read_thresholds(header);
    read_levels(header);
    if (!pairs) return;

    JsonReader name(header.value("positive"), "its positive label");
    positive = static_cast<size_t>(std::find(labels.begin(), labels.end(), name.string()) - labels.begin());
    name.end();
    if (positive == labels.size()) refuse("its positive label is none of its labels");
}

void Model::read_thresholds(const Header &header) {
    const std::string *text = header.find("thresholds");
    if (header.value("task") != "labels") {
        if (text) refuse("it has thresholds, which only a model of several labels has");
        return;
    }
    if (reject > 0) refuse("it has a reject, which a model of several labels has not");
    JsonReader json(header.value("thresholds"), "its list of thresholds");
    json.list([&] {
        double threshold = 0;
        if (thresholds.size() == labels.size()) json.fail("has more numbers than there are labels");
        if (!is_number(json.number(), threshold) || !(threshold > 0 && threshold < 1))
            json.fail("has something else than a number between 0 and 1");
        thresholds.push_back(threshold);
    });
    json.end();
    if (thresholds.size() != labels.size()) json.fail("has fewer numbers than there are labels");
}

// The steps of scores are labels that a text has from a probability of one half on.
void Model::read_levels(const Header &header) {
    const std::string &task = header.value("task");
    if (task != "score" && task != "score of pairs") {
        if (header.find("levels")) refuse("it has levels, which only a model of scores has");
        return;
    }
    if (reject > 0) refuse("it has a reject, which a model of scores has not");
    JsonReader json(header.value("levels"), "its list of levels");
    json.list([&] {
        double level = 0;
        if (levels.size() > labels.size()) json.fail("has more numbers than the steps between them need");
        if (!is_number(json.number(), level) || !(level >= -1e30 && level <= 1e30))
            json.fail("has something else than a number from -1e30 to 1e30");
        if (!levels.empty() && !(level > levels.back())) json.fail("has numbers that do not rise");
        levels.push_back(level);
    });
    json.end();
    if (levels.size() != labels.size() + 1) json.fail("has fewer numbers than the steps between them need");
    thresholds.assign(labels.size(), 0.5);
}

void Model::read_convolutions(const Reader &reader) {
    for (int k = 1; k <= static_cast<int>(most_taps); ++k) {
        const std::string name = "conv" + std::to_string(k);
        if (!reader.find(name + ".weight")) continue;
        const std::vector<uint64_t> &shape = reader.units_shape(name + ".weight", 3);
        Width width;
        width.taps = k;
        width.filters = shape[0];
        width.dimensions = shape[2];
        if (shape[0] < 1 || shape[0] > max_filters)
            refuse("tensor " + name + ".weight has no filters, or more than 4,096");
        if (shape[1] != static_cast<uint64_t>(k)) refuse("tensor " + name + ".weight has the wrong number of taps");
        reader.spend(work_of_units * shape[0] * shape[1] * shape[2]);
        width.padded = (width.filters + lanes - 1) / lanes * lanes;
        width.column = stride;
        width.place = padded;
        width.feature = filters;
        width.scale = reader.scales(name + ".table_scale", width.filters);
        const std::vector<float> values = reader.floats(name + ".bias", {width.filters});
        width.bias.assign(values.begin(), values.end());
        stride += width.padded * static_cast<size_t>(k);
        padded += width.padded;
        filters += width.filters;
        widths.push_back(std::move(width));
    }
    if (widths.empty()) refuse("it has no convolution");
    features = mean ? 2 * filters : filters;
    inputs = pairs ? 4 * features : features;
}

void Model::read_head(const Reader &reader) {
    const size_t classes = labels.size(), padded = (classes + 3) / 4 * 4;
    if (uint64_t{padded} * inputs > max_head) refuse("its head has more than 16,777,216 weights");
    const std::vector<float> weights = reader.floats("head.weight", {classes, inputs});
    const std::vector<float> biases = reader.floats("head.bias", {classes});
    bias.assign(padded, 0);
    std::copy(biases.begin(), biases.end(), bias.begin());
    head.assign(padded * inputs, 0);
    totals.assign(inputs, 0);
    for (size_t c = 0; c < classes; ++c)
        for (size_t i = 0; i < inputs; ++i) {
            head[(c / 4 * inputs + i) * 4 + c % 4] = weights[c * inputs + i];
            totals[i] += weights[c * inputs + i];
        }
}

void Model::read_vocabulary(const Reader &reader) {
    const WordCount count = reader.count_words("vocabulary");
    if (count.words > max_words || count.bytes > max_word_bytes)
        refuse("its vocabulary has more than 4,194,304 words or 64 MiB");
    rows = static_cast<size_t>(count.words) + 1;
    if (uint64_t{rows + 1} * stride * (wide ? 2 : 1) > max_table) refuse("its table would be larger than 256 MiB");
    const WordList list = reader.words("vocabulary", count);
    vocabulary = Vocabulary(list.views());
}

void Model::read_bigrams(const Reader &reader) {
    if (!reader.find("bigrams")) return;
    if (pairs || tokenizer == Tokenizer::pieces)
        refuse("it has bigrams, which neither a model of pairs nor one of pieces has");
    const WordCount count = reader.count_words("bigrams");
    if (count.words < 1 || count.words > max_bigrams || count.bytes > max_word_bytes)
        refuse("its bigrams are none, or more than 1,048,576, or have more than 64 MiB");
    const size_t columns = labels.size() == 2 && !several() ? 1 : labels.size();
    if (count.words * columns > max_head) refuse("its bigrams have more than 16,777,216 weights");
    reader.spend(count.words * columns);
    const WordList list = reader.words("bigrams", count);
    const std::vector<std::string_view> all = list.views();
    for (const std::string_view each : all)
        if (Bigrams::space_of(each) == std::string_view::npos)
            refuse("its bigrams have one that is not two words with a space between them");
    bigrams = Bigrams(all, vocabulary.hash().factor);
    bigrams.distance = tokenizer == Tokenizer::pairs ? 2 : 1;
    bigrams.columns = columns;
    bigrams.scale = reader.scales("bigrams.scale", 1)[0];
    const Tensor &weights = reader.get("bigrams.weight", "I8", 2);
    if (weights.shape[0] != count.words || weights.shape[1] != columns)
        refuse("tensor bigrams.weight has the wrong shape");
    const std::string_view units = reader.bytes(weights);
    bigrams.weights.assign(units.begin(), units.end());
}

}  // namespace prunetext
