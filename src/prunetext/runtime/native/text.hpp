// A text as the caller holds it: a Python string's own code units, borrowed while a reference to it is kept.
#pragma once
#include <cstddef>
#include <cstdint>

namespace prunetext {

struct Text {
    const void *units;  // unit = 1: Latin-1 (or ASCII), 2: UCS-2, 4: UCS-4, as in PyUnicode_KIND
    size_t length;      // in code units, which are code points
    int unit;           // 1, 2 or 4
    bool ascii;         // every unit is below 128
};

}  // namespace prunetext
