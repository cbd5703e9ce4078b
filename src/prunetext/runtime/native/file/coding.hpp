// Coded tensors of units: fewer bytes in the file, and the same int8 matrix in memory as that of a plain tensor.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace prunetext {

enum class Zeros { as_codes, bitmap, gaps };

// The metadata of one coded tensor; every number is within its bounds.
struct Coding {
    std::vector<uint64_t> shape;              // of the units
    size_t rows = 0, columns = 0, bytes = 0;  // bytes of the inflated payload; 0 when it is not deflated
    unsigned bits = 8;                        // of a code; 0 when each row has its own
    int m2 = 0, m4 = 0;
    Zeros zeros = Zeros::as_codes;
};

using Codings = std::map<std::string, Coding, std::less<>>;

// Read the metadata's entry "coding". Throws std::invalid_argument with the reason, as does decode_units.
Codings parse_codings(const std::string &text);

// The units of a coded tensor, row by row, each an int8_t; `payload` is inflated.
std::string decode_units(const std::string &name, const Coding &coding, std::string_view payload);

}  // namespace prunetext
