// The tokens of a text, and which of the caller's characters each was made from.
//
//     TokenSpans spans;
//     spans.read(Tokenizer::bert, text);    // "Café!" → "cafe" 0 4, "!" 4 5
//
// A normalizer keeps no places. It is therefore fed step by step: where no character waits for the next one, what has
// been written since the last such moment was made from what has been read since then. Plain ASCII is one step.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.hpp"
#include "watch.hpp"

namespace prunetext {

// A token: its place in the text, in the text's units, from the first character that it was made from to the last, with
// accents and selectors of variants that it has lost behind them; and its bytes, as a place in `TokenSpans::bytes`.
struct SpannedToken {
    size_t begin, end, at, length;
};

namespace detail {

// Where the bytes of a normalized text come from: from `byte` on to the next run, all from text[begin:end], or, where
// `each`, one byte from one unit.
struct Run {
    size_t byte, begin, end;
    bool each;
};

class Tracing {
  public:
    Tracing(const Text &text, std::string &scratch, std::vector<Run> &runs, Watch *watch)
        : text_(text), scratch_(scratch), runs_(runs), watch_(watch) {
        runs_.clear();
    }

    // Normalizes the whole text; its size.
    template <class Own> size_t normalize() {
        Own normalizer(scratch_);
        size_t seen = 0;
        for (size_t at = 0; at < text_.length;) {
            if (watch_ && at - seen >= most_ascii) {
                watch_->look();
                seen = at;
            }
            const size_t plain = ascii(at);
            if (plain) {
                settle(normalizer);
                normalizer.add(text_, at, plain);
                runs_.push_back({normalizer.size() - plain, at, at + plain, true});
                at += plain;
                continue;
            }
            size_t next = at;
            const char32_t code = code_at<Own>(next);
            if (code >= 128) take(normalizer, code, at, next);
            at = next;  // ASCII that is deleted changes nothing
        }
        settle(normalizer);
        normalizer.end();
        return normalizer.size();
    }

  private:
    static constexpr size_t most_ascii = 4096, none = SIZE_MAX;

    uint32_t unit(size_t at) const {
        if (text_.unit == 2) return static_cast<const uint16_t *>(text_.units)[at];
        if (text_.unit == 4) return static_cast<const uint32_t *>(text_.units)[at];
        return static_cast<const uint8_t *>(text_.units)[at];
    }

    // How many characters from `at` on are ASCII that is not deleted.
    size_t ascii(size_t at) const {
        const size_t stop = std::min(text_.length, at + most_ascii);
        size_t end = at;
        const auto plain = [](uint32_t c) { return c < 127 && (c >= ' ' || is_ascii_space(uint8_t(c))); };
        if (text_.unit < 2) {
            const auto *bytes = static_cast<const uint8_t *>(text_.units);
            for (; end + 16 <= stop; end += 16) {
                unsigned all = 1;
                for (size_t i = end; i < end + 16; ++i) all &= unsigned(uint8_t(bytes[i] - ' ') < 95);
                if (!all) break;
            }
        }
        while (end < stop && plain(unit(end))) ++end;
        return end - at;
    }

    // The character at a place, which is moved behind it.
    template <class Own> char32_t code_at(size_t &at) const {
        if (text_.unit == 0) return Own::decode(static_cast<const uint8_t *>(text_.units), at, text_.length);
        return unit(at++);
    }

    template <class Own> void take(Own &normalizer, char32_t code, size_t begin, size_t end) {
        if (Own::ends_waiting(code)) settle(normalizer);
        const size_t size = normalizer.size(), waiting = normalizer.waiting();
        normalizer.add(text_, begin, end - begin);
        if (normalizer.size() > size) runs_.push_back({size, begin, end, false});
        if (normalizer.waiting() > waiting) {
            if (!waiting) begin_ = begin, second_ = none;
            if (second_ == none && Own::may_begin(code)) second_ = begin;
            end_ = end;
        } else if (normalizer.size() == size && trails(code)) {
            if (waiting) end_ = end;
            else trail(size, begin, end);
        }
    }

    // Whether a character that is left out belongs to the letter before it: accents and selectors of variants do.
    static bool trails(char32_t code) {
        const char kind = words::class_of(code);
        return kind == words::mark || kind >= words::first_behind || (code >= 0xFE00 && code < 0xFE10) ||
               (code >= 0xE0100 && code < 0xE01F0);
    }

    // Let a character that is left out belong to the one before it, unless something else stood between them.
    void trail(size_t size, size_t begin, size_t end) {
        if (runs_.empty() || !size) return;
        Run &last = runs_.back();
        if (last.end != begin) return;
        if (!last.each) last.end = end;
        else if (is_word(uint8_t(scratch_[size - 1]))) runs_.push_back({size - 1, begin - 1, end, false});
    }

    // Write what waits. It may change the character before it; a letter that begins a word of its own does not.
    template <class Own> void settle(Own &normalizer) {
        if (!normalizer.waiting()) return;
        const size_t size = normalizer.size();
        size_t last = size - (size > 0);
        while (last && (uint8_t(scratch_[last]) & 0xC0) == 0x80) --last;
        char before[4];
        const size_t length = std::min<size_t>(size - last, 4);
        std::memcpy(before, scratch_.data() + last, length);
        normalizer.end();
        const size_t now = normalizer.size();
        const bool changed = now < size || std::memcmp(before, scratch_.data() + last, length) != 0;
        const size_t byte = changed ? last : size;
        size_t begin = begin_;
        while (changed && !runs_.empty() && runs_.back().byte >= byte) {
            begin = runs_.back().begin;
            runs_.pop_back();
        }
        if (changed && begin == begin_ && !runs_.empty()) begin = place(runs_.back(), byte).begin;
        const auto *const space = static_cast<const char *>(std::memchr(scratch_.data() + byte, ' ', now - byte));
        if (space && second_ != none) {
            runs_.push_back({byte, begin, second_, false});
            runs_.push_back({size_t(space - scratch_.data()), second_, end_, false});
        } else {
            runs_.push_back({byte, begin, end_, false});
        }
    }

