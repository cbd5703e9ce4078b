// Arrow string arrays as Text, zero-copy, by the Arrow C data interface: no package is needed to read another's arrays.
#pragma once
#include <nanobind/nanobind.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "text/text.hpp"

namespace prunetext {

// The structures of the interface (https://arrow.apache.org/docs/format/CDataInterface.html).
struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    ArrowSchema **children, *dictionary;
    void (*release)(ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    ArrowArray **children, *dictionary;
    void (*release)(ArrowArray *);
    void *private_data;
};
struct ArrowArrayStream {
    int (*get_schema)(ArrowArrayStream *, ArrowSchema *);
    int (*get_next)(ArrowArrayStream *, ArrowArray *);
    const char *(*get_last_error)(ArrowArrayStream *);
    void (*release)(ArrowArrayStream *);
    void *private_data;
};

namespace detail {

// Releases a structure of the interface at its end, whoever made it.
template <class Structure> struct Owned : Structure {
    Owned() { this->release = nullptr; }
    Owned(Owned &&other) noexcept : Structure(other) { other.release = nullptr; }
    Owned &operator=(Owned &&) = delete;
    ~Owned() {
        if (this->release) this->release(this);
    }
};

template <class Structure> Structure &of_capsule(nanobind::handle capsule, const char *name) {
    void *pointer = PyCapsule_GetPointer(capsule.ptr(), name);
    if (!pointer) throw nanobind::python_error();
    return *static_cast<Structure *>(pointer);
}

inline std::string_view string_at(const ArrowArray &array, char kind, int64_t i) {
    const auto entry = [&](auto number) { return static_cast<const decltype(number) *>(array.buffers[1]); };
    const auto *data = array.n_buffers > 2 ? static_cast<const char *>(array.buffers[2]) : nullptr;
    if (kind == 'u') return {data + entry(int32_t())[i], size_t(entry(int32_t())[i + 1] - entry(int32_t())[i])};
    if (kind == 'U') return {data + entry(int64_t())[i], size_t(entry(int64_t())[i + 1] - entry(int64_t())[i])};
    const auto *view =
        static_cast<const char *>(array.buffers[1]) + 16 * i;  // length, then 12 bytes; or prefix, buffer and place
    int32_t parts[4];
    std::memcpy(parts, view, 16);
    if (parts[0] <= 12) return {view + 4, size_t(parts[0])};
    return {static_cast<const char *>(array.buffers[2 + parts[2]]) + parts[3], size_t(parts[0])};
}

inline void add_strings(const ArrowSchema &schema, const ArrowArray &array, std::vector<Text> &texts) {
    const std::string_view format = schema.format;
    if ((format != "u" && format != "U" && format != "vu") || schema.dictionary) {
        const std::string rule = "texts must be an Arrow array of strings, not of type '" + std::string(format) +
                                 (schema.dictionary ? "' with a dictionary; cast it to strings" : "'");
        throw nanobind::type_error(rule.c_str());
    }
    const auto *valid =
        array.n_buffers > 0 && array.null_count != 0 ? static_cast<const uint8_t *>(array.buffers[0]) : nullptr;
    for (int64_t i = array.offset; i < array.offset + array.length; ++i) {
        if (valid && !(valid[i / 8] >> (i % 8) & 1)) {
            const std::string rule = "texts must be str, not null (item " + std::to_string(texts.size()) + ")";
            throw nanobind::type_error(rule.c_str());
        }
        const std::string_view text = string_at(array, format[0], i);
        texts.push_back({text.data(), text.size(), 0, false});
    }
}

}  // namespace detail

// The strings of an Arrow array or of a stream of arrays, borrowed from their owner while this lives.
class ArrowTexts {
  public:
    static bool is(nanobind::handle object) {
        return nanobind::hasattr(object, "__arrow_c_array__") || nanobind::hasattr(object, "__arrow_c_stream__");
    }

    ArrowTexts(nanobind::handle object, std::vector<Text> &texts) {
        if (nanobind::hasattr(object, "__arrow_c_array__")) {
            const auto pair = nanobind::cast<nanobind::tuple>(object.attr("__arrow_c_array__")());
            held_ = pair;
            const auto &array = detail::of_capsule<ArrowArray>(pair[1], "arrow_array");
            texts.reserve(size_t(array.length));
            detail::add_strings(detail::of_capsule<ArrowSchema>(pair[0], "arrow_schema"), array, texts);
            return;
        }
        held_ = object.attr("__arrow_c_stream__")();
        auto &stream = detail::of_capsule<ArrowArrayStream>(held_, "arrow_array_stream");
        detail::Owned<ArrowSchema> schema;
        if (stream.get_schema(&stream, &schema)) fail(stream);
        for (;;) {
            detail::Owned<ArrowArray> array;
            if (stream.get_next(&stream, &array)) fail(stream);
            if (!array.release) return;  // the end of the stream
            arrays_.push_back(std::move(array));
            detail::add_strings(schema, arrays_.back(), texts);
        }
    }

  private:
    [[noreturn]] static void fail(ArrowArrayStream &stream) {
        const char *reason = stream.get_last_error(&stream);
        throw nanobind::value_error(reason ? reason : "the Arrow stream failed");
    }

    nanobind::object held_;
    std::vector<detail::Owned<ArrowArray>> arrays_;
};

}  // namespace prunetext
