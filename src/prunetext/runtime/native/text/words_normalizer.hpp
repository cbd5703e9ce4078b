// The normalization of words/2: lower case and composed, with all marks, as UTF-8 in which a token boundary is a space
// or ASCII punctuation.
//
//     WordsNormalizer normalizer(scratch);
//     normalizer.add(text, 0, text.length);    // "Schön😀 がく" → "schön 😀  が く" in scratch
//     normalizer.end();                        // as far as normalizer.size()
//
// A symbol, a punctuation mark, or a letter of a script that is written without spaces begins a token of its own; marks
// behind it belong to it. Everything else, ASCII punctuation aside, forms words.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "text/numbers.hpp"
#include "text/words_tables.hpp"
#include "text/writer.hpp"

namespace prunetext {

namespace detail {

// The classes of words_tables.hpp, and what they say.
namespace words {

enum : char {
    letter = '0',
    deleted = '1',
    space = '2',
    alone = '3',
    mapped = '4',
    mark = '5',
    letter_behind = '6',
    joined = '7',
    joiner = '8',
    half_flag = '9',
    first_behind = 'B',
};

constexpr char class_of(char32_t code) { return words_tables::kPages[words_tables::kPageOf[code >> 8]][code & 255]; }

// Whether a character waits until it is known what it makes with those before it.
constexpr bool waits(char kind) { return kind >= first_behind || kind == letter_behind; }

// The order of marks in a row; 0 for all that is not moved.
constexpr char rank_of(char32_t code) {
    return class_of(code) > first_behind ? char(class_of(code) - first_behind) : 0;
}

constexpr size_t mapped_index(char32_t code) {
    const char32_t *const mapped = numbers<words_tables::kMapped>();
    return std::lower_bound(mapped, mapped + words_tables::kMappedCount, code) - mapped;
}

constexpr bool ascii_rules_hold() {
    for (char32_t code = 0; code < 128; ++code) {
        const char kind = class_of(code);
        const auto c = uint8_t(code);
        const uint8_t lowered = lower_ascii(c);
        bool holds = false;
        if (kind == letter) holds = lowered == c && is_word(lowered);
        if (kind == deleted) holds = is_ascii_deleted(c);
        if (kind == space) holds = lowered == ' ';
        if (kind == alone) holds = lowered == c && !is_word(lowered) && c != ' ';
        if (kind == mapped)
            holds = words_tables::kTargets[words_tables::kBegins[mapped_index(code)]] == lowered && is_word(lowered);
        if (!holds || is_ascii_deleted(c) != (kind == deleted)) return false;
    }
    return true;
}
static_assert(ascii_rules_hold(), "words_tables.hpp disagrees with the ASCII fast path");

constexpr bool ideographs_are_tokens() {
    for (char32_t code = kFirstIdeograph; code < kFirstIdeograph + kIdeographs; ++code)
        if (class_of(code) != alone) return false;
    return true;
}
static_assert(ideographs_are_tokens(), "words_tables.hpp disagrees with the fast path of ideographs");

// Composition (The Unicode Standard, sections 3.11 and 3.12), of lower-case characters.
constexpr char32_t kSyllables = 0xAC00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11A7;
constexpr char32_t kLeadCount = 19, kVowelCount = 21, kTailCount = 28;

// What two characters make, or 0.
inline char32_t composed(char32_t first, char32_t second) {
    if (first - kLeads < kLeadCount && second - kVowels < kVowelCount)
        return kSyllables + ((first - kLeads) * kVowelCount + (second - kVowels)) * kTailCount;
    if (first - kSyllables < kLeadCount * kVowelCount * kTailCount && (first - kSyllables) % kTailCount == 0 &&
        second - kTails - 1 < kTailCount - 1)
        return first + (second - kTails);
    const char32_t *const firsts = words_tables::kFirsts, *const end = firsts + words_tables::kPairCount;
    for (const char32_t *at = std::lower_bound(firsts, end, first); at < end && *at == first; ++at)
        if (words_tables::kSeconds[at - firsts] == second) return words_tables::kComposites[at - firsts];
    return 0;
}

// The place of the pair that makes a character, or kPairCount.
inline size_t pair_of(char32_t code) {
    const auto *const begin = words_tables::kParted, *const end = begin + words_tables::kPartedCount;
    const auto *const at = std::lower_bound(begin, end, code, [](unsigned short place, char32_t wanted) {
        return words_tables::kComposites[place] < wanted;
    });
    return at < end && words_tables::kComposites[*at] == code ? *at : words_tables::kPairCount;
}

// Whether a mark behind this character can change it.
inline bool may_compose(char32_t code) {
    if (code - kLeads < kLeadCount || code - kSyllables < kLeadCount * kVowelCount * kTailCount) return true;
    const char32_t *const firsts = words_tables::kFirsts, *const end = firsts + words_tables::kPairCount;
    return std::binary_search(firsts, end, code) || pair_of(code) < words_tables::kPairCount;
}

// Writes what a character consists of.
inline void part(char32_t code, std::vector<char32_t> &parts) {
    if (const char32_t index = code - kSyllables; index < kLeadCount * kVowelCount * kTailCount) {
        parts.push_back(kLeads + index / (kVowelCount * kTailCount));
        parts.push_back(kVowels + index / kTailCount % kVowelCount);
        if (index % kTailCount) parts.push_back(kTails + index % kTailCount);
        return;
    }
    const size_t pair = pair_of(code);
    if (pair == words_tables::kPairCount) return parts.push_back(code);
    part(words_tables::kFirsts[pair], parts);
    parts.push_back(words_tables::kSeconds[pair]);
}

// Sorts the marks, and makes one character of each pair that makes one.
inline void compose(std::vector<char32_t> &codes) {
    for (size_t begin = 0; begin < codes.size();) {
        if (!rank_of(codes[begin])) {
            ++begin;
            continue;
        }
        size_t end = begin;
        while (end < codes.size() && rank_of(codes[end])) ++end;
        std::stable_sort(codes.begin() + std::ptrdiff_t(begin), codes.begin() + std::ptrdiff_t(end),
                         [](char32_t a, char32_t b) { return rank_of(a) < rank_of(b); });
        begin = end;
    }
    size_t size = 0, starter = SIZE_MAX;
    for (const char32_t code : codes) {
        const char rank = rank_of(code);
        if (starter != SIZE_MAX && (size == starter + 1 || rank_of(codes[size - 1]) < rank))
            if (const char32_t both = composed(codes[starter], code)) {
                codes[starter] = both;
                continue;
            }
        if (!rank) starter = size;
        codes[size++] = code;
    }
    codes.resize(size);
}

}  // namespace words

// Whatever can become one with characters before it waits until the next one that can not. If longer words do not
// matter, `most_waiting` bounds how many wait.
class WordsNormalizer : public Writer<WordsNormalizer> {
  public:
    explicit WordsNormalizer(std::string &scratch, size_t most_waiting = SIZE_MAX)
        : Writer(scratch), most_waiting_(most_waiting) {}