  public:
    struct Place {
        size_t begin, end;
    };

    // Where one byte of a run comes from.
    static Place place(const Run &run, size_t byte) {
        if (!run.each) return {run.begin, run.end};
        const size_t at = run.begin + (byte - run.byte);
        return {at, at + 1};
    }

  private:
    const Text &text_;
    std::string &scratch_;
    std::vector<Run> &runs_;
    Watch *const watch_;
    size_t begin_ = 0, end_ = 0, second_ = none;  // of the characters that wait, and of the first that may begin a word
};

}  // namespace detail

class TokenSpans {
  public:
    // Finds the tokens of a text, those that `tokenize` finds; `watch` may end it.
    void read(Tokenizer tokenizer, const Text &text, Watch *watch = nullptr) {
        tokens_.clear();
        added_.clear();
        letter_ = {};
        detail::Tracing tracing(text, scratch_, runs_, watch);
        const size_t size = tokenizer == Tokenizer::bert ? tracing.normalize<detail::BertNormalizer>()
                                                         : tracing.normalize<detail::WordsNormalizer>();
        tokens_.reserve(size / 4 + 8);
        size_t run = 0;
        find_tokens(scratch_, size, [&](const char *token, size_t length) {
            if (watch && (tokens_.size() + 1) % looks == 0) watch->look();
            const auto at = size_t(token - scratch_.data());
            const size_t begin = place(run, at).begin;
            const Word word{{token, length}, {begin, place(run, at + length - 1).end, at, length}, at, run};
            if (!adds_tokens(tokenizer)) tokens_.push_back(word.token);
            else if (tokenizer == Tokenizer::pieces) add_pieces(word);
            else add_pair(word);
        });
        if (adds_tokens(tokenizer)) added_.append(kPadding, ' ');
        own_ = adds_tokens(tokenizer);
    }

    // Takes tokens that were found in the text itself: [begins[i], ends[i]) in `bytes`, all of it in lower case.
    void take(std::string_view bytes, const uint32_t *begins, const uint32_t *ends, size_t count) {
        scratch_.reserve(bytes.size() + kPadding);
        scratch_.assign(bytes).append(kPadding, ' ');
        own_ = false;
        tokens_.resize(count);
        for (size_t t = 0; t < count; ++t) tokens_[t] = {begins[t], ends[t], begins[t], ends[t] - begins[t]};
    }

    const std::vector<SpannedToken> &tokens() const { return tokens_; }

    // The bytes of all tokens; kPadding are readable behind each.
    const char *bytes() const { return own_ ? added_.data() : scratch_.data(); }
    std::string_view of(const SpannedToken &token) const { return {bytes() + token.at, token.length}; }

  private:
    static constexpr size_t looks = 4096;
    struct Word {
        std::string_view bytes;
        SpannedToken token;
        size_t at, run;  // its place in scratch, and the run of its last byte
    };

    // Where a byte comes from; `run` is at most the one that it is in, and becomes that.
    detail::Tracing::Place place(size_t &run, size_t byte) const {
        while (run + 1 < runs_.size() && runs_[run + 1].byte <= byte) ++run;
        return detail::Tracing::place(runs_[run], byte);
    }

    // The same for any byte of a word that ends in the run `run`.
    detail::Tracing::Place place_before(size_t run, size_t byte) const {
        while (runs_[run].byte > byte) --run;
        return detail::Tracing::place(runs_[run], byte);
    }

    void add(std::string_view first, std::string_view second, size_t begin, size_t end) {
        tokens_.push_back({begin, end, added_.size(), first.size() + second.size()});
        added_.append(first).append(second);
    }

    void add_pieces(const Word &word) {
        add(word.bytes, {}, word.token.begin, word.token.end);
        detail::PieceWriter::each_piece(word.bytes, [&](size_t begin, size_t end, bool first, bool last) {
            const size_t from = place_before(word.run, word.at + begin).begin,
                         to = place_before(word.run, word.at + end - 1).end;
            std::string piece(kPieceMark);
            if (first) piece += kPieceMark;
            piece += word.bytes.substr(begin, end - begin);
            if (last) piece += kPieceMark;
            add(piece, {}, from, to);
        });
    }

    void add_pair(const Word &word) {
        const bool letter = detail::PairWriter::is_letter(word.bytes);
        if (letter && letter_.length)
            add({scratch_.data() + letter_.at, letter_.length}, word.bytes, letter_.begin, word.token.end);
        add(word.bytes, {}, word.token.begin, word.token.end);
        letter_ = letter ? word.token : SpannedToken{};
    }

    std::string scratch_, added_;
    std::vector<detail::Run> runs_;
    std::vector<SpannedToken> tokens_;
    SpannedToken letter_{};  // the letter before, in scratch, if the next one makes a pair with it
    bool own_ = false;       // the tokens' bytes are those that were added
};

}  // namespace prunetext
