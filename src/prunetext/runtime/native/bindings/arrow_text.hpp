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
    Owned() : Structure() {}
    explicit Owned(Structure &&other) : Structure(other) {}
    Owned(Owned &&other) noexcept : Structure(other) { other.release = nullptr; }
    Owned &operator=(Owned &&) = delete;
    ~Owned() {
        if (this->release) this->release(this);
    }
};

[[noreturn]] inline void refuse_arrow(const std::string &rule) { throw nanobind::type_error(rule.c_str()); }

// A structure that nobody has consumed: who does sets its `release` to null.
template <class Structure> Structure &of_capsule(nanobind::handle capsule, const char *name) {
    void *pointer = PyCapsule_CheckExact(capsule.ptr()) ? PyCapsule_GetPointer(capsule.ptr(), name) : nullptr;
    if (!pointer) {
        PyErr_Clear();
        refuse_arrow(std::string("texts must give a capsule named ") + name);
    }
    auto &structure = *static_cast<Structure *>(pointer);
    if (!structure.release) refuse_arrow(std::string("texts were consumed before: their ") + name + " is released");
    return structure;
}

// Take a structure over, as the interface wants it: nobody else can release it while it is read.
template <class Structure> Owned<Structure> moved(nanobind::handle capsule, const char *name) {
    auto &structure = of_capsule<Structure>(capsule, name);
    Owned<Structure> own(std::move(structure));
    structure.release = nullptr;
    return own;
}

// What the interface says of every array of strings, as far as it can be seen; buffers do not say how long they are.
inline void check_array(const ArrowArray &array, char kind) {
    const auto fail = [](const char *what) { refuse_arrow(std::string("texts are no sound Arrow array: ") + what); };
    constexpr int64_t most = int64_t{1} << 48;
    if (array.length < 0 || array.offset < 0 || array.length > most || array.offset > most)
        fail("a length or an offset is impossible");
    if (array.n_buffers < (kind == 'v' ? 2 : 3) || array.n_buffers > most || !array.buffers)
        fail("buffers are missing");
    if (array.n_children != 0) fail("it has children");
    if (array.length == 0) return;
    if (!array.buffers[1]) fail("its offsets are missing");
    if (array.null_count > 0 && !array.buffers[0]) fail("it has nulls, but not which");
}

inline std::string_view slice_at(const ArrowArray &array, int64_t begin, int64_t end) {
    if (begin < 0 || end < begin) refuse_arrow("texts are no sound Arrow array: an offset lies before another");
    const auto *data = static_cast<const char *>(array.buffers[2]);
    if (begin == end) return "";
    if (!data) refuse_arrow("texts are no sound Arrow array: their characters are missing");
    return {data + begin, size_t(end - begin)};
}

inline std::string_view string_at(const ArrowArray &array, char kind, int64_t i) {
    const auto entry = [&](auto number) { return static_cast<const decltype(number) *>(array.buffers[1]); };
    if (kind == 'u') return slice_at(array, entry(int32_t())[i], entry(int32_t())[i + 1]);
    if (kind == 'U') return slice_at(array, entry(int64_t())[i], entry(int64_t())[i + 1]);
    const auto *view =
        static_cast<const char *>(array.buffers[1]) + 16 * i;  // length, then 12 bytes; or prefix, buffer and place
    int32_t parts[4];
    std::memcpy(parts, view, 16);
    if (parts[0] < 0) refuse_arrow("texts are no sound Arrow array: a length is negative");
    if (parts[0] <= 12) return {view + 4, size_t(parts[0])};
    // Behind the buffers of characters there is one with their sizes.
    const int64_t count = array.n_buffers - 3;
    const auto *sizes = count > 0 ? static_cast<const int64_t *>(array.buffers[array.n_buffers - 1]) : nullptr;
    if (parts[2] < 0 || parts[2] >= count || !sizes || !array.buffers[2 + parts[2]] || parts[3] < 0 ||
        int64_t{parts[3]} + parts[0] > sizes[parts[2]])
        refuse_arrow("texts are no sound Arrow array: a text lies outside of its buffer");
    return {static_cast<const char *>(array.buffers[2 + parts[2]]) + parts[3], size_t(parts[0])};
}

inline void add_strings(const ArrowSchema &schema, const ArrowArray &array, std::vector<Text> &texts) {
    const std::string_view format = schema.format ? schema.format : "";
    if ((format != "u" && format != "U" && format != "vu") || schema.dictionary) {
        const std::string rule = "texts must be an Arrow array of strings, not of type '" + std::string(format) +
                                 (schema.dictionary ? "' with a dictionary; cast it to strings" : "'");
        throw nanobind::type_error(rule.c_str());
    }
    check_array(array, format[0]);
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
            held_ = object.attr("__arrow_c_array__")();
            if (!PyTuple_Check(held_.ptr()) || PyTuple_GET_SIZE(held_.ptr()) != 2)
                detail::refuse_arrow("texts must give a tuple of two capsules as __arrow_c_array__");
            const nanobind::handle of_schema = PyTuple_GET_ITEM(held_.ptr(), 0);
            const auto &schema = detail::of_capsule<ArrowSchema>(of_schema, "arrow_schema");
            arrays_.push_back(detail::moved<ArrowArray>(PyTuple_GET_ITEM(held_.ptr(), 1), "arrow_array"));
            detail::add_strings(schema, arrays_.back(), texts);
            return;
        }
        held_ = object.attr("__arrow_c_stream__")();
        auto stream = detail::moved<ArrowArrayStream>(held_, "arrow_array_stream");
        if (!stream.get_schema || !stream.get_next) detail::refuse_arrow("texts give a stream without functions");
        detail::Owned<ArrowSchema> schema;
        if (stream.get_schema(&stream, &schema)) fail(stream);
        if (!schema.release) detail::refuse_arrow("texts give a stream without a schema");
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
        const char *reason = stream.get_last_error ? stream.get_last_error(&stream) : nullptr;
        throw nanobind::type_error(reason ? reason : "the Arrow stream failed");
    }

    nanobind::object held_;
    std::vector<detail::Owned<ArrowArray>> arrays_;
};

}  // namespace prunetext
