// Reading a packed model: every size, offset, dtype, scale and string is checked before it is used.
#include "model.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <locale>
#include <sstream>
#include <unordered_set>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "coding.hpp"
#include "file.hpp"
#include "matching.hpp"

namespace prunetext {

namespace {

constexpr size_t max_dimensions = 4096, max_filters = 4096, max_classes = 65536;
constexpr size_t max_words = 1u << 22, max_word_bytes = 64u << 20, max_table = 256u << 20, max_head = 1u << 24, max_weights = 1u << 26;
constexpr uint64_t max_products = uint64_t{1} << 36;  // multiplications to fold: a few seconds

[[noreturn]] void refuse(const std::string &reason) { throw std::invalid_argument(reason); }

void one_of(const Header &header, const char *key, std::initializer_list<std::string_view> allowed) {
    const std::string &value = header.value(key);
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
        refuse(std::string("its ") + key + " is none that format 1 knows");
}

// A number as JSON writes it, whatever the locale.
bool parse_number(const std::string &text, double &value) {
#ifdef __cpp_lib_to_chars
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
#else  // of numbers with a point, libc++ before 20
    if (text.empty() || text[0] == '+' || text.find_first_not_of("0123456789.eE+-") != std::string::npos) return false;
    std::istringstream stream(text);
    stream.imbue(std::locale::classic());
    return stream >> value && stream.eof();
#endif
}

// In pages as large as the system has, since rows are read in no order: others take a moment to find, each time.
std::unique_ptr<std::byte[], TableDelete> make_table(size_t bytes) {
    constexpr size_t huge = size_t{1} << 21;
    const size_t whole = (bytes + huge - 1) / huge * huge;
    const bool large = bytes > huge / 4;
    auto *table = static_cast<std::byte *>(::operator new[](large ? whole : bytes, std::align_val_t{huge}));
#ifdef MADV_HUGEPAGE
    if (large) madvise(table, whole, MADV_HUGEPAGE);
#endif
    return std::unique_ptr<std::byte[], TableDelete>(table);
}

}  // namespace

// The file's tensors, each asked for once with the shape it must have.
struct Model::Reader {
    const File &file;
    const Inflate &inflate;
    const Codings codings = file.header.find("coding") ? parse_codings(file.header.value("coding")) : Codings{};
    mutable size_t used = 0, coded = 0;

    const Tensor *find(const std::string &name) const {
        for (const Tensor &tensor : file.header.tensors)
            if (tensor.name == name) return &tensor;
        return nullptr;
    }

    const Tensor &get(const std::string &name, const char *dtype, size_t axes) const {
        const Tensor *tensor = find(name);
        if (!tensor) refuse("tensor " + name + " is missing");
        if (tensor->dtype != dtype || tensor->shape.size() != axes) refuse("tensor " + name + " has the wrong dtype or number of axes");
        ++used;
        return *tensor;
    }

    std::string_view bytes(const Tensor &tensor) const {
        return std::string_view(file.bytes).substr(file.data + tensor.begin, tensor.end - tensor.begin);
    }

    // The shape of a tensor of units, which lies there as it is, or coded.
    const std::vector<uint64_t> &units_shape(const std::string &name, size_t axes) const {
        const auto found = codings.find(name);
        if (found == codings.end()) return get(name, "I8", axes).shape;
        get(name, "U8", 1);
        if (found->second.shape.size() != axes) refuse("tensor " + name + " has the wrong number of axes");
        ++coded;
        return found->second.shape;
    }

    // The units themselves; `room` holds them where they had to be decoded.
    const int8_t *units(const std::string &name, std::string &room) const {
        std::string_view data = bytes(*find(name));
        if (const auto found = codings.find(name); found != codings.end()) {
            const Coding &coding = found->second;
            if (coding.bytes == 0) room = decode_units(name, coding, data);
            else room = decode_units(name, coding, inflate(data, coding.bytes, "tensor " + name));
            data = room;
        }
        return reinterpret_cast<const int8_t *>(data.data());
    }

    std::vector<float> floats(const std::string &name, std::initializer_list<uint64_t> shape) const {
        const Tensor &tensor = get(name, "F32", shape.size());
        if (!std::equal(shape.begin(), shape.end(), tensor.shape.begin())) refuse("tensor " + name + " has the wrong shape");
        const std::string_view data = bytes(tensor);
        std::vector<float> values(data.size() / 4);
        for (size_t i = 0; i < values.size(); ++i) {
            values[i] = std::bit_cast<float>(little_endian<uint32_t>(reinterpret_cast<const unsigned char *>(data.data()) + 4 * i));
            if (!std::isfinite(values[i])) refuse("tensor " + name + " holds a number that is not finite");
        }
        return values;
    }

