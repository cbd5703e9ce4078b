// The model reader, given any bytes under a valid checksum: it refuses them with a reason, or all kernels agree on what
// they say.
#include "harness.hpp"

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

namespace {

using namespace fuzz;

struct Random {
    uint64_t state;
    size_t below(size_t count) {  // SplitMix64
        uint64_t z = state += 0x9E3779B97F4A7C15u;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        return static_cast<size_t>((z ^ z >> 31) % count);
    }
};

// A file's header and body, as far as they can be told apart.
struct Parts {
    std::string header, body;

    explicit Parts(std::string_view file) {
        if (file.size() < 8) return;
        const size_t length = std::min<uint64_t>(
            little_endian<uint64_t>(reinterpret_cast<const unsigned char *>(file.data())), file.size() - 8);
        header = file.substr(8, length);
        body = file.substr(8 + length);
    }

    // The file, its header padded as the format wants it.
    std::string file() const {
        std::string padded = header.substr(0, header.find_last_not_of(' ') + 1);
        padded.resize((padded.size() + 7) / 8 * 8, ' ');
        std::string bytes;
        for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(padded.size() >> shift & 255);
        return bytes + padded + body;
    }
};

// Without this no changed file would get past its checksum.
void seal(std::string &file) {
    constexpr std::string_view key = "\"checksum\":\"";
    const size_t found = file.find(key), at = found + key.size();
    if (found == std::string::npos || at + checksum_digits > file.size()) return;
    file.replace(at, checksum_digits, checksum_digits, '0');
    file.replace(at, checksum_digits, hex_digest(file));
}

void mutate_text(std::string &text, size_t most) {
    const size_t size = text.size();
    text.resize(std::max(size, most));
    text.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t *>(text.data()), size, text.size()));
}

// Another number in place of one in the header.
void mutate_number(std::string &text, Random &random) {
    const auto digit = [](char unit) { return unit >= '0' && unit <= '9'; };
    std::vector<size_t> starts;
    for (size_t i = 0; i < text.size(); ++i)
        if (digit(text[i]) && (i == 0 || !digit(text[i - 1]))) starts.push_back(i);
    if (starts.empty()) return;
    const size_t start = starts[random.below(starts.size())];
    size_t end = start;
    while (end < text.size() && digit(text[end])) ++end;
    const uint64_t now = std::strtoull(text.substr(start, std::min<size_t>(end - start, 19)).c_str(), nullptr, 10);
    const uint64_t others[] = {0,
                               1,
                               2,
                               now - 1,
                               now + 1,
                               now / 2,
                               now * 2,
                               now + 8,
                               16,
                               17,
                               255,
                               256,
                               4096,
                               1u << 26,
                               uint64_t{1} << 31,
                               uint64_t{1} << 32,
                               uint64_t{1} << 62,
                               INT64_MAX,
                               UINT64_MAX,
                               random.below(100)};
    text.replace(start, end - start, std::to_string(others[random.below(std::size(others))]));
}

void mutate_bytes(std::string &body, Random &random) {
    for (size_t count = 1 + random.below(6); count && !body.empty(); --count) {
        char &unit = body[random.below(body.size())];
        constexpr unsigned char extremes[] = {0, 1, 10, 127, 128, 255};
        if (random.below(2)) unit = static_cast<char>(extremes[random.below(std::size(extremes))]);
        else unit = static_cast<char>(random.below(256));
    }
}

}  // namespace

// Most changes keep the header's length right, and those to the body its size: others end at the first check.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    Random random{seed};
    Parts parts(std::string_view(reinterpret_cast<const char *>(data), size));
    const size_t way = random.below(8);
    if (way == 0 || size < 16) return LLVMFuzzerMutate(data, size, most);
    if (way == 1) mutate_text(parts.header, parts.header.size() + 64);
    else if (way <= 3) mutate_number(parts.header, random);
    else if (way == 4) mutate_text(parts.body, parts.body.size());
    else mutate_bytes(parts.body, random);
    const std::string file = parts.file();
    if (file.size() > most) return size;
    std::memcpy(data, file.data(), file.size());
    return file.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string file(reinterpret_cast<const char *>(data), size);
    seal(file);
    try {
        const Model model(read_memory(file), as_stored);
        std::string own;  // of the model's own words
        for (size_t i = 0; i < model.vocabulary.size() && own.size() < 300; ++i)
            own += std::string(model.vocabulary[i]) + " ";
        std::vector<Workspace> used;
        using namespace std::literals;
        for (const std::string_view text :
             {std::string_view(own), "GREAT, a great\0 film \xE7\x94\xB5\xE5\xBD\xB1"sv, ""sv}) {
            check_scores(model, {text.data(), text.size(), 0, false}, used);
            check_explanation(model, {text.data(), text.size(), 0, false});
        }
    } catch (const std::invalid_argument &) {  // refused, with the reason
    }
    return 0;
}
