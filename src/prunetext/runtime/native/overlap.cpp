// Flags of a pair's tokens: by masks if one of the texts is short, else by numbers.
#include "overlap.hpp"

#include <utility>

#include "kernel/dispatch.hpp"
#include "refuse.hpp"

namespace prunetext {

namespace {

// Places of a key among at most 64, as bits.
PRUNETEXT_INLINE uint64_t places_of(uint64_t key, const uint64_t *keys, size_t count) {
    uint64_t places = 0;
    for (size_t i = 0; i < count; ++i) places |= uint64_t(keys[i] == key) << i;
    return places;
}

PRUNETEXT_CLONES
void flag_by_masks(const Tokens &one, const Tokens &other) {
    uint64_t before = 0, found = 0, paired = 0;  // places in the other text
    for (size_t i = 0; i < one.count; ++i) {
        const uint64_t here = places_of(one.keys[i], other.keys, other.count);
        const uint64_t both = before << 1 & here;  // where it follows the token that it follows here
        one.flags[i] = uint8_t((here ? matched : 0) | (both ? beside : 0));
        if (both) one.flags[i - 1] |= beside;
        found |= here;
        paired |= both | both >> 1;
        before = here;
    }
    for (size_t j = 0; j < other.count; ++j) other.flags[j] = uint8_t((found >> j & 1) | (paired >> j & 1) << 1);
}

}  // namespace

void Overlap::flag(Tokens one, Tokens other) {
    if (one.count < other.count) std::swap(one, other);
    if (other.count <= 64) flag_by_masks(one, other);
    else flag_by_numbers(one, other);
}

// Flags of tokens from the numbers of those that occur in both; then the same with two tokens in a row.
void Overlap::flag_by_numbers(const Tokens &one, const Tokens &other) {
    if (one.count >= Numbering::none)
        end_call(std::length_error("a text of a pair has more than 4,294,967,294 tokens"));
    numbering_.clear();
    ones_.resize(one.count);
    others_.resize(other.count);
    for (size_t i = 0; i < other.count; ++i) others_[i] = numbering_.add(other.keys[i]);
    seen_.assign(numbering_.size(), 0);
    for (size_t i = 0; i < one.count; ++i) {
        ones_[i] = numbering_.find(one.keys[i]);
        one.flags[i] = ones_[i] == Numbering::none ? 0 : matched;
        if (one.flags[i]) seen_[ones_[i]] = matched;
    }
    for (size_t i = 0; i < other.count; ++i) other.flags[i] = seen_[others_[i]];

    numbering_.clear();
    const auto two = [](const std::vector<uint32_t> &numbers, size_t i) {
        return (uint64_t{numbers[i]} << 32 | numbers[i + 1]) + 1;
    };
    for (size_t i = 0; i + 1 < other.count; ++i)
        if (other.flags[i] & other.flags[i + 1] & matched) numbering_.add(two(others_, i));
    seen_.assign(numbering_.size(), 0);
    for (size_t i = 0; i + 1 < one.count; ++i) {
        if (!(one.flags[i] & one.flags[i + 1] & matched)) continue;
        const uint32_t number = numbering_.find(two(ones_, i));
        if (number == Numbering::none) continue;
        seen_[number] = 1;
        one.flags[i] |= beside;
        one.flags[i + 1] |= beside;
    }
    for (size_t i = 0; i + 1 < other.count; ++i) {
        if (!(other.flags[i] & other.flags[i + 1] & matched) || !seen_[numbering_.find(two(others_, i))]) continue;
        other.flags[i] |= beside;
        other.flags[i + 1] |= beside;
    }
}

}  // namespace prunetext
