// The tokenizer and the kernels, given any text in any width: the same characters give the same tokens, and every
// kernel, which reads a text piece by piece, gives the features that follow from all its tokens.
#include "harness.hpp"
#include "model/encoding.hpp"
#include "overlap.hpp"

namespace {

using namespace fuzz;

std::vector<Model> models;

using Codes = std::vector<uint32_t>;

// One character at the start of the bytes, or 0 where there is none: RFC 3629, section 4.
size_t valid_length(const uint8_t *bytes, size_t size) {
    const auto in = [&](size_t i, uint8_t low, uint8_t high) {
        return i < size && bytes[i] >= low && bytes[i] <= high;
    };
    const auto tail = [&](size_t i) { return in(i, 0x80, 0xBF); };
    if (in(0, 0x00, 0x7F)) return 1;
    if (in(0, 0xC2, 0xDF) && tail(1)) return 2;
    if (((in(0, 0xE0, 0xE0) && in(1, 0xA0, 0xBF)) || (in(0, 0xED, 0xED) && in(1, 0x80, 0x9F)) ||
         ((in(0, 0xE1, 0xEC) || in(0, 0xEE, 0xEF)) && tail(1))) &&
        tail(2))
        return 3;
    if (((in(0, 0xF0, 0xF0) && in(1, 0x90, 0xBF)) || (in(0, 0xF4, 0xF4) && in(1, 0x80, 0x8F)) ||
         (in(0, 0xF1, 0xF3) && tail(1))) &&
        tail(2) && tail(3))
        return 4;
    return 0;
}

Codes decode(const uint8_t *bytes, size_t size) {
    Codes codes;
    for (size_t i = 0; i < size;) {
        const size_t length = valid_length(bytes + i, size - i);
        uint32_t code = length < 2 ? bytes[i] : bytes[i] & (0x7Fu >> length);
        for (size_t k = 1; k < length; ++k) code = code << 6 | (bytes[i + k] & 63);
        codes.push_back(length ? code : 0xFFFD);
        i += std::max<size_t>(length, 1);
    }
    return codes;
}

// UTF-8; half a surrogate pair gives three bytes that are none.
std::vector<uint8_t> encode(const Codes &codes) {
    std::vector<uint8_t> bytes;
    const auto add = [&](uint32_t byte) { bytes.push_back(static_cast<uint8_t>(byte)); };
    for (const uint32_t code : codes) {
        if (code < 0x80) add(code);
        else if (code < 0x800) add(0xC0 | code >> 6), add(0x80 | (code & 63));
        else if (code < 0x10000) add(0xE0 | code >> 12), add(0x80 | (code >> 6 & 63)), add(0x80 | (code & 63));
        else
            add(0xF0 | code >> 18), add(0x80 | (code >> 12 & 63)), add(0x80 | (code >> 6 & 63)),
                add(0x80 | (code & 63));
    }
    return bytes;
}

template <class Unit> Codes widened(const std::vector<Unit> &units) { return {units.begin(), units.end()}; }

// The bytes as units of a text; a vector of just that size, so that reading behind it is found.
template <class Unit> std::vector<Unit> units_of(const uint8_t *data, size_t size) {
    std::vector<Unit> units(size / sizeof(Unit));
    if (!units.empty()) std::memcpy(units.data(), data, units.size() * sizeof(Unit));
    return units;
}

template <class Unit> Text text_of(const std::vector<Unit> &units, int unit, bool ascii = false) {
    return {units.data(), units.size(), unit, ascii};
}

void check_tokens(const std::vector<std::string> &tokens) {
    for (const std::string &token : tokens) {
        if (token.empty() || !valid_utf8(token)) fail("a token is empty, or not UTF-8");
        for (const char unit : token) {
            const auto byte = static_cast<uint8_t>(unit);
            if (!detail::is_word(byte) && (token.size() > 1 || byte <= ' '))
                fail("a token has what is no part of a word");
        }
    }
}

std::vector<Workspace> &workspaces_of(const Model &model) {
    static std::vector<std::vector<Workspace>> all(models.size());
    return all[static_cast<size_t>(&model - models.data())];
}

// Training's ids, of two texts that may be a pair: those of the tokens, whatever the number of threads.
void check_ids(const Model &model, const Text &text, const std::vector<std::string> &tokens) {
    std::vector<int32_t> expected;
    for (int side = 0; side < 2; ++side)
        for (const std::string &token : tokens) {
            const int32_t word = model.vocabulary.find(token.data(), token.size());
            expected.push_back(word < 0 ? kUnknown : word + kFirstWord);
        }
    for (const bool pairs : {false, true}) {
        std::vector<int32_t> ids;
        for (const EncodedPart &part : encode_texts(model.vocabulary, model.tokenizer, {text, text}, 2, pairs))
            ids.insert(ids.end(), part.ids.begin(), part.ids.end());
        for (int32_t &id : ids) {
            if (pairs && !(id >> kFlags & matched)) fail("a word that both texts have is not marked");
            id &= (int32_t{1} << kFlags) - 1;
        }
        if (ids != expected) fail("the ids are not those of the tokens");
    }
}

void check(const Model &model, const Text &text, const Codes &codes) {
    const std::vector<std::string> tokens = tokens_of(model, text);
    check_tokens(tokens);
    if (tokens != tokens_of(model, text_of(codes, 4))) fail("the same characters give other tokens as UCS-4");
    for (const std::string &token : tokens)
        if (model.vocabulary.find(token.data(), token.size()) !=
            model.vocabulary.find_token((token + "        ").data(), token.size()))
            fail("two ways to look a word up differ");
    check_ids(model, text, tokens);
    check_scores(model, text, workspaces_of(model));
    check_spans(model, text);
    if (tokens.size() < 50) check_explanation(model, text);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
    models = load_models();
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const int way = data[0] & 3;
    const Model &model = models[(data[0] >> 2) % models.size()];
    ++data, --size;
    if (way == 0) {
        const auto bytes = units_of<uint8_t>(data, size);
        check(model, text_of(bytes, 0), decode(bytes.data(), bytes.size()));
        return 0;
    }
    Codes codes;
    if (way == 1) {
        const auto units = units_of<uint8_t>(data, size);
        codes = widened(units);
        check(model, text_of(units, 1), codes);
        if (std::all_of(units.begin(), units.end(), [](uint8_t unit) { return unit < 128; }))
            check(model, text_of(units, 1, true), codes);
    } else if (way == 2) {
        const auto units = units_of<uint16_t>(data, size);
        codes = widened(units);
        check(model, text_of(units, 2), codes);
    } else {
        auto units = units_of<uint32_t>(data, size);
        for (uint32_t &unit : units) unit = unit < 0x110000 ? unit : (unit & 0xFFFFF);
        codes = units;
        check(model, text_of(units, 4), codes);
    }
    const std::vector<uint8_t> utf8 = encode(codes);
    Codes back = decode(utf8.data(), utf8.size());
    check(model, text_of(utf8, 0), back);
    if (tokens_of(model, text_of(back, 4)) != tokens_of(model, text_of(codes, 4)))
        fail("half a surrogate pair is not as if it were not there");
    return 0;
}
