// Python's view of the tokenizer and the vocabulary: texts in, ids out as bytes.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bindings/asking.hpp"
#include "bindings/python_text.hpp"
#include "model/encoding.hpp"
#include "model/vocabulary.hpp"
#include "overlap.hpp"
#include "text/spans.hpp"
#include "text/tokenizer.hpp"
#include "watch.hpp"

namespace nb = nanobind;

namespace {

constexpr char kUsual[] = "bert/1";

}  // namespace

namespace prunetext {
namespace {

nb::object to_str(std::string_view utf8) {
    nb::object text = nb::steal(PyUnicode_DecodeUTF8(utf8.data(), Py_ssize_t(utf8.size()), nullptr));
    if (!text.is_valid()) throw nb::python_error();
    return text;
}

// A vocabulary, and the tokenizer that finds its words.
struct Reader : Vocabulary {
    Tokenizer tokenizer;
};

Tokenizer known_tokenizer(const std::string &name) {
    if (const std::optional<Tokenizer> found = tokenizer_of(name)) return *found;
    std::string known;
    for (size_t i = 0; i < std::size(kTokenizers); ++i)
        known += (i == 0 ? "" : i + 1 < std::size(kTokenizers) ? ", " : " or ") + std::string{kTokenizers[i]};
    throw nb::value_error(("tokenizer must be " + known + ", not '" + name + "'").c_str());
}

nb::list tokenize_text(nb::handle text, const std::string &tokenizer) {
    std::string scratch;
    nb::list tokens;
    tokenize(known_tokenizer(tokenizer), text_of(text.ptr()), scratch,
             [&](const char *token, size_t length) { tokens.append(to_str({token, length})); });
    return tokens;
}

nb::list token_spans(nb::handle text, const std::string &tokenizer) {
    const Tokenizer known = known_tokenizer(tokenizer);
    const Text own = text_of(text.ptr());
    TokenSpans spans;
    {
        nb::gil_scoped_release release;
        std::atomic<bool> ended{false};
        Watch watch(ended, ask_python);
        spans.read(known, own, &watch);
    }
    nb::list found;
    for (const SpannedToken &token : spans.tokens())
        found.append(nb::make_tuple(to_str(spans.of(token)), token.begin, token.end));
    return found;
}

nb::dict count_words(nb::handle list, const std::string &tokenizer) {
    const Tokenizer known = known_tokenizer(tokenizer);
    const HeldTexts held(list);
    WordCounter counter;
    {
        nb::gil_scoped_release release;
        std::string scratch;
        std::atomic<bool> ended{false};
        Watch watch(ended, ask_python);
        for (const Text &text : held.texts()) {
            watch.look_closely();
            tokenize(known, text, scratch, [&](const char *token, size_t length) { counter.add(token, length); });
        }
    }
    nb::dict counts;
    for (const auto *entry : counter.words()) counts[to_str(entry->first)] = entry->second;
    return counts;
}

// Whether the tokens of all texts are the same. In ASCII they are, unless one tokenizer cuts words.
bool same_tokens(nb::handle list, const std::string &one, const std::string &other) {
    const Tokenizer tokenizers[] = {known_tokenizer(one), known_tokenizer(other)};
    const bool pieced = tokenizers[0] == Tokenizer::pieces || tokenizers[1] == Tokenizer::pieces;
    const HeldTexts held(list);
    const nb::gil_scoped_release release;
    std::string scratch, tokens[2];
    for (const Text &text : held.texts()) {
        if (text.ascii && !pieced) continue;
        for (int i = 0; i < 2; ++i) {
            tokens[i].clear();
            tokenize(tokenizers[i], text, scratch,
                     [&](const char *token, size_t length) { tokens[i].append(token, length) += ' '; });
        }
        if (tokens[0] != tokens[1]) return false;
    }
    return true;
}

Reader make_reader(nb::handle list, const std::string &tokenizer) {
    const Tokenizer known = known_tokenizer(tokenizer);
    if (!PyList_Check(list.ptr()) && !PyTuple_Check(list.ptr())) throw nb::type_error("words must be a list of str");
    const HeldTexts held(list, "words");
    std::vector<nb::object> encoded;
    std::vector<std::string_view> words;
    for (size_t i = 0; i < held.texts().size(); ++i) {
        if (!PyUnicode_Check(held.at(i)))
            throw nb::type_error(("words must be str, not bytes (item " + std::to_string(i) + ")").c_str());
        nb::object bytes = nb::steal(PyUnicode_AsUTF8String(held.at(i)));  // not cached in the str
        if (!bytes.is_valid()) throw nb::python_error();
        words.emplace_back(PyBytes_AS_STRING(bytes.ptr()), size_t(PyBytes_GET_SIZE(bytes.ptr())));
        encoded.push_back(std::move(bytes));
    }
    return {Vocabulary(words), known};
}

nb::list words_of(const Reader &vocabulary) {
    nb::list words;
    for (size_t i = 0; i < vocabulary.size(); ++i) words.append(to_str(vocabulary[i]));
    return words;
}

template <class Number> nb::bytes make_bytes(size_t count) {
    nb::object bytes = nb::steal(PyBytes_FromStringAndSize(nullptr, Py_ssize_t(count * sizeof(Number))));
    if (!bytes.is_valid()) throw nb::python_error();
    return nb::cast<nb::bytes>(bytes);
}

nb::tuple encode_all(const Reader &vocabulary, const std::vector<Text> &texts, int threads, bool pairs) {
    if (threads < 1) throw nb::value_error("threads must be at least 1");
    std::vector<EncodedPart> parts;
    size_t count = 0;
    {
        nb::gil_scoped_release release;
        parts = encode_texts(vocabulary, vocabulary.tokenizer, texts, size_t(threads), pairs, ask_python);
        for (const EncodedPart &part : parts) count += part.ids.size();
    }
    nb::bytes ids = make_bytes<int32_t>(count);
    nb::bytes offsets = make_bytes<int64_t>(texts.size() + 1);
    char *id = PyBytes_AS_STRING(ids.ptr());
    char *offset = PyBytes_AS_STRING(offsets.ptr());
    int64_t base = 0;
    std::memcpy(offset, &base, 8);
    for (const EncodedPart &part : parts) {
        if (!part.ids.empty()) std::memcpy(id + 4 * base, part.ids.data(), 4 * part.ids.size());
        for (const int64_t end : part.ends) {
            const int64_t shifted = base + end;
            std::memcpy(offset += 8, &shifted, 8);
        }
        base += int64_t(part.ids.size());
    }
    return nb::make_tuple(ids, offsets);
}

nb::tuple encode(const Reader &vocabulary, nb::handle list, int threads) {
    const HeldTexts held(list);
    return encode_all(vocabulary, held.texts(), threads, false);
}

nb::tuple encode_pairs(const Reader &vocabulary, nb::handle one, nb::handle other, int threads) {
    if (vocabulary.size() + kFirstWord > size_t{1} << kFlags)
        throw nb::value_error("for pairs a vocabulary holds fewer than 2^29 words");
    const HeldTexts firsts(one, "firsts"), seconds(other, "seconds");
    const size_t count = firsts.texts().size();
    if (seconds.texts().size() != count) {
        const std::string rule = "there are " + std::to_string(count) + " first texts and " +
                                 std::to_string(seconds.texts().size()) + " second ones";
        throw nb::value_error(rule.c_str());
    }
    std::vector<Text> texts;
    texts.reserve(2 * count);
    for (size_t i = 0; i < count; ++i) {
        texts.push_back(firsts.texts()[i]);
        texts.push_back(seconds.texts()[i]);
    }
    return encode_all(vocabulary, texts, threads, true);
}

}  // namespace
}  // namespace prunetext

