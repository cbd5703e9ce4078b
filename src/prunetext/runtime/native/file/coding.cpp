// Decoding units: no number is trusted, and no more room is made than the payload's own size allows.
#include "file/coding.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "file/header.hpp"

namespace prunetext {

namespace {

constexpr size_t max_units = 1u << 26, max_inflated = 64u << 20, widest_gap = 255;
constexpr int max_m2 = 42, max_m4 = 18;  // 3 · 42 and 7 · 18 are the largest units up to 127

int multiplier(JsonReader &json, int most) {
    const uint64_t value = json.integer();
    if (value < 1 || value > static_cast<uint64_t>(most))
        json.fail("has a multiplier outside 1 to " + std::to_string(most));
    return static_cast<int>(value);
}

// The index of a word in a list; fails if it is not there.
size_t choice(JsonReader &json, const std::string &word, std::initializer_list<const char *> allowed) {
    const auto found = std::find(allowed.begin(), allowed.end(), word);
    if (found == allowed.end()) json.fail("has a word that format 1 does not know");
    return static_cast<size_t>(found - allowed.begin());
}

void read_shape(JsonReader &json, Coding &coding) {
    json.list([&] {
        const uint64_t length = json.integer();
        if (coding.shape.size() == 3 || length < 1 || length > max_units) json.fail("has a shape that no units have");
        coding.shape.push_back(length);
    });
    if (coding.shape.size() < 2) json.fail("has a shape that no units have");
    uint64_t units = 1;
    for (uint64_t length : coding.shape)  // both factors are at most 2^26
        if ((units *= length) > max_units) json.fail("has a tensor of more than 67,108,864 units");
    coding.rows = coding.shape[0];
    coding.columns = units / coding.rows;
}

Coding parse_coding(JsonReader &json) {
    constexpr std::array<const char *, 6> keys = {"bytes", "m2", "m4", "precision", "shape", "zeros"};
    Coding coding;
    uint64_t bytes = 0;
    std::array<bool, keys.size()> seen{};
    json.object([&](const std::string &key) {
        const auto at = static_cast<size_t>(std::find(keys.begin(), keys.end(), key) - keys.begin());
        if (at == keys.size() || seen[at]) json.fail("has an unknown or repeated key");
        seen[at] = true;
        constexpr unsigned bits[] = {2, 4, 0};
        switch (at) {
            case 0:
                bytes = json.integer();
                if (bytes < 1 || bytes > max_inflated) json.fail("has a payload of no bytes, or more than 64 MiB");
                break;
            case 1: coding.m2 = multiplier(json, max_m2); break;
            case 2: coding.m4 = multiplier(json, max_m4); break;
            case 3: coding.bits = bits[choice(json, json.string(), {"2", "4", "mixed"})]; break;
            case 4: read_shape(json, coding); break;
            default: coding.zeros = choice(json, json.string(), {"bitmap", "gaps"}) == 0 ? Zeros::bitmap : Zeros::gaps;
        }
    });
    if (!seen[4]) json.fail("has a tensor without its shape");
    if (seen[3] && coding.shape.size() != 2) json.fail("has a precision for another tensor than the embedding");
    const bool two = coding.bits == 2 || coding.bits == 0, four = coding.bits == 4 || coding.bits == 0;
    if (seen[1] != two || seen[2] != four) json.fail("has not the multipliers that its precision needs");
    const size_t units = coding.rows * coding.columns;
    if (bytes > units + units / 2 + 8) json.fail("has a payload of more bytes than its units can take");
    coding.bytes = static_cast<size_t>(bytes);
    return coding;
}

// Whole numbers of 1, 2, 4 or 8 bits, packed from the lowest bit of a byte on.
struct Numbers {
    const unsigned char *packed;
    unsigned bits;

    unsigned operator[](size_t i) const { return packed[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1); }
};

struct Decoder {
    const std::string &name;
    const Coding &coding;
    std::string_view payload;  // what is left of it

    [[noreturn]] void fail(const char *reason) const { refuse("tensor " + name + " " + reason); }

