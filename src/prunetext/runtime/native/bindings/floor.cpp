// The least work of labelling a text: walk over it once, split it, hash its words. Only `prunetext bench` calls this.
#include <nanobind/nanobind.h>

#include <atomic>
#include <bit>
#include <cstring>

#include "bindings/asking.hpp"
#include "bindings/python_text.hpp"
#include "kernel/dispatch.hpp"
#include "kernel/parallel.hpp"
#include "text/tokenizer.hpp"

namespace nb = nanobind;

namespace {

using namespace prunetext;

constexpr uint64_t factor = 0x9E3779B97F4A7C15u;

// One multiplication for each 8 bytes. Nothing is read at `limit` or behind it.
PRUNETEXT_INLINE uint64_t hash_of(const char *word, size_t size, const char *limit) {
    uint64_t hash = size, part;
    for (; size > 8; word += 8, size -= 8) {
        std::memcpy(&part, word, 8);
        hash = std::rotl((hash ^ part) * factor, 32);
    }
    if (word + 8 <= limit) [[likely]] {
        std::memcpy(&part, word, 8);
        part &= ~uint64_t{0} >> (64 - 8 * size);
    } else {
        part = 0;
        std::memcpy(&part, word, size);
    }
    hash = (hash ^ part) * factor;
    return hash ^ hash >> 32;
}

// The sum of the hashes of all words: runs of units above the space. 64 units make a mask, whose bits are then walked
// over.
template <class Unit> PRUNETEXT_INLINE uint64_t sum_of_words(const Unit *text, size_t length) {
    const char *const limit = reinterpret_cast<const char *>(text + length);
    const auto hash = [&](size_t begin, size_t end) __attribute__((always_inline)) {
        return hash_of(reinterpret_cast<const char *>(text + begin), (end - begin) * sizeof(Unit), limit);
    };
    uint64_t sum = 0, before = 0;
    size_t begin = 0;
    for (size_t at = 0; at < length; at += 64) {
        const Unit *block = text + at;
        Unit rest[64];
        if (at + 64 > length) {
            std::fill_n(rest, 64, Unit{' '});
            std::memcpy(rest, block, (length - at) * sizeof(Unit));
            block = rest;
        }
        uint8_t word[64];
        for (int i = 0; i < 64; ++i) word[i] = block[i] > ' ';
        uint64_t words = 0;
        for (int i = 0; i < 64; i += 8) words |= uint64_t{detail::pack_bits(word + i)} << i;
        uint64_t begins = words & ~(words << 1 | before), ends = ~words & (words << 1 | before);
        for (bool open = before; ends; ends &= ends - 1, open = false) {
            if (!open) {
                begin = at + static_cast<size_t>(std::countr_zero(begins));
                begins &= begins - 1;
            }
            sum += hash(begin, at + static_cast<size_t>(std::countr_zero(ends)));
        }
        if (begins) begin = at + static_cast<size_t>(std::countr_zero(begins));
        before = words >> 63;
    }
    return before ? sum + hash(begin, length) : sum;
}

PRUNETEXT_CLONES uint64_t sum_of_text(const Text &text) {
    if (text.unit == 4) return sum_of_words(static_cast<const uint32_t *>(text.units), text.length);
    if (text.unit == 2) return sum_of_words(static_cast<const uint16_t *>(text.units), text.length);
    return sum_of_words(static_cast<const uint8_t *>(text.units), text.length);
}

uint64_t split_and_hash(nb::handle list, int threads) {
    if (threads < 1) throw nb::value_error("threads must be at least 1");
    const HeldTexts held(list);
    std::atomic<uint64_t> sum{0};
    const nb::gil_scoped_release released;
    for_each_text(held.texts(), threads, ask_python, [&](Workspace &, size_t first, size_t count) {
        uint64_t part = 0;
        for (size_t i = first; i < first + count; ++i) part += sum_of_text(held.texts()[i]);
        sum += part;
    });
    return sum;
}

}  // namespace

void bind_floor(nb::module_ &module) {
    module.def("split_and_hash", &split_and_hash, nb::arg("texts").none(), nb::arg("threads") = 1,
               nb::sig("def split_and_hash(texts: object, threads: int = 1) -> int"),
               "The sum of the hashes of all words, which are parted by white space and control characters.");
}
