// Two words in a row that have weights of their own.
//
//     Bigrams bigrams({"not good"}, vocabulary.hash().factor);
//     bigrams.find("not", "good");    // 0
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

    // A word, and its key as a lookup in the vocabulary makes it.
    struct Token {
        uint64_t key;
        std::string_view word;
    };

    Bigrams() = default;

    // Copies the bigrams, which differ, each of two words with a space between them. `factor` is that of the keys.
    Bigrams(const std::vector<std::string_view> &bigrams, uint64_t factor) : factor_(factor) {
        slots_.assign(std::bit_ceil(2 * bigrams.size() + 1), Slot{});
        shift_ = 64 - std::countr_zero(slots_.size());
        seen_.assign(std::bit_ceil(bigrams.size() / 2 + 1), 0);  // one bit in 32 at most: so few are looked for in vain
        for (size_t i = 0; i < bigrams.size(); ++i) {
            const size_t space = space_of(bigrams[i]);
            const Token one = token(bigrams[i].substr(0, space)), other = token(bigrams[i].substr(space + 1));
            const size_t longest = std::max(one.word.size(), other.word.size());
            const bool compare = longest > 8 || bigrams[i].find('\0') != std::string_view::npos;  // no token has a NUL
            longest_ = std::max(longest_, longest);
            const uint64_t hash = hash_of(one.key, other.key);
            seen_[hash & (seen_.size() - 1)] |= bit_of(hash);
            size_t at = first_slot(hash);
            while (slots_[at].number != none) at = next(at);
            slots_[at] = {one.key, other.key, static_cast<uint32_t>(i), compare};
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

    // Of two tokens' keys, as a lookup in the vocabulary makes them.
    static uint64_t hash_of(uint64_t one, uint64_t other) {
        // Neither factor is known, nor which bits of the product tell where to look: nobody can make bigrams that
        // collide.
        const uint64_t first = detail::process_factor, second = first * detail::kFactor;
        return detail::multiply(detail::fold_product(one ^ first, other ^ second), first) | 1;
    }

    // Whether two words may be a bigram: most that are none are told by this alone.
    bool may_have(uint64_t hash) const { return seen_[hash & (seen_.size() - 1)] & bit_of(hash); }

    // Fetch what `find` will look at.
    void prefetch(uint64_t hash) const { __builtin_prefetch(slots_.data() + first_slot(hash)); }

    // The number of a bigram, or `none`. Keys tell tokens of at most 8 bytes.
    uint32_t find(uint64_t hash, const Token &one, const Token &other) const {
        for (size_t at = first_slot(hash); slots_[at].number != none; at = next(at)) {
            const Slot &slot = slots_[at];
            if (slot.one == one.key && slot.other == other.key &&
                (!slot.compare || is(slot.number, one.word, other.word)))
                return slot.number;
        }
        return none;
    }
    uint32_t find(std::string_view first, std::string_view second) const {
        const Token one = token(first), other = token(second);
        const uint64_t hash = hash_of(one.key, other.key);
        return may_have(hash) ? find(hash, one, other) : none;
    }

    size_t distance = 1;          // tokens from its first word to its second one
    std::vector<int8_t> weights;  // [bigram][column]
    size_t columns = 0;           // one for each class or, of two classes that exclude each other, a single one
    double scale = 0;             // what one unit of a weight stands for

  private:
    struct Slot {
        uint64_t one = 0, other = 0;  // keys
        uint32_t number = none;       // if the slot is empty
        bool compare = false;         // whether the keys do not tell the words
    };

    Token token(std::string_view word) const {
        return {word.size() <= 8 ? detail::prefix_of(word.data(), word.size())
                                 : detail::long_key(word.data(), word.size(), factor_),
                word};
    }
    size_t next(size_t slot) const { return (slot + 1) & (slots_.size() - 1); }
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