    void end() { close_run(); }

    // Whether what comes next depends on what was there before.
    bool waits() const { return closed_ || joins_ || !waiting_.empty(); }

    // For text/spans.hpp: how many characters wait, whether those that do are written before this one is, and whether
    // this one may begin a word behind others that wait.
    size_t waiting() const { return waiting_.size(); }
    static bool ends_waiting(char32_t code) {
        const char kind = first_kind(code);
        return kind != words::deleted && kind != words::joiner && !words::waits(kind);
    }
    static bool may_begin(char32_t code) { return first_kind(code) == words::letter_behind; }

  private:
    friend Writer;

    // The class of what is first written of a character.
    static char first_kind(char32_t code) {
        const char kind = words::class_of(code);
        if (kind != words::mapped) return kind;
        return words::class_of(words_tables::kTargets[words_tables::kBegins[words::mapped_index(code)]]);
    }

    void before_ascii() {
        close_run();
        if (closed_) put(' ');
        closed_ = joins_ = half_flag_ = false;
        joiner_ = 0;
    }

    void add_code(char32_t code) {
        if (code - kFirstIdeograph < kIdeographs) {
            close_run();
            put_ideograph(code, true);
            closed_ = true;
            joins_ = half_flag_ = false;
            joiner_ = 0;
            return;
        }
        const char kind = words::class_of(code);
        if (kind != words::mapped) return take(code, kind);
        const size_t index = words::mapped_index(code);
        const auto *const begins = numbers<words_tables::kBegins>();
        const auto *const targets = numbers<words_tables::kTargets>();
        for (size_t t = begins[index]; t < begins[index + 1]; ++t) take(targets[t], words::class_of(targets[t]));
    }