    std::vector<double> scales(const std::string &name, size_t count) const {
        const std::vector<float> values = floats(name, {count});
        for (float value : values)
            if (!(value > 0)) refuse("tensor " + name + " holds a scale that is not positive");
        return {values.begin(), values.end()};
    }
};

Model::Model(const std::string &path, const Inflate &inflate) {
    File file = read_file(path);
    size = file.bytes.size();
    const Reader reader{file, inflate};
    read_metadata(file.header);
    read_convolutions(reader);
    read_head(reader);
    read_vocabulary(reader);
    fold(reader);
    if (reader.coded != reader.codings.size()) refuse("its coding names a tensor that has no units");
    if (reader.used != file.header.tensors.size()) refuse("it holds a tensor that format 1 does not know");
    metadata = std::move(file.header.metadata);
}

void Model::read_metadata(const Header &header) {
    one_of(header, "task", {"classification", "pairs", "labels"});
    one_of(header, "tokenizer", {"bert/1"});
    one_of(header, "pooling", {"max", "max+mean"});
    one_of(header, "table", {"int8", "int16"});
    mean = header.value("pooling") == "max+mean";
    wide = header.value("table") == "int16";
    pairs = header.value("task") == "pairs";

    // The bounds keep logits / temperature finite.
    if (!parse_number(header.value("temperature"), temperature) || !(temperature >= 1e-6 && temperature <= 1e6))
        refuse("its temperature is not a number from 1e-6 to 1e6");
    if (const std::string *text = header.find("reject"))
        if (!parse_number(*text, reject) || !(reject >= 1e-6 && reject <= 1)) refuse("its reject is not a number from 1e-6 to 1");

    JsonReader json(header.value("labels"), "its list of labels");
    json.list([&] {
        if (labels.size() == max_classes) json.fail("has more than 65,536 labels");
        labels.push_back(json.string());
        if (labels.back().empty()) json.fail("has an empty label");
    });
    json.end();
    if (labels.size() < 2) json.fail("has fewer than two labels");
    if (std::unordered_set<std::string_view>(labels.begin(), labels.end()).size() != labels.size()) json.fail("has a label twice");
    read_thresholds(header);
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
        if (!parse_number(json.number(), threshold) || !(threshold > 0 && threshold < 1)) json.fail("has something else than a number between 0 and 1");
        thresholds.push_back(threshold);
    });
    json.end();
    if (thresholds.size() != labels.size()) json.fail("has fewer numbers than there are labels");
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
        if (width.filters < 1 || width.filters > max_filters) refuse("tensor " + name + ".weight has no filters, or more than 4,096");
        if (shape[1] != static_cast<uint64_t>(k)) refuse("tensor " + name + ".weight has the wrong number of taps");
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
    if (padded * inputs > max_head) refuse("its head has more than 16,777,216 weights");
    const std::vector<float> weights = reader.floats("head.weight", {classes, inputs});
    const std::vector<float> biases = reader.floats("head.bias", {classes});
    bias.assign(padded, 0);
    std::copy(biases.begin(), biases.end(), bias.begin());
    head.assign(padded * inputs, 0);
    for (size_t c = 0; c < classes; ++c)
        for (size_t i = 0; i < inputs; ++i) head[(c / 4 * inputs + i) * 4 + c % 4] = weights[c * inputs + i];
}

