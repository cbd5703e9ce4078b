// Exact word → index lookup, and counting of words, over UTF-8 bytes.
//
//     Vocabulary vocabulary({"film", "great"});
//     vocabulary.find("great", 5);    // 1
//     vocabulary.find("dull", 4);     // -1
#pragma once
#ifdef __wasm__
#include <unistd.h>
#endif

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "refuse.hpp"

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

inline constexpr uint64_t kFactor = 0x9E3779B97F4A7C15u;  // 2^64 divided by the golden ratio

// An odd factor that differs from process to process: no text can be made whose words collide. No result depends on it.
inline const uint64_t process_factor = []() noexcept {
    uint64_t factor = 0;
#ifdef __wasm__
    if (getentropy(&factor, sizeof factor) != 0) __builtin_trap();
#else
    try {
        std::random_device random;
        factor = uint64_t{random()} << 32 | random();
    } catch (...) {  // a system without any: what an attacker is least likely to know
        factor = uint64_t(std::chrono::high_resolution_clock::now().time_since_epoch().count());
        factor = (factor ^ reinterpret_cast<uintptr_t>(&factor)) * kFactor;
    }
#endif
    return factor | 1;
}();

inline uint64_t multiply(uint64_t value, uint64_t factor) {
    value *= factor;
    return value ^ value >> 32;
}

// Both halves of a product, mixed: without knowing what the numbers were added to, nobody can make two that collide.
inline uint64_t fold_product(uint64_t one, uint64_t other) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{one} * other;
    return uint64_t(product) ^ uint64_t(product >> 64);
}

// A word's key: words of at most 8 bytes are their own, longer ones a hash whose top byte no UTF-8 text has.
inline uint64_t long_key(const char *word, size_t length, uint64_t factor) {
    uint64_t hash = factor * kFactor ^ length;
    size_t at = 0;
    for (; at + 16 < length; at += 16)
        hash = fold_product(load_word(word + at) ^ factor, load_word(word + at + 8) ^ hash);
    const uint64_t before = load_word(length > 16 ? word + length - 16 : word);
    return fold_product(before ^ factor, load_word(word + length - 8) ^ hash) | uint64_t(0xFF) << 56;
}

// Whether two words, both of the same length of more than 8 bytes, are the same.
inline bool same_long(const char *one, const char *other, size_t length) {
    for (size_t at = 0; at + 8 < length; at += 8)
        if (load_word(one + at) != load_word(other + at)) return false;
    return load_word(one + length - 8) == load_word(other + length - 8);
}

}  // namespace detail

class Vocabulary {
  public:
    static constexpr size_t kKeys = 7;
    static constexpr uint32_t kNone = UINT32_MAX;

    // One cache line: the keys of up to seven words, whose places are `first`, first + 1, ...
    struct alignas(64) Bucket {
        uint64_t keys[kKeys] = {};  // 0 behind the last
        uint32_t first = 0, count = 0;

        bool full() const { return count == kKeys; }
    };

    // Copies the words. Throws std::invalid_argument for an empty word, a duplicate, or too many bytes.
    explicit Vocabulary(const std::vector<std::string_view> &words) {
        uint64_t bytes = 0;
        for (const std::string_view word : words) bytes += word.size();
        if (words.size() >= (size_t(1) << 30) || bytes >= (uint64_t(1) << 32))
            refuse("a vocabulary holds fewer than 2^30 words and 2^32 bytes");
        // Two to four words for each bucket: one in nine is full at most.
        shift_ = 64 - std::bit_width(std::max<size_t>(words.size() / 4, 1));
        // Where words collide, which they do by chance alone, another factor is tried.
        for (int attempt = 0; attempt < 8; ++attempt, factor_ = detail::multiply(factor_, detail::kFactor) | 1)
            if (fill(words)) return;
        refuse("the words of this vocabulary collide in every hash function");
    }

    // The index of a word, or -1.
    int32_t find(const char *word, size_t length) const {
        if (length == 0) return -1;
        const uint32_t place = among(key_of(word, length));
        return place != kNone && at(place) == std::string_view(word, length) ? index(place) : -1;
    }

    // The same for a token as `tokenize` emits it, behind which at least 8 bytes are readable, and which has no NUL.
    int32_t find_token(const char *token, size_t length) const {
        const uint32_t place = among(length <= 8 ? hash().short_key(token, length) : hash().long_key(token, length));
        return place != kNone && (length <= 8 || is(place, token, length)) ? index(place) : -1;
    }

    // What a lookup consists of, for kernels that compare a bucket's keys at once. A token that has the key of a word
    // in its bucket, or in the next one if that is full, is that word, unless it has more than 8 bytes: then `is`
    // tells.
    struct Candidate {
        uint64_t key;
        const Bucket *bucket;
    };
    struct Hash {
        const Bucket *buckets;
        uint64_t factor;
        int shift;