void bind_tokenizer(nb::module_ &module) {
    using prunetext::Reader;
    nb::list names;
    for (const std::string_view name : prunetext::kTokenizers) names.append(nb::str(name.data(), name.size()));
    module.attr("TOKENIZERS") = nb::tuple(names);
    module.attr("PIECE_MARK") = nb::str(prunetext::kPieceMark.data(), prunetext::kPieceMark.size());
    module.attr("ORACLE") = prunetext::tables::kOracle;
    module.attr("WORDS_SOURCE") = prunetext::words_tables::kSource;
    module.attr("MATCHED") = prunetext::matched << prunetext::kFlags;
    module.attr("BESIDE") = prunetext::beside << prunetext::kFlags;
    module.def("tokenize", &prunetext::tokenize_text, nb::arg("text").none(), nb::arg("tokenizer") = kUsual,
               nb::sig("def tokenize(text: str, tokenizer: str = \"bert/1\") -> list[str]"),
               "tokenize(\"Café, 中文\") → [\"cafe\", \",\", \"中\", \"文\"]: BERT's basic tokenization; with "
               "\"words/2\", \"café\" keeps its mark, \"pieces/3\" adds \"··ca\", \"·caf\", \"·afé\", \"·fé·\", and "
               "\"pairs/4\" adds \"中文\".");
    module.def("token_spans", &prunetext::token_spans, nb::arg("text").none(), nb::arg("tokenizer") = kUsual,
               nb::sig("def token_spans(text: str | bytes, tokenizer: str = \"bert/1\") -> list[tuple[str, int, int]]"),
               "token_spans(\"Café!\") → [(\"cafe\", 0, 4), (\"!\", 4, 5)]: the tokens, and which characters of a str, "
               "or bytes, each was made from.");
    module.def(
        "count_words", &prunetext::count_words, nb::arg("texts").none(), nb::arg("tokenizer") = kUsual,
        nb::sig("def count_words(texts: list[str], tokenizer: str = \"bert/1\") -> dict[str, int]"),
        "count_words([\"a b\", \"A\"]) → {\"a\": 2, \"b\": 1}: tokens and how often they occur, first come first.");
    module.def("same_tokens", &prunetext::same_tokens, nb::arg("texts").none(), nb::arg("one"), nb::arg("other"),
               nb::sig("def same_tokens(texts: list[str], one: str, other: str) -> bool"),
               "same_tokens([\"a cafe\"], \"bert/1\", \"words/2\") → True: whether two tokenizers find the same "
               "tokens in all texts.");
    nb::class_<Reader>(module, "Vocabulary",
                       "Vocabulary([\"film\", \"great\"]).encode([\"Great!\"]): the ids of words; 0 is padding, 1 "
                       "unknown, word i is i + 2.")
        .def(
            "__init__",
            [](Reader *self, nb::handle words, const std::string &tokenizer) {
                new (self) Reader(prunetext::make_reader(words, tokenizer));
            },
            nb::arg("words").none(), nb::arg("tokenizer") = kUsual,
            nb::sig("def __init__(self, words: list[str], tokenizer: str = \"bert/1\") -> None"))
        .def("__len__", &Reader::size)
        .def_prop_ro("words", &prunetext::words_of, nb::sig("def words(self) -> list[str]"))
        .def("encode", &prunetext::encode, nb::arg("texts").none(), nb::arg("threads") = 1,
             nb::sig("def encode(self, texts: list[str], threads: int = 1) -> tuple[bytes, bytes]"),
             "The ids of all texts one after another (int32), and where each begins, with the end (int64, texts + 1).")
        .def("encode_pairs", &prunetext::encode_pairs, nb::arg("firsts").none(), nb::arg("seconds").none(),
             nb::arg("threads") = 1,
             nb::sig("def encode_pairs(self, firsts: list[str], seconds: list[str], threads: int = 1) -> tuple[bytes, "
                     "bytes]"),
             "The same for pairs, whose texts alternate: first, second, first, … An id has MATCHED added where its "
             "token occurs in "
             "the other text, and BESIDE, too, where that occurs beside the same token as here, before or after it.");
}