void Model::read_vocabulary(const Reader &reader) {
    size_t inflated = SIZE_MAX, words = SIZE_MAX;
    JsonReader json(reader.file.header.value("vocabulary"), "its vocabulary entry");
    json.object([&](const std::string &key) {
        size_t &value = key == "bytes" ? inflated : words;
        if ((key != "bytes" && key != "words") || value != SIZE_MAX) json.fail("has an unknown or repeated key");
        value = json.integer();
    });
    json.end();
    if (inflated == SIZE_MAX || words == SIZE_MAX) json.fail("lacks its number of bytes or words");
    if (words > max_words || inflated > max_word_bytes) refuse("its vocabulary has more than 4,194,304 words or 64 MiB");
    if (inflated < 3 * words) refuse("its vocabulary has more words than its bytes can hold");
    rows = words + 1;
    if ((rows + 1) * stride * (wide ? 2 : 1) > max_table) refuse("its table would be larger than 256 MiB");

    const std::string data = reader.inflate(reader.bytes(reader.get("vocabulary", "U8", 1)), inflated, "its vocabulary");
    std::string all;  // the words one after another
    std::vector<size_t> ends;
    ends.reserve(words);
    std::string word;
    size_t at = words;
    for (size_t i = 0; i < words; ++i) {
        const size_t shared = static_cast<unsigned char>(data[i]), end = data.find('\n', at);
        if (end == std::string::npos) refuse("its vocabulary has fewer words than stated");
        if (shared > word.size()) refuse("its vocabulary has a word that shares more than the previous one has");
        std::string next = word.substr(0, shared).append(data, at, end - at);
        if (next <= word) refuse("its vocabulary is not sorted, or has a word that is empty or comes twice");
        if (!valid_utf8(next)) refuse("its vocabulary has a word that is not valid UTF-8");
        word = std::move(next);
        if (all.size() + word.size() > max_word_bytes) refuse("its words together are larger than 64 MiB");
        all += word;
        ends.push_back(all.size());
        at = end + 1;
    }
    if (at != data.size()) refuse("its vocabulary has more words than stated");
    std::vector<std::string_view> views(words);
    for (size_t i = 0, start = 0; i < words; start = ends[i++]) views[i] = std::string_view(all).substr(start, ends[i] - start);
    vocabulary = Vocabulary(views);
}

void Model::fold(const Reader &reader) {
    const std::vector<uint64_t> &shape = reader.units_shape("embedding", 2);
    const size_t dimensions = shape[1];
    if (shape[0] != rows) refuse("tensor embedding has not one row for each word and the unknown word");
    if (dimensions < 1 || dimensions > max_dimensions) refuse("tensor embedding has no dimensions, or more than 4,096");
    if (dimensions * stride > max_weights) refuse("its convolutions have more than 67,108,864 weights");
    if (uint64_t{rows} * dimensions * stride > max_products) refuse("its table would take too long to fold");
    std::string room;
    const double embedding_scale = reader.scales("embedding.scale", 1)[0];

    std::vector<int8_t> weights(stride * dimensions);  // [column of the table][dimension]
    std::vector<double> factors(stride);
    std::vector<int32_t> limits(stride);
    for (const Width &width : widths) {
        const std::string name = "conv" + std::to_string(width.taps);
        if (width.dimensions != dimensions) refuse("tensor " + name + ".weight has not the embedding's dimensions");
        const std::vector<double> scale = reader.scales(name + ".scale", width.filters);
        const int8_t *data = reader.units(name + ".weight", room);
        for (size_t f = 0; f < width.filters; ++f)
            for (size_t j = 0; j < static_cast<size_t>(width.taps); ++j, data += dimensions) {
                const size_t column = width.column + j * width.padded + f;
                std::memcpy(&weights[column * dimensions], data, dimensions);
                factors[column] = embedding_scale * scale[f] / width.scale[f];
                limits[column] = table_limit(width.taps);
            }
    }
    table = make_table((rows + 1) * row_bytes());
    const int8_t *vectors = reader.units("embedding", room);
    std::vector<size_t> places(rows);
    for (size_t i = 1; i < rows; ++i) places[i] = vocabulary.place(i - 1) + size_t{1};
    if (!fold_table(vectors, places, dimensions, weights.data(), factors.data(), limits.data(), stride, wide, table.get()))
        refuse("an entry of its table is out of range: its table_scale does not fit its weights");
    std::memset(const_cast<std::byte *>(row(rows)), 0, row_bytes());
    if (!pairs) return;

    const Tensor &match = reader.get("match", "I8", 2);
    if (match.shape[0] != 2 || match.shape[1] != dimensions) refuse("tensor match has not two rows of the embedding's dimensions");
    std::vector<std::byte> added(2 * row_bytes());
    if (!fold_table(reinterpret_cast<const int8_t *>(reader.bytes(match).data()), {0, 1}, dimensions, weights.data(), factors.data(),
                    limits.data(), stride, wide, added.data()))
        refuse("an entry of its rows for matched words is out of range: its table_scale does not fit its weights");
    flags.assign(4 * stride, 0);
    for (size_t c = 0; c < stride; ++c) {
        const auto entry = [&](size_t row) {
            const std::byte *from = added.data() + row * row_bytes();
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
