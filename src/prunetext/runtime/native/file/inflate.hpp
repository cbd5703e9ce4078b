// Inflating a zlib stream (RFC 1950 and 1951) where there is no zlib: what Python's takes, it takes, and nothing else.
//
//     inflate(stream, 5, "its vocabulary")    // "film\n", or refused
//
// No byte of the stream is trusted. The output has exactly the size stated, and nothing follows the stream.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "refuse.hpp"

namespace prunetext {

namespace detail {

// A Huffman code by the lengths of its symbols' codes: a table for codes of few bits, and counts for longer ones.
class HuffmanCode {
  public:
    static constexpr unsigned most_bits = 15, most_symbols = 288;

    // False if no prefix code has such lengths, or if it leaves codes unused: a lone symbol of one bit may, if `lone`.
    bool make(const uint8_t *lengths, unsigned symbols, bool lone) {
        std::fill_n(counts_, most_bits + 1, uint16_t{0});
        for (unsigned s = 0; s < symbols; ++s) ++counts_[lengths[s]];
        const bool empty = counts_[0] == symbols;
        counts_[0] = 0;
        int left = 1;
        uint16_t starts[most_bits + 2] = {};
        unsigned longest = 0;
        for (unsigned bits = 1; bits <= most_bits; ++bits) {
            left = 2 * left - counts_[bits];
            if (left < 0) return false;
            starts[bits + 1] = static_cast<uint16_t>(starts[bits] + counts_[bits]);
            if (counts_[bits]) longest = bits;
        }
        if (left > 0 && !(lone && (empty || longest == 1))) return false;
        for (unsigned s = 0; s < symbols; ++s)
            if (lengths[s]) symbols_[starts[lengths[s]]++] = static_cast<uint16_t>(s);
        fill();
        return true;
    }

    // The symbol whose code the lowest bits are, and how many bits it has; 0 bits if there is none.
    unsigned symbol(uint32_t bits, unsigned &length) const {
        if (const unsigned found = fast_[bits & (fast - 1)]) {
            length = found & 15;
            return found >> 4;
        }
        unsigned code = 0, first = 0, index = 0;
        for (length = 1; length <= most_bits; ++length, bits >>= 1) {
            code |= bits & 1;
            if (code < first + counts_[length]) return symbols_[index + code - first];
            index += counts_[length];
            first = (first + counts_[length]) << 1;
            code <<= 1;
        }
        length = 0;
        return 0;
    }

  private:
    static constexpr unsigned fast_bits = 9, fast = 1u << fast_bits;

    void fill() {
        std::fill_n(fast_, fast, uint16_t{0});
        unsigned code = 0, index = 0;
        for (unsigned length = 1; length <= fast_bits; ++length, code <<= 1)
            for (unsigned i = 0; i < counts_[length]; ++i, ++code) {
                unsigned reversed = 0;
                for (unsigned bit = 0; bit < length; ++bit) reversed |= (code >> bit & 1) << (length - 1 - bit);
                for (; reversed < fast; reversed += 1u << length)
                    fast_[reversed] = static_cast<uint16_t>(symbols_[index] << 4 | length);
                ++index;
            }
    }

    uint16_t counts_[most_bits + 1], symbols_[most_symbols], fast_[fast];
};

class Inflater {
  public:
    Inflater(std::string_view stream, size_t size, const std::string &what)
        : in_(reinterpret_cast<const unsigned char *>(stream.data())), end_(in_ + stream.size()), what_(what) {
        out_.resize(size);
    }

    std::string run() {
        const uint32_t method = take(8), flags = take(8);
        if ((method << 8 | flags) % 31 != 0 || (method & 15) != 8 || method >> 4 > 7 || flags & 32) fail();
        for (bool last = false; !last;) {
            last = take(1);
            switch (take(2)) {
                case 0: stored(); break;
                case 1: fixed(); break;
                case 2: dynamic(); break;
                default: fail();
            }
        }
        drop(count_ % 8);
        uint32_t sum = 0;
        for (int i = 0; i < 4; ++i) sum = sum << 8 | take(8);
        if (size_ != out_.size() || count_ || in_ != end_ || sum != adler()) fail();
        return std::move(out_);
    }

  private:
    [[noreturn]] void fail() const { refuse(what_ + " is not a zlib stream of the size stated"); }

