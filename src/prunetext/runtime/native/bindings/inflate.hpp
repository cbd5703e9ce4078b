// Streams of zlib, which Python inflates.
#pragma once
#include <nanobind/nanobind.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace prunetext {

// By Python's own zlib, which is faster than file/inflate.hpp. The output is cut off one byte after the stated size.
inline std::string inflate_by_python(std::string_view stream, size_t size, const std::string &what) {
    const nanobind::gil_scoped_acquire gil;
    const std::string broken = what + " is not a zlib stream of the size stated";
    try {
        const nanobind::object inflater = nanobind::module_::import_("zlib").attr("decompressobj")();
        const nanobind::object out =
            inflater.attr("decompress")(nanobind::bytes(stream.data(), stream.size()), size + 1);
        const auto bytes = nanobind::cast<nanobind::bytes>(out);
        if (bytes.size() != size || !nanobind::cast<bool>(inflater.attr("eof")) ||
            nanobind::cast<nanobind::bytes>(inflater.attr("unused_data")).size() != 0)
            throw std::invalid_argument(broken);
        return {bytes.c_str(), bytes.size()};
    } catch (nanobind::python_error &error) {
        if (error.matches(PyExc_MemoryError)) throw;
        throw std::invalid_argument(broken);
    }
}

}  // namespace prunetext
