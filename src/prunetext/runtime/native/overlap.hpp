// Which tokens of two texts occur in the other one, and which do so beside the same neighbour.
//
//     Overlap overlap;
//     overlap.flag({a, n, of_a}, {b, m, of_b});    // keys of "a big dog", "the big dog" → 0 3 3, 0 3 3
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/vocabulary.hpp"

namespace prunetext {

constexpr uint8_t matched = 1;  // the token occurs in the other text,
constexpr uint8_t beside = 2;   // and there has the same token next after it, or before it, as here

// A text's tokens: a key for each, which equal tokens have in common, and room for its flags.
struct Tokens {
    const uint64_t *keys;
    size_t count;
    uint8_t *flags;
};

// The key of a token as `tokenize` emits it, with at least 8 readable bytes behind it: its own bytes, or a hash if they
// are more than 8.
inline uint64_t key_of_token(const char *token, size_t length) {
    const Vocabulary::Hash hash{nullptr, detail::process_factor, 0};
    return length <= 8 ? hash.short_key(token, length) : hash.long_key(token, length);
}

// Numbers different keys from 0 on.
class Numbering {
  public:
    static constexpr uint32_t none = UINT32_MAX;

    // expected: for so many keys it will not grow.
    void clear(size_t expected = 128) {
        size_ = 0;
        resize(std::bit_ceil(std::max<size_t>(2 * expected, 256)));
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
        const uint64_t factor = detail::process_factor;
        size_t at = detail::multiply(key, factor) * factor >> shift_;
        while (slots_[at].key && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
        return at;
    }

    std::vector<Slot> slots_;
    size_t size_ = 0;
    int shift_ = 0;
};

class Overlap {
  public:
    // Fill the flags of both texts; the time grows with the lengths' sum.
    void flag(Tokens one, Tokens other);

  private:
    void flag_by_numbers(const Tokens &one, const Tokens &other);

    Numbering numbering_;
    std::vector<uint32_t> ones_, others_;
    std::vector<uint8_t> seen_;
};

}  // namespace prunetext
