// Exact word → index lookup, and counting of words, over UTF-8 bytes.
//
//     Vocabulary vocabulary({"film", "great"});
//     vocabulary.find("great", 5);    // 1
//     vocabulary.find("dull", 4);     // -1
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace prunetext {

namespace detail {

inline uint64_t load_word(const char *bytes) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    return word;
}

// The first 8 bytes of a word, zeros after its end: for most words an exact fingerprint.
inline uint64_t prefix_of(const char *word, size_t length) {
    if (length >= 8) return load_word(word);
    uint64_t prefix = 0;
    std::memcpy(&prefix, word, length);
    return prefix;
}

inline uint64_t multiply(uint64_t value, uint64_t factor) {
    value *= factor;
    return value ^ value >> 32;
}

inline uint64_t hash_word(uint64_t prefix, const char *word, size_t length, uint64_t factor) {
    uint64_t hash = prefix ^ length << 56;
    if (length > 8) {
        for (size_t at = 8; at + 8 < length; at += 8) hash = multiply(hash, factor) ^ load_word(word + at);
        hash = multiply(hash, factor) ^ load_word(word + length - 8);
    }
    return multiply(hash, factor) * factor;  // its high bits depend on all bytes
}

inline constexpr uint64_t kFactor = 0x9E3779B97F4A7C15u;  // 2^64 divided by the golden ratio

}  // namespace detail

class Vocabulary {
  public:
    // Copies the words. Throws std::invalid_argument for an empty word, a duplicate, or too many bytes.
    explicit Vocabulary(const std::vector<std::string_view> &words) {
        size_t bytes = 0;
        for (const std::string_view word : words) bytes += word.size();
        if (words.size() >= (size_t(1) << 30) || bytes >= (uint64_t(1) << 32))
            throw std::invalid_argument("a vocabulary holds fewer than 2^30 words and 2^32 bytes");
        arena_.reserve(bytes);
        offsets_.reserve(words.size() + 1);
        offsets_.push_back(0);
        for (const std::string_view word : words) {
            arena_.append(word);
            offsets_.push_back(uint32_t(arena_.size()));
        }
        shift_ = 64 - std::bit_width(std::max<size_t>(2 * words.size(), 2) - 1);
        // Words chosen to collide would make lookup slow: then another factor is tried. No text needs a second one.
        for (int attempt = 0; attempt < 8; ++attempt, factor_ = detail::multiply(factor_, detail::kFactor) | 1)
            if (fill()) return;
        throw std::invalid_argument("the words of this vocabulary collide in every hash function");
    }

    // The index of a word, or -1.
    int32_t find(const char *word, size_t length) const { return find(detail::prefix_of(word, length), word, length); }

    // The same for a token as `tokenize` emits it, behind which at least 8 bytes are readable: no branch on its length.
    int32_t find_token(const char *token, size_t length) const {
        const int unused = 8 * (8 - int(std::min<size_t>(length, 8)));
        return find(detail::load_word(token) & (~uint64_t(0) >> unused), token, length);
    }

    size_t size() const { return offsets_.size() - 1; }

    std::string_view operator[](size_t index) const {
        return {arena_.data() + offsets_[index], offsets_[index + 1] - offsets_[index]};
    }

  private:
    struct Slot {
        uint64_t prefix;
        uint32_t length;
        int32_t index;  // -1: empty
    };
    static constexpr int kLongestChain = 256;

    int32_t find(uint64_t prefix, const char *word, size_t length) const {
        const size_t mask = slots_.size() - 1;
        for (size_t at = detail::hash_word(prefix, word, length, factor_) >> shift_;; at = (at + 1) & mask) {
            const Slot &slot = slots_[at];
            if (slot.prefix == prefix && slot.length == length && slot.index >= 0 && same_rest(slot, word, length))
                return slot.index;
            if (slot.index < 0) return -1;
        }
    }

    bool same_rest(const Slot &slot, const char *word, size_t length) const {
        return length <= 8 || std::memcmp(arena_.data() + offsets_[slot.index] + 8, word + 8, length - 8) == 0;
    }

    bool fill() {
        slots_.assign(size_t(1) << (64 - shift_), Slot{0, 0, -1});
        for (size_t index = 0; index < size(); ++index) {
            const std::string_view word = (*this)[index];
            if (word.empty()) throw std::invalid_argument("word " + std::to_string(index) + " is empty");
            const uint64_t prefix = detail::prefix_of(word.data(), word.size());
            size_t at = detail::hash_word(prefix, word.data(), word.size(), factor_) >> shift_;
            for (int chain = 0; slots_[at].index >= 0; ++chain, at = (at + 1) & (slots_.size() - 1)) {
                const Slot &slot = slots_[at];
                if (slot.prefix == prefix && slot.length == word.size() && same_rest(slot, word.data(), word.size()))
                    throw std::invalid_argument("word " + std::to_string(index) + " ('" + std::string(word) +
                                                "') is word " + std::to_string(slot.index) + " again");
                if (chain == kLongestChain) return false;
            }
            slots_[at] = Slot{prefix, uint32_t(word.size()), int32_t(index)};
        }
        return true;
    }

    std::string arena_;
    std::vector<uint32_t> offsets_;  // (words + 1)
    std::vector<Slot> slots_;        // a power of two, at least twice as many as words
    uint64_t factor_ = detail::kFactor;
    int shift_ = 0;
};

// Counts words in the order in which they first occur.
class WordCounter {
  public:
    void add(const char *word, size_t length) {
        const auto [entry, added] = counts_.try_emplace(std::string(word, length), 0);
        if (added) order_.push_back(&*entry);
        ++entry->second;
    }

    // Pointers to (word, count), which stay valid while the counter lives.
    const std::vector<const std::pair<const std::string, int64_t> *> &words() const { return order_; }

  private:
    struct Hash {
        size_t operator()(const std::string &word) const {
            const uint64_t prefix = detail::prefix_of(word.data(), word.size());
            return size_t(detail::hash_word(prefix, word.data(), word.size(), detail::kFactor) >> 16);
        }
    };
    std::unordered_map<std::string, int64_t, Hash> counts_;
    std::vector<const std::pair<const std::string, int64_t> *> order_;
};

}  // namespace prunetext
