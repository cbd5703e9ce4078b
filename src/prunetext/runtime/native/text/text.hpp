// A text as the caller holds it: a Python string's own code units, or UTF-8, borrowed while a reference to it is kept.
#pragma once
#include <cstddef>
#include <cstdint>

namespace prunetext {

struct Text {
    const void *units;  // unit = 1: Latin-1 (or ASCII), 2: UCS-2, 4: UCS-4, as in PyUnicode_KIND; 0: UTF-8
    size_t length;      // in units
    int unit;           // 0, 1, 2 or 4
    bool ascii;         // every unit is known to be below 128
};

}  // namespace prunetext