    void take(char32_t code, char kind) {
        if (kind == words::deleted) return;
        if (kind == words::joiner) {
            if (joins_ && !joiner_) joiner_ = code;
            return;
        }
        if (words::waits(kind)) {
            if (waiting_.size() < most_waiting_) waiting_.push_back(code);
            joins_ = joins_ && kind != words::letter_behind;
            joiner_ = 0;
            return;
        }
        close_run();
        place(code, kind);
    }

    // Writes a character whose form is final.
    void place(char32_t code, char kind) {
        if (kind == words::mark || kind >= words::first_behind) {
            put(code);
            half_flag_ = false;
            joiner_ = 0;
            return;
        }
        const bool second = kind == words::half_flag && half_flag_;
        const bool apart = kind == words::alone || kind == words::half_flag;
        if (kind == words::space || (closed_ && !second) || (apart && !second && code >= 128)) put(' ');
        if (kind == words::joined && joiner_) put(joiner_);
        if (kind != words::space) put(code);
        closed_ = apart && code >= 128;
        joins_ = kind == words::joined;
        half_flag_ = kind == words::half_flag && !second;
        joiner_ = 0;
    }

    // The last character that is written, and its bytes; 0 if there is none.
    char32_t last(size_t &bytes) const {
        for (bytes = 1; bytes <= std::min<size_t>(size_, 4); ++bytes) {
            const auto c = uint8_t(scratch_[size_ - bytes]);
            if (c < 128) return bytes == 1 ? c : 0;
            if ((c & 0xC0) == 0x80) continue;
            size_t at = 0;
            const char32_t code = decode(reinterpret_cast<const uint8_t *>(scratch_.data()) + size_ - bytes, at, bytes);
            return at == bytes && code != 0xFFFD ? code : 0;
        }
        return 0;
    }

    void close_run() {
        if (waiting_.empty()) [[likely]]
            return;
        const char32_t joiner = joiner_;  // which came behind all of these
        size_t bytes = 0;
        const char32_t before = last(bytes);
        const bool changes = before && words::may_compose(before);
        codes_.clear();
        if (changes) {
            size_ -= bytes;
            words::part(before, codes_);
        }
        for (const char32_t code : waiting_) words::part(code, codes_);
        waiting_.clear();
        words::compose(codes_);
        size_t first = 0;
        if (changes) put(codes_[first++]);  // it takes the place of the one before, whatever stood around that
        for (; first < codes_.size(); ++first) place(codes_[first], words::class_of(codes_[first]));
        joiner_ = joiner;
    }

    const size_t most_waiting_;
    bool closed_ = false;     // the token before is complete, but for marks
    bool joins_ = false;      // a joiner can follow
    bool half_flag_ = false;  // and so can the other half of a flag
    char32_t joiner_ = 0;     // which is written if a letter follows
    std::vector<char32_t> waiting_, codes_;
};

}  // namespace detail

}  // namespace prunetext
