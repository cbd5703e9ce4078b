// The inflater, given any bytes: it refuses them, or gives the bytes whose checksum the stream ends with. The first two
// bytes say how many that are.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "file/inflate.hpp"
#include "file/number.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    const size_t stated = data[0] | size_t{data[1]} << 8;
    const std::string_view stream(reinterpret_cast<const char *>(data) + 2, size - 2);
    prunetext::parse_number(stream);
    try {
        if (prunetext::inflate(stream, stated, "it").size() != stated) std::abort();
    } catch (const std::invalid_argument &) {  // refused
    }
    return 0;
}
