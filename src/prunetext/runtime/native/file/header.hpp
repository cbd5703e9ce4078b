// The safetensors header of a packed file: where each tensor lies, and the metadata. Nothing in it is trusted.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "file/json.hpp"

namespace prunetext {

struct Tensor {
    std::string name, dtype;
    std::vector<uint64_t> shape;
    uint64_t begin = 0, end = 0;  // bytes after the header
};

struct Header {
    std::vector<Tensor> tensors;
    std::vector<std::pair<std::string, std::string>> metadata;
    size_t checksum_at = 0;  // where in the JSON text the digits of the checksum start

    const std::string *find(std::string_view key) const {
        for (const auto &[name, value] : metadata)
            if (name == key) return &value;
        return nullptr;
    }

    const std::string &value(const char *key) const {
        if (const std::string *found = find(key)) return *found;
        refuse(std::string("the metadata lacks \"") + key + "\"");
    }
};

constexpr size_t max_tensors = 128, max_metadata = 1000, checksum_digits = 16;

inline uint64_t element_size(const Tensor &tensor) {
    if (tensor.dtype == "F32") return 4;
    if (tensor.dtype == "I8" || tensor.dtype == "U8") return 1;
    refuse("tensor " + tensor.name + " has dtype " + tensor.dtype + "; format 1 has F32, I8 and U8");
}

// Keys must rise strictly, which also rules out one that comes twice.
inline void must_follow(const std::string &key, const std::string *previous) {
    if (previous && key <= *previous) refuse("the header's keys are not sorted, or one comes twice");
}

inline Tensor parse_tensor(JsonReader &json, const std::string &name) {
    Tensor tensor;
    tensor.name = name;
    unsigned seen = 0;
    json.object([&](const std::string &key) {
        const unsigned bit = key == "data_offsets" ? 1 : key == "dtype" ? 2 : key == "shape" ? 4 : 0;
        if (bit == 0 || (seen & bit)) json.fail("has an unknown or repeated key in the entry of a tensor");
        seen |= bit;
        if (bit == 2) {
            tensor.dtype = json.string();
            if (tensor.dtype.size() > 8) json.fail("has an unknown dtype");
            return;
        }
        std::vector<uint64_t> numbers;
        json.list([&] {
            if (numbers.size() == 4) json.fail("has a tensor of more than 4 axes");
            numbers.push_back(json.integer());
        });
        if (bit == 4) {
            tensor.shape = std::move(numbers);
        } else {
            if (numbers.size() != 2) json.fail("has data offsets that are not a pair");
            tensor.begin = numbers[0];
            tensor.end = numbers[1];
        }
    });
    if (seen != 7) json.fail("has a tensor without shape, dtype or data offsets");
    return tensor;
}

inline void parse_metadata(JsonReader &json, Header &header) {
    json.object([&](const std::string &key) {
        if (header.metadata.size() == max_metadata) json.fail("has more than 1,000 metadata entries");
        must_follow(key, header.metadata.empty() ? nullptr : &header.metadata.back().first);
        std::string value = json.string();
        // Sixteen characters without escapes: the file's bytes are hashed with these digits blanked.
        if (key == "checksum") header.checksum_at = json.position() - 1 - checksum_digits;
        header.metadata.emplace_back(key, std::move(value));
    });
}

// Tensors lie by element size descending, then by name, without holes, up to the file's last byte.
inline void check_layout(const Header &header, uint64_t data_bytes) {
    std::vector<const Tensor *> order;
    for (const Tensor &tensor : header.tensors) order.push_back(&tensor);
    std::stable_sort(order.begin(), order.end(),
                     [](const Tensor *a, const Tensor *b) { return element_size(*a) > element_size(*b); });
    uint64_t at = 0;
    for (const Tensor *tensor : order) {
        uint64_t bytes = element_size(*tensor);
        for (uint64_t length : tensor->shape)
            if (__builtin_mul_overflow(bytes, length, &bytes) || bytes > data_bytes)
                refuse("tensor " + tensor->name + " is larger than the file");
        if (tensor->begin != at || tensor->end != at + bytes)
            refuse("tensor " + tensor->name + " does not lie where format 1 puts it");
        at += bytes;
    }
    if (at != data_bytes)
        refuse("the file holds " + std::to_string(data_bytes) + " bytes of tensors where its header says " +
               std::to_string(at));
}

// Parse the header's JSON; `data_bytes` is what follows it in the file.
inline Header parse_header(std::string_view text, uint64_t data_bytes) {
    JsonReader json(text, "the header");
    Header header;
    bool metadata = false;
    json.object([&](const std::string &key) {
        if (key == "__metadata__") {
            if (metadata) json.fail("has its metadata twice");
            metadata = true;
            parse_metadata(json, header);
            return;
        }
        if (header.tensors.size() == max_tensors) json.fail("has more than 128 tensors");
        if (key.size() > 64) json.fail("has a tensor with an overlong name");
        must_follow(key, header.tensors.empty() ? nullptr : &header.tensors.back().name);
        header.tensors.push_back(parse_tensor(json, key));
    });
    json.end();
    const std::string *format = header.find("format");
    if (!format) refuse("it is not a packed prunetext model: its metadata names no format");
    if (*format != "prunetext/1") refuse("its format is not prunetext/1, the one that this version reads");
    const std::string &digits = header.value("checksum");
    if (digits.size() != checksum_digits || text.substr(header.checksum_at, checksum_digits) != digits ||
        digits.find_first_not_of("0123456789abcdef") != std::string::npos)
        refuse("its checksum is not 16 lower-case hexadecimal digits");
    check_layout(header, data_bytes);
    return header;
}

}  // namespace prunetext
