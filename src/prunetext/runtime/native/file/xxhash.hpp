// XXH64 (Yann Collet's xxHash specification, 64-bit variant), of a buffer or of parts.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace prunetext {

// Bytes are read in little-endian order, as the specification says, whatever the machine's own order is.
template <class Word> inline Word little_endian(const unsigned char *bytes) {
    Word value = 0;
    if constexpr (std::endian::native == std::endian::little) {
        std::memcpy(&value, bytes, sizeof value);
    } else {
        for (size_t i = sizeof value; i-- > 0;) value = static_cast<Word>(value << 8) | bytes[i];
    }
    return value;
}

// XXH64, seed 0, of bytes that come one part after the other.
class Xxh64 {
  public:
    static constexpr size_t stripe = 32;

    // A part whose size is a multiple of `stripe`.
    void add(const void *data, size_t size) {
        const auto *at = static_cast<const unsigned char *>(data);
        for (const auto *const end = at + size; at < end; at += stripe)
            for (int i = 0; i < 4; ++i) lanes_[i] = round(lanes_[i], little_endian<uint64_t>(at + 8 * i));
        size_ += size;
    }

    // The last part, and the hash of all.
    uint64_t end(const void *data, size_t size) {
        const size_t whole = size / stripe * stripe;
        add(data, whole);
        const auto *at = static_cast<const unsigned char *>(data) + whole;
        const auto *const end = static_cast<const unsigned char *>(data) + size;
        uint64_t hash = p5;
        if (size_ > 0) {
            hash =
                std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) + std::rotl(lanes_[3], 18);
            for (uint64_t lane : lanes_) hash = (hash ^ round(0, lane)) * p1 + p4;
        }
        hash += size_ + (size - whole);
        for (; end - at >= 8; at += 8) hash = std::rotl(hash ^ round(0, little_endian<uint64_t>(at)), 27) * p1 + p4;
        if (end - at >= 4) {
            hash = std::rotl(hash ^ (little_endian<uint32_t>(at) * p1), 23) * p2 + p3;
            at += 4;
        }
        for (; at < end; ++at) hash = std::rotl(hash ^ (*at * p5), 11) * p1;
        hash = (hash ^ (hash >> 33)) * p2;
        hash = (hash ^ (hash >> 29)) * p3;
        return hash ^ (hash >> 32);
    }

  private:
    static constexpr uint64_t p1 = 0x9E3779B185EBCA87u, p2 = 0xC2B2AE3D27D4EB4Fu, p3 = 0x165667B19E3779F9u,
                              p4 = 0x85EBCA77C2B2AE63u, p5 = 0x27D4EB2F165667C5u;

    static uint64_t round(uint64_t lane, uint64_t word) { return std::rotl(lane + word * p2, 31) * p1; }

    uint64_t lanes_[4] = {p1 + p2, p2, 0, 0 - p1};
    uint64_t size_ = 0;
};

inline uint64_t xxh64(const void *data, size_t size) { return Xxh64().end(data, size); }
}  // namespace prunetext