    // At least 15 bits, as far as there are any.
    void fill() {
        while (count_ <= 24 && in_ != end_) {
            bits_ |= uint32_t{*in_++} << count_;
            count_ += 8;
        }
    }
    void drop(unsigned bits) {
        if (bits > count_) fail();
        bits_ >>= bits;
        count_ -= bits;
    }
    // Up to 15 bits.
    uint32_t take(unsigned bits) {
        if (count_ < bits) fill();
        const uint32_t value = bits_ & ((1u << bits) - 1);
        drop(bits);
        return value;
    }
    unsigned take(const HuffmanCode &code) {
        if (count_ < HuffmanCode::most_bits) fill();
        unsigned length;
        const unsigned symbol = code.symbol(bits_, length);
        if (length == 0) fail();
        drop(length);
        return symbol;
    }

    void stored() {
        drop(count_ % 8);
        uint32_t length = take(8);
        length |= take(8) << 8;
        uint32_t inverse = take(8);
        inverse |= take(8) << 8;
        if ((length ^ inverse) != 0xFFFF || length > out_.size() - size_) fail();
        for (; length && count_; --length) out_[size_++] = static_cast<char>(take(8));
        if (length > static_cast<size_t>(end_ - in_)) fail();
        std::memcpy(out_.data() + size_, in_, length);
        in_ += length;
        size_ += length;
    }

    void fixed() {
        uint8_t lengths[HuffmanCode::most_symbols];
        std::fill(lengths, lengths + 144, uint8_t{8});
        std::fill(lengths + 144, lengths + 256, uint8_t{9});
        std::fill(lengths + 256, lengths + 280, uint8_t{7});
        std::fill(lengths + 280, lengths + 288, uint8_t{8});
        literals_.make(lengths, 288, false);
        std::fill(lengths, lengths + 32, uint8_t{5});
        distances_.make(lengths, 32, false);
        block();
    }

    void dynamic() {
        constexpr uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
        const unsigned literals = take(5) + 257, distances = take(5) + 1, codes = take(4) + 4;
        if (literals > 286 || distances > 30) fail();
        uint8_t lengths[286 + 30] = {};
        for (unsigned i = 0; i < codes; ++i) lengths[order[i]] = static_cast<uint8_t>(take(3));
        if (!literals_.make(lengths, 19, false)) fail();
        for (unsigned i = 0; i < literals + distances;) {
            const unsigned symbol = take(literals_);
            if (symbol < 16) {
                lengths[i++] = static_cast<uint8_t>(symbol);
                continue;
            }
            if (symbol == 16 && i == 0) fail();
            const uint8_t length = symbol == 16 ? lengths[i - 1] : 0;
            unsigned times = symbol == 16 ? 3 + take(2) : symbol == 17 ? 3 + take(3) : 11 + take(7);
            if (times > literals + distances - i) fail();
            while (times--) lengths[i++] = length;
        }
        if (lengths[256] == 0 || !literals_.make(lengths, literals, true) ||
            !distances_.make(lengths + literals, distances, true))
            fail();
        block();
    }

    // What a block of literals and copies stands for.
    void block() {
        constexpr uint16_t lengths[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                          31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
        constexpr uint16_t starts[30] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                         33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                         1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
        for (;;) {
            const unsigned symbol = take(literals_);
            if (symbol < 256) {
                if (size_ == out_.size()) fail();
                out_[size_++] = static_cast<char>(symbol);
                continue;
            }
            if (symbol == 256) return;
            if (symbol > 285) fail();
            const unsigned l = symbol - 257, more = l < 8 || l == 28 ? 0 : l / 4 - 1;
            const size_t length = lengths[l] + take(more);
            const unsigned d = take(distances_);
            if (d > 29) fail();
            const size_t distance = starts[d] + take(d < 4 ? 0 : d / 2 - 1);
            if (distance > size_ || length > out_.size() - size_) fail();
            for (size_t i = 0; i < length; ++i, ++size_) out_[size_] = out_[size_ - distance];
        }
    }

    uint32_t adler() const {
        uint32_t low = 1, high = 0;
        for (size_t at = 0; at < out_.size();) {
            for (const size_t stop = std::min(out_.size(), at + 5552); at < stop; ++at)  // before 32 bits run over
                high += low += static_cast<unsigned char>(out_[at]);
            low %= 65521;
            high %= 65521;
        }
        return high << 16 | low;
    }

    const unsigned char *in_, *const end_;
    const std::string &what_;
    std::string out_;
    size_t size_ = 0;  // what of `out_` is there
    uint32_t bits_ = 0;
    unsigned count_ = 0;  // of them
    HuffmanCode literals_, distances_;
};

}  // namespace detail

// Inflate a stream, which messages call `what`, to exactly `size` bytes; refuses what is no such stream.
inline std::string inflate(std::string_view stream, size_t size, const std::string &what) {
    return detail::Inflater(stream, size, what).run();
}

}  // namespace prunetext
