// The tensors of a packed file, each asked for once, with the shape and the numbers that it must have.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "file/coding.hpp"
#include "file/file.hpp"
#include "model/model.hpp"
#include "model/words.hpp"
#include "refuse.hpp"

namespace prunetext {

// What loading takes, in nanoseconds or in bytes, roughly. `format.py` counts alike, and pads a file that would be
// refused.
constexpr uint64_t work_of_word = 256, work_of_inflated = 2, work_of_units = 16, products_of_work = 8;

// Some ten times what sound files of a size take; large ones may be of many dimensions and filters.
constexpr uint64_t work_of_size(uint64_t size) {
    return (uint64_t{1} << 19) + size * std::min<uint64_t>(2048, 384 + size / 256);
}

struct Model::Reader {
    const File &file;
    const Inflate &inflate;
    const Codings codings = file.header.find("coding") ? parse_codings(file.header.value("coding")) : Codings{};
    mutable size_t used = 0, coded = 0;
    mutable uint64_t spent = 0;

    // Count work before it is done.
    void spend(uint64_t work) const {
        spent += work;
        if (spent > work_of_size(file.bytes.size()))
            refuse("it would take far more time or memory to load than a model of its size");
    }

    const Tensor *find(const std::string &name) const {
        for (const Tensor &tensor : file.header.tensors)
            if (tensor.name == name) return &tensor;
        return nullptr;
    }

    const Tensor &get(const std::string &name, const char *dtype, size_t axes) const {
        const Tensor *tensor = find(name);
        if (!tensor) refuse("tensor " + name + " is missing");
        if (tensor->dtype != dtype || tensor->shape.size() != axes)
            refuse("tensor " + name + " has the wrong dtype or number of axes");
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
        if (!std::equal(shape.begin(), shape.end(), tensor.shape.begin()))
            refuse("tensor " + name + " has the wrong shape");
        const std::string_view data = bytes(tensor);
        std::vector<float> values(data.size() / 4);
        for (size_t i = 0; i < values.size(); ++i) {
            values[i] = std::bit_cast<float>(
                little_endian<uint32_t>(reinterpret_cast<const unsigned char *>(data.data()) + 4 * i));
            if (!std::isfinite(values[i])) refuse("tensor " + name + " holds a number that is not finite");
        }
        return values;
    }

    // How many words a list of this name has, by its entry in the header.
    WordCount count_words(const char *name) const {
        return parse_count(file.header.value(name), (std::string("its ") + name + " entry").c_str());
    }

    WordList words(const char *name, const WordCount &count) const {
        const std::string what = std::string("its ") + name;
        if (count.bytes < 3 * count.words) refuse(what + " has more words than its bytes can hold");
        spend(work_of_word * count.words + work_of_inflated * count.bytes);
        const std::string data = inflate(bytes(get(name, "U8", 1)), static_cast<size_t>(count.bytes), what);
        return WordList(data, static_cast<size_t>(count.words), what);
    }

    std::vector<double> scales(const std::string &name, size_t count) const {
        const std::vector<float> values = floats(name, {count});
        for (float value : values)
            if (!(value > 0)) refuse("tensor " + name + " holds a scale that is not positive");
        return {values.begin(), values.end()};
    }
};

}  // namespace prunetext
