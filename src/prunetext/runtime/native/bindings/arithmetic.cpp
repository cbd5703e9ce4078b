// What the runtime has of its own where C libraries differ or are missing: for the tests, which compare it with
// Python's.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <cmath>
#include <string>

#include "file/inflate.hpp"
#include "file/number.hpp"
#include "kernel/exponential.hpp"

namespace nb = nanobind;

void bind_arithmetic(nb::module_ &module) {
    using namespace prunetext;
    module.def("exponential", &exponential, nb::arg("x"), "e to the power of x, as all probabilities have it.");
    module.def(
        "inflate",
        [](const nb::bytes &stream, size_t size) {
            const std::string found = inflate({stream.c_str(), stream.size()}, size, "it");
            return nb::bytes(found.data(), found.size());
        },
        nb::arg("stream"), nb::arg("size"), "What a zlib stream of so many inflated bytes stands for, or ValueError.");
    module.def(
        "parse_number", [](const std::string &text) { return parse_number(text).value_or(NAN); }, nb::arg("text"),
        "The float nearest to a decimal number, or NaN if the text is none.");
}
