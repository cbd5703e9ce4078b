// Reading a packed file's bytes, from a regular file or from memory: the header is checked before room is made for the
// rest.
#pragma once
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

#include "file/header.hpp"
#include "file/xxhash.hpp"
#include "refuse.hpp"

namespace prunetext {

constexpr uint64_t max_file = 1u << 30, max_header = 16u << 20;

constexpr size_t part_of_file = 1u << 20;  // read at a time while a large file's checksum is not known to be right

inline std::string hex_digits(uint64_t hash) {
    std::string digits;
    for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[hash >> shift & 15];
    return digits;
}

// XXH64 as the checksum writes it. That of a packed file is taken while its own 16 digits read as zeros.
inline std::string hex_digest(std::string_view data) { return hex_digits(xxh64(data.data(), data.size())); }

class OpenFile {
  public:
    // Non-blocking: opening a FIFO without a writer would wait for ever.
    explicit OpenFile(const std::string &path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
        if (descriptor_ >= 0) return;
        if (errno == ENOENT) end_call(std::system_error(ENOENT, std::generic_category()));
        refuse(std::string("it cannot be opened (") + std::strerror(errno) + ")");
    }
    OpenFile(const OpenFile &) = delete;
    OpenFile &operator=(const OpenFile &) = delete;
    ~OpenFile() { ::close(descriptor_); }

    uint64_t size() const {
        struct stat status;
        if (::fstat(descriptor_, &status) != 0) refuse("its size cannot be read");
        if (S_ISDIR(status.st_mode)) refuse("it is a directory; give the model file inside it");
        if (!S_ISREG(status.st_mode)) refuse("it is not a regular file");
        return static_cast<uint64_t>(status.st_size);
    }

    void back_to(size_t place) {
        if (::lseek(descriptor_, static_cast<off_t>(place), SEEK_SET) < 0) refuse("it cannot be read twice");
    }

    // Append exactly `bytes` bytes to `buffer`.
    void read(std::string &buffer, size_t bytes) {
        size_t at = buffer.size();
        buffer.resize(at + bytes);
        while (at < buffer.size()) {
            const ssize_t count = ::read(descriptor_, buffer.data() + at, buffer.size() - at);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) refuse(std::string("it cannot be read (") + std::strerror(errno) + ")");
            if (count == 0) refuse("it became shorter while it was read");
            at += static_cast<size_t>(count);
        }
    }

  private:
    int descriptor_;
};

struct File {
    std::string bytes;
    Header header;
    size_t data = 0;  // where the tensors start
};

namespace detail {

[[noreturn]] inline void refuse_checksum() {
    refuse("its checksum does not match: the file is damaged; pack or copy it again");
}

// The checksum of a large file, whose header has been read, in the memory of a small one.
template <class Read> std::string checksum_in_parts(std::string start, uint64_t rest, Read &read) {
    Xxh64 hash;
    while (rest > 0) {
        const size_t whole = start.size() / Xxh64::stripe * Xxh64::stripe;
        hash.add(start.data(), whole);
        start.erase(0, whole);
        const auto bytes = static_cast<size_t>(std::min<uint64_t>(rest, part_of_file));
        read(start, bytes);
        rest -= bytes;
    }
    return hex_digits(hash.end(start.data(), start.size()));
}

// A file of `size` bytes, its header and its checksum; read(buffer, bytes) appends the next bytes to a string, and
// back(place) goes back there. Memory for the tensors is taken only when the header says that they are there and, where
// they are many bytes, when the checksum is right.
template <class Read, class Back> File read_checked(uint64_t size, Read read, Back back) {
    if (size < 16) refuse("it is too short to be a packed model");
    if (size > max_file) refuse("it is larger than 1 GiB");
    File file;
    read(file.bytes, size_t{8});
    const auto length = little_endian<uint64_t>(reinterpret_cast<const unsigned char *>(file.bytes.data()));
    if (length > size - 8) refuse("it is not a safetensors file, or it is cut off inside its header");
    if (length > max_header) refuse("its header is larger than 16 MiB");
    if (length % 8 != 0) refuse("its header does not end on a multiple of 8 bytes");
    read(file.bytes, length);
    file.data = 8 + length;
    file.header = parse_header(std::string_view(file.bytes).substr(8), size - file.data);
    std::memset(file.bytes.data() + 8 + file.header.checksum_at, '0', checksum_digits);
    const std::string &checksum = file.header.value("checksum");
    if (size > 4 * part_of_file) {
        if (checksum_in_parts(file.bytes, size - file.data, read) != checksum) refuse_checksum();
        back(file.data);
    }
    file.bytes.reserve(size);
    read(file.bytes, size - file.data);
    if (hex_digest(file.bytes) != checksum) refuse_checksum();
    return file;
}

}  // namespace detail

// Throws std::system_error (ENOENT) if there is no file, and std::invalid_argument with the reason if it is unsound.
inline File read_file(const std::string &path) {
    OpenFile input(path);
    return detail::read_checked(
        input.size(), [&](std::string &buffer, size_t bytes) { input.read(buffer, bytes); },
        [&](size_t place) { input.back_to(place); });
}

// The same for a file's bytes, which are copied.
inline File read_memory(std::string_view bytes) {
    size_t at = 0;
    return detail::read_checked(
        bytes.size(),
        [&](std::string &buffer, size_t count) {
            buffer.append(bytes.substr(at, count));
            at += count;
        },
        [&](size_t place) { at = place; });
}

}  // namespace prunetext
