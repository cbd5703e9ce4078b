// BERT's normalization: lower-cased UTF-8 without accents, in which a token boundary is a space or ASCII punctuation.
//
//     BertNormalizer normalizer(scratch);
//     normalizer.add(text, 0, text.length);    // "Café, 中" → "cafe,  中 " in scratch
//     normalizer.end();                        // as far as normalizer.size()
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "text/numbers.hpp"
#include "text/unicode_tables.hpp"
#include "text/writer.hpp"

namespace prunetext {

namespace detail {

constexpr char class_of(char32_t code) { return tables::kPages[tables::kPageOf[code >> 8]][code & 255]; }
constexpr bool is_mark(char kind) { return kind >= 'a'; }

constexpr size_t mapped_index(char32_t code) {
    const char32_t *const mapped = numbers<tables::kMapped>();
    return std::lower_bound(mapped, mapped + tables::kMappedCount, code) - mapped;
}

constexpr bool ascii_rules_hold() {
    for (char32_t code = 0; code < 128; ++code) {
        const char kind = class_of(code);
        const auto c = uint8_t(code);
        const uint8_t lowered = lower_ascii(c);
        bool holds = false;
        if (kind == '0') holds = lowered == c && is_word(lowered);
        if (kind == '1') holds = is_ascii_deleted(c);
        if (kind == '3') holds = lowered == ' ';
        if (kind == '4') holds = lowered == c && !is_word(lowered) && c != ' ';
        if (kind == '5') holds = tables::kTargets[tables::kBegins[mapped_index(code)]] == lowered && is_word(lowered);
        if (!holds || is_ascii_deleted(c) != (kind == '1')) return false;
    }
    return true;
}
static_assert(ascii_rules_hold(), "unicode_tables.hpp disagrees with the ASCII fast path");

constexpr bool ideographs_are_tokens() {
    for (char32_t code = kFirstIdeograph; code < kFirstIdeograph + kIdeographs; ++code)
        if (class_of(code) != '4') return false;
    return true;
}
static_assert(ideographs_are_tokens(), "unicode_tables.hpp disagrees with the fast path of ideographs");

// Marks wait until the next starter, because their order is then known. They all become part of one word. If longer
// words do not matter, `most_marks` bounds how many are kept in a row.
class BertNormalizer : public Writer<BertNormalizer> {
  public:
    explicit BertNormalizer(std::string &scratch, size_t most_marks = SIZE_MAX)
        : Writer(scratch), most_marks_(most_marks) {}

    void end() { close_run(); }

    // Whether marks wait: they belong before whatever is written next.
    bool waits() const { return !marks_.empty(); }

    // For text/spans.hpp: how many characters wait, whether those that do are written before this one is, and whether
    // this one may begin a word behind others that wait.
    size_t waiting() const { return marks_.size(); }
    static bool ends_waiting(char32_t code) {
        const char kind = first_kind(code);
        return kind != '1' && !is_mark(kind);
    }
    static bool may_begin(char32_t) { return false; }

  private:
    friend Writer;

    struct Mark {
        char32_t code;
        char kind;
    };

    // The class of what is first written of a character.
    static char first_kind(char32_t code) {
        const char kind = class_of(code);
        return kind == '5' ? class_of(tables::kTargets[tables::kBegins[mapped_index(code)]]) : kind;
    }

    void before_ascii() { close_run(); }

    void add_code(char32_t code) {
        if (code - kFirstIdeograph < kIdeographs) {
            close_run();
            return put_ideograph(code);
        }
        const char kind = class_of(code);
        if (kind != '5') return place(code, kind);
        const size_t index = mapped_index(code);
        const auto *const begins = numbers<tables::kBegins>();
        const auto *const targets = numbers<tables::kTargets>();
        for (size_t t = begins[index]; t < begins[index + 1]; ++t) place(targets[t], class_of(targets[t]));
    }

    void place(char32_t code, char kind) {
        if (is_mark(kind)) {
            if (marks_.size() < most_marks_) marks_.push_back({code, kind});
            return;
        }
        if (kind == '1') return;
        close_run();
        switch (kind) {
            case '0': return put(code);
            case '2': return;
            case '3': return put(' ');
            case '4': put(' '), put(code), put(' '); return;
            default: return put_syllable(code);
        }
    }

    void close_run() {
        if (marks_.empty()) [[likely]]
            return;
        std::stable_sort(marks_.begin(), marks_.end(), [](Mark a, Mark b) { return a.kind < b.kind; });
        for (const Mark mark : marks_) put(mark.code);
        marks_.clear();
    }

    void put_syllable(char32_t code) {  // The Unicode Standard, section 3.12
        const char32_t index = code - 0xAC00;
        put(0x1100 + index / (21 * 28));
        put(0x1161 + index / 28 % 21);
        if (index % 28) put(0x11A7 + index % 28);
    }

    const size_t most_marks_;
    std::vector<Mark> marks_;
};

}  // namespace detail

}  // namespace prunetext
