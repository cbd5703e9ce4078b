// Which tokens of two texts occur in the other one, and which do so beside the same neighbour.
//
//     Matcher matcher;
//     matcher.flag({a, n, of_a}, {b, m, of_b});    // keys of "a big dog", "the big dog" → 0 3 3, 0 3 3
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "vocabulary.hpp"

namespace prunetext {

constexpr uint8_t matched = 1;  // the token occurs in the other text,
constexpr uint8_t beside = 2;   // and there has the same token next after it, or before it, as here

// A text's tokens: a key for each, which equal tokens have in common, and room for its flags.
struct Tokens {
    const uint64_t *keys;
    size_t count;
    uint8_t *flags;
};

// Of a token as `tokenize` emits it, behind which at least 8 bytes are readable: itself, or a hash of more than 8 bytes.
inline uint64_t key_of_token(const char *token, size_t length) {
    constexpr Vocabulary::Hash hash{nullptr, detail::kFactor, 0};
    return length <= 8 ? hash.short_key(token, length) : hash.long_key(token, length);
}

// Places of a key among at most 64, as bits.
struct PlainMask {
    uint64_t operator()(const uint64_t *keys, size_t count, uint64_t key) const {
        uint64_t places = 0;
        for (size_t i = 0; i < count; ++i) places |= uint64_t(keys[i] == key) << i;
        return places;
    }
};

// Numbers different keys from 0 on. The factor differs from process to process, so that no text can be made whose keys collide;
// no number depends on it.
class Numbering {
  public:
    static constexpr uint32_t none = UINT32_MAX;

    void clear() {
        size_ = 0;
        resize(256);
    }
    size_t size() const { return size_; }

    uint32_t add(uint64_t key) {
        Slot &slot = slots_[place(key)];
        if (slot.key) return slot.number;
        const auto number = uint32_t(size_++);
        slot = {key, number};
        if (2 * size_ > slots_.size()) {
            const std::vector<Slot> before = std::move(slots_);
            resize(2 * before.size());
            for (const Slot &old : before)
                if (old.key) slots_[place(old.key)] = old;
        }
        return number;
    }

    uint32_t find(uint64_t key) const {
        const Slot &slot = slots_[place(key)];
        return slot.key ? slot.number : none;
    }

  private:
    struct Slot {
        uint64_t key = 0;  // which no token has
        uint32_t number = 0;
    };

    void resize(size_t slots) {
        slots_.assign(slots, Slot{});
        shift_ = 64 - std::countr_zero(slots);
    }

    // The slot of a key, or the empty one where it would be.
    size_t place(uint64_t key) const {
        static const uint64_t factor = [] {
            std::random_device random;
            return uint64_t{random()} << 32 | random() | 1;
        }();
        size_t at = detail::multiply(key, factor) * factor >> shift_;
        while (slots_[at].key && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
        return at;
    }

    std::vector<Slot> slots_;
    size_t size_ = 0;
    int shift_ = 0;
};

class Matcher {
  public:
    // Fill the flags of both texts; the time grows with their lengths' sum.
    template <class Mask = PlainMask> void flag(Tokens one, Tokens other, Mask mask = {}) {
        if (one.count < other.count) std::swap(one, other);
        if (other.count <= 64) flag_by_masks(one, other, mask);
        else flag_by_numbers(one, other);
    }

  private:
    template <class Mask> static void flag_by_masks(Tokens one, Tokens other, Mask mask) {
        uint64_t before = 0, found = 0, paired = 0;  // places in the other text
        for (size_t i = 0; i < one.count; ++i) {
            const uint64_t here = mask(other.keys, other.count, one.keys[i]);
            const uint64_t both = before << 1 & here;  // where it follows the token that it follows here
            one.flags[i] = uint8_t((here ? matched : 0) | (both ? beside : 0));
            if (both) one.flags[i - 1] |= beside;
            found |= here;
            paired |= both | both >> 1;
            before = here;
        }
        for (size_t j = 0; j < other.count; ++j) other.flags[j] = uint8_t((found >> j & 1) | (paired >> j & 1) << 1);
    }

    // Flags of tokens from the numbers of those that occur in both; then the same with two tokens in a row.
    void flag_by_numbers(Tokens one, Tokens other) {
        if (one.count >= Numbering::none) throw std::length_error("a text of a pair has more than 4,294,967,294 tokens");
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
        const auto two = [](const std::vector<uint32_t> &numbers, size_t i) { return (uint64_t{numbers[i]} << 32 | numbers[i + 1]) + 1; };
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

    Numbering numbering_;
    std::vector<uint32_t> ones_, others_;
    std::vector<uint8_t> seen_;
};

}  // namespace prunetext
