// Two words in a row that have weights of their own.
//
//     Bigrams bigrams({"not good"}, vocabulary.hash().factor);
//     bigrams.find(bigrams.hash_of("not", "good"), "not", "good");    // 0
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/vocabulary.hpp"

namespace prunetext {

class Bigrams {
  public:
    static constexpr uint32_t none = UINT32_MAX;
    static constexpr size_t most_distance = 2;

    Bigrams() = default;

    // Copies the bigrams, which differ, each of two words with a space between them. `factor` is that of the keys.
    Bigrams(const std::vector<std::string_view> &bigrams, uint64_t factor) : factor_(factor) {
        slots_.assign(std::bit_ceil(2 * bigrams.size() + 1), Slot{});
        shift_ = 64 - std::countr_zero(slots_.size());
        seen_.assign(std::bit_ceil(bigrams.size() / 2 + 1), 0);  // one bit in 32 at most: so few are looked for in vain
        for (size_t i = 0; i < bigrams.size(); ++i) {
            const size_t space = space_of(bigrams[i]);
            const std::string_view one = bigrams[i].substr(0, space), other = bigrams[i].substr(space + 1);
            longest_ = std::max({longest_, one.size(), other.size()});
            const uint64_t hash = hash_of(one, other);
            seen_[hash & (seen_.size() - 1)] |= bit_of(hash);
            size_t at = first_slot(hash);
            while (slots_[at].hash) at = (at + 1) & (slots_.size() - 1);
            slots_[at] = {hash, static_cast<uint32_t>(i)};
            ends_.push_back(words_.append(bigrams[i]).size());
        }
    }

    size_t size() const { return ends_.size(); }
    bool empty() const { return ends_.empty(); }
    std::string_view operator[](size_t number) const {
        const size_t begin = number ? ends_[number - 1] : 0;
        return std::string_view(words_).substr(begin, ends_[number] - begin);
    }
    size_t longest() const { return longest_; }  // bytes of the longest word

    // Where the space stands of two words; npos in anything else.
    static size_t space_of(std::string_view bigram) {
        const size_t space = bigram.find(' ');
        const bool two = space != std::string_view::npos && space > 0 && space + 1 < bigram.size();
        return two && bigram.find(' ', space + 1) == std::string_view::npos ? space : std::string_view::npos;
    }

    uint64_t hash_of(std::string_view one, std::string_view other) const { return hash_of(key_of(one), key_of(other)); }

    // Of two tokens' keys, as a lookup in the vocabulary makes them.
    static uint64_t hash_of(uint64_t one, uint64_t other) {
        // Neither factor is known, nor which bits of the product tell where to look: nobody can make bigrams that
        // collide.
        const uint64_t first = detail::process_factor, second = first * detail::kFactor;
        return detail::multiply(detail::fold_product(one ^ first, other ^ second), first) | 1;
    }

    // Whether two words may be a bigram: most that are none are told by this alone.
    bool may_have(uint64_t hash) const { return seen_[hash & (seen_.size() - 1)] & bit_of(hash); }

    // The number of a bigram, or `none`.
    uint32_t find(uint64_t hash, std::string_view one, std::string_view other) const {
        for (size_t at = first_slot(hash); slots_[at].hash; at = (at + 1) & (slots_.size() - 1))
            if (slots_[at].hash == hash && is(slots_[at].number, one, other)) return slots_[at].number;
        return none;
    }

    size_t distance = 1;          // tokens from its first word to its second one
    std::vector<int8_t> weights;  // [bigram][column]
    size_t columns = 0;           // one for each class or, of two classes that exclude each other, a single one
    double scale = 0;             // what one unit of a weight stands for

  private:
    struct Slot {
        uint64_t hash = 0;  // that of no bigram
        uint32_t number = 0;
    };

    uint64_t key_of(std::string_view word) const {
        return word.size() <= 8 ? detail::prefix_of(word.data(), word.size())
                                : detail::long_key(word.data(), word.size(), factor_);
    }
    size_t first_slot(uint64_t hash) const { return hash * detail::process_factor >> shift_; }
    static uint64_t bit_of(uint64_t hash) { return uint64_t{1} << (hash >> 26 & 63); }

    bool is(uint32_t number, std::string_view one, std::string_view other) const {
        const std::string_view both = (*this)[number];
        return both.size() == one.size() + 1 + other.size() && both.starts_with(one) && both[one.size()] == ' ' &&
               both.ends_with(other);
    }

    std::string words_;           // all bigrams, one after another,
    std::vector<size_t> ends_;    // and where each of them ends
    std::vector<Slot> slots_;     // a power of two
    std::vector<uint64_t> seen_;  // a power of two: bits of hashes that are there
    uint64_t factor_ = 0;
    size_t longest_ = 0;
    int shift_ = 0;
};

}  // namespace prunetext