        uint64_t short_key(const char *token, size_t length) const {  // of the first 8 bytes, if there are more
            return detail::load_word(token) & (~uint64_t(0) >> (64 - 8 * std::min<size_t>(length, 8)));
        }
        uint64_t long_key(const char *token, size_t length) const { return detail::long_key(token, length, factor); }
        Candidate operator()(uint64_t key) const {
            return {key, buckets + (detail::multiply(key, factor) * factor >> shift)};
        }
    };
    Hash hash() const { return {buckets_.data(), factor_, shift_}; }
    const Bucket *next(const Bucket *bucket) const {
        return ++bucket == buckets_.data() + buckets_.size() ? buckets_.data() : bucket;
    }
    bool is(uint32_t place, const char *token, size_t length) const {
        const std::string_view word = at(place);
        return word.size() == length && detail::same_long(word.data(), token, length);
    }

    size_t size() const { return places_.size(); }
    size_t longest() const { return longest_; }  // bytes of the longest word
    std::string_view operator[](size_t index) const { return at(places_[index]); }

    // Where a word stands among all, in the order of their buckets.
    uint32_t place(size_t index) const { return places_[index]; }

  private:
    static constexpr int kLongestChain = 64;

    std::string_view at(uint32_t place) const {
        return {arena_.data() + offsets_[place], offsets_[place + 1] - offsets_[place]};
    }
    int32_t index(uint32_t place) const { return int32_t(indices_[place]); }

    // A word with a NUL, which no token has, could share the key of a shorter one: it gets the hash of a longer one.
    uint64_t key_of(const char *word, size_t length) const {
        if (length > 8) return detail::long_key(word, length, factor_);
        if (!std::memchr(word, 0, length)) return detail::prefix_of(word, length);
        return detail::long_key((std::string(word, length) + "         ").data(), length + 9, factor_);
    }

    uint32_t among(uint64_t key) const {
        for (const Bucket *bucket = hash()(key).bucket;; bucket = next(bucket)) {
            for (uint32_t i = 0; i < kKeys; ++i)
                if (bucket->keys[i] == key) return bucket->first + i;  // no word has the key 0
            if (!bucket->full()) return kNone;
        }
    }

    bool fill(const std::vector<std::string_view> &words) {
        buckets_.assign(size_t(1) << (64 - shift_), Bucket{});
        std::vector<uint32_t> owners(buckets_.size() * kKeys);  // of each key, the word
        for (size_t i = 0; i < words.size(); ++i) {
            const std::string_view word = words[i];
            if (word.empty()) refuse("word " + std::to_string(i) + " is empty");
            const uint64_t key = key_of(word.data(), word.size());
            const Bucket *bucket = hash()(key).bucket;
            for (int chain = 0;; bucket = next(bucket)) {
                const uint32_t *owner = &owners[size_t(bucket - buckets_.data()) * kKeys];
                for (uint32_t k = 0; k < bucket->count; ++k)
                    if (bucket->keys[k] == key) {
                        if (words[owner[k]] != word) return false;  // two long words of one hash
                        refuse("word " + std::to_string(i) + " ('" + std::string(word) + "') is word " +
                               std::to_string(owner[k]) + " again");
                    }
                if (!bucket->full()) break;
                if (++chain == kLongestChain) return false;
            }
            Bucket &found = buckets_[size_t(bucket - buckets_.data())];
            owners[size_t(bucket - buckets_.data()) * kKeys + found.count] = uint32_t(i);
            found.keys[found.count++] = key;
        }
        for (const std::string_view word : words) longest_ = std::max(longest_, word.size());
        places_.resize(words.size());
        offsets_.assign(1, 0);
        for (size_t b = 0; b < buckets_.size(); ++b) {
            buckets_[b].first = uint32_t(indices_.size());
            for (uint32_t k = 0; k < buckets_[b].count; ++k) {
                const uint32_t owner = owners[b * kKeys + k];
                places_[owner] = uint32_t(indices_.size());
                indices_.push_back(owner);
                arena_ += words[owner];
                offsets_.push_back(uint32_t(arena_.size()));
            }
        }
        return true;
    }

    std::vector<Bucket> buckets_;    // a power of two
    std::string arena_;              // the words, by place
    std::vector<uint32_t> offsets_;  // of each place in it, and its end
    std::vector<uint32_t> indices_;  // of each place, the word's index,
    std::vector<uint32_t> places_;   // and of each index, its place
    uint64_t factor_ = detail::process_factor;
    size_t longest_ = 0;
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
            const bool is_long = word.size() > 8;
            const uint64_t factor = detail::process_factor;
            const uint64_t key = is_long ? detail::long_key(word.data(), word.size(), factor)
                                         : detail::prefix_of(word.data(), word.size());
            return size_t(detail::multiply(key, factor) * factor >> 16);
        }
    };
    std::unordered_map<std::string, int64_t, Hash> counts_;
    std::vector<const std::pair<const std::string, int64_t> *> order_;
};

}  // namespace prunetext