    // The next section: `count` numbers, up to the end of a byte.
    Numbers take(size_t count, unsigned bits) {
        const size_t bytes = (count * bits + 7) / 8;
        if (bytes > payload.size()) fail("ends before its last unit");
        const Numbers numbers{reinterpret_cast<const unsigned char *>(payload.data()), bits};
        for (size_t i = count; i * bits < 8 * bytes; ++i)
            if (numbers[i] != 0) fail("has bits after the last of a section");
        payload.remove_prefix(bytes);
        return numbers;
    }

    // Set the units that have a code to 1, the others to 0.
    std::string marks() {
        const size_t count = coding.rows * coding.columns;
        if (count / widest_gap > payload.size()) fail("ends before its last unit");  // a byte can stand for no more
        std::string marks(count, coding.zeros == Zeros::as_codes ? 1 : 0);
        if (coding.zeros == Zeros::bitmap) {
            const Numbers flags = take(count, 1);
            for (size_t i = 0; i < count; ++i) marks[i] = static_cast<char>(flags[i]);
        } else if (coding.zeros == Zeros::gaps) {
            for (size_t at = 0;;) {
                const size_t gap = take(1, 8)[0];
                at += gap;
                if (at > count) fail("has a gap that leads past its last unit");
                if (gap == widest_gap) continue;  // the gap goes on
                if (at == count) break;           // it leads to the end
                marks[at++] = 1;
            }
        }
        return marks;
    }

    char unit(unsigned code, unsigned bits) const {
        if (bits == 2) return static_cast<char>((2 * static_cast<int>(code) - 3) * coding.m2);
        const int half = 1 << (bits - 1), value = (static_cast<int>(code) ^ half) - half;  // two's complement
        if (value == -half) fail("has a code outside those of format 1");
        if (value == 0 && coding.zeros != Zeros::as_codes)
            fail("has a code for a unit that is 0, where such have none");
        return static_cast<char>(bits == 4 ? value * coding.m4 : value);
    }

    std::string units() {
        std::string precisions(coding.rows, static_cast<char>(coding.bits));
        if (coding.bits == 0) {
            constexpr char bits[] = {8, 4, 2};
            const Numbers stored = take(coding.rows, 2);
            for (size_t row = 0; row < coding.rows; ++row) {
                if (stored[row] == 3) fail("has a row of unknown precision");
                precisions[row] = bits[stored[row]];
            }
        }
        std::string units = marks();
        size_t counts[9] = {};  // of codes, by their bits
        for (size_t row = 0; row < coding.rows; ++row) {
            const auto first = units.begin() + static_cast<std::ptrdiff_t>(row * coding.columns);
            counts[static_cast<size_t>(precisions[row])] +=
                static_cast<size_t>(std::count(first, first + static_cast<std::ptrdiff_t>(coding.columns), 1));
        }
        Numbers codes[9] = {};
        for (unsigned bits : {2u, 4u, 8u}) codes[bits] = take(counts[bits], bits);
        if (!payload.empty()) fail("goes on after its last unit");
        size_t used[9] = {};
        for (size_t row = 0, i = 0; row < coding.rows; ++row) {
            const auto bits = static_cast<unsigned>(precisions[row]);
            for (size_t column = 0; column < coding.columns; ++column, ++i)
                if (units[i] != 0) units[i] = unit(codes[bits][used[bits]++], bits);
        }
        return units;
    }
};

}  // namespace

Codings parse_codings(const std::string &text) {
    Codings codings;
    JsonReader json(text, "its coding");
    json.object([&](const std::string &name) {
        if (codings.size() == max_tensors || codings.count(name) != 0) json.fail("names a tensor twice, or too many");
        codings.emplace(name, parse_coding(json));
    });
    json.end();
    if (codings.empty()) json.fail("names no tensor");
    return codings;
}

std::string decode_units(const std::string &name, const Coding &coding, std::string_view payload) {
    return Decoder{name, coding, payload}.units();
}

}  // namespace prunetext
