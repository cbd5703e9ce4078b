// A strict JSON reader for untrusted text. The caller pulls the values it expects: no tree is built, nesting is no
// deeper than the caller's own code, and memory stays within the text's size.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "refuse.hpp"

namespace prunetext {

inline bool valid_utf8(std::string_view text) {
    for (size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i++]);
        if (lead < 0x80) continue;
        const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4 || text.size() - i < static_cast<size_t>(more)) return false;
        uint32_t code = lead & (0x3Fu >> more);
        for (int j = 0; j < more; ++j) {
            const auto next = static_cast<unsigned char>(text[i++]);
            if ((next & 0xC0) != 0x80) return false;
            code = code << 6 | (next & 0x3Fu);
        }
        if ((more == 2 && code < 0x800) || (more == 3 && code < 0x10000)) return false;  // an overlong form
        if ((code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) return false;
    }
    return true;
}

class JsonReader {
  public:
    // `what` names the text in messages; the text must be valid UTF-8 and outlive the reader.
    JsonReader(std::string_view text, const char *what) : text_(text), what_(what) {
        if (!valid_utf8(text)) fail("is not valid UTF-8");
    }

    [[noreturn]] void fail(const std::string &reason) const { refuse(what_ + (" " + reason)); }

    size_t position() const { return at_; }

    // Skip white space, then take `wanted` if it comes next.
    bool take(char wanted) {
        space();
        if (at_ == text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    void expect(char wanted) {
        if (!take(wanted))
            fail(std::string("is not the JSON expected: no '") + wanted + "' at byte " + std::to_string(at_));
    }

    // Call `member` for each key of an object, with the reader standing at the value.
    template <class Member> void object(Member &&member) {
        expect('{');
        if (take('}')) return;
        do {
            const std::string key = string();
            expect(':');
            member(key);
        } while (take(','));
        expect('}');
    }

    // Call `item` for each place of a list, with the reader standing at the value.
    template <class Item> void list(Item &&item) {
        expect('[');
        if (take(']')) return;
        do item();
        while (take(','));
        expect(']');
    }

    uint64_t integer() {
        space();
        const size_t start = at_;
        uint64_t value = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            const auto digit = static_cast<uint64_t>(text_[at_] - '0');
            if (value > (INT64_MAX - digit) / 10) fail("has a number that is too large");
            value = value * 10 + digit;
        }
        if (at_ == start || (text_[start] == '0' && at_ - start > 1)) fail("has no whole number where one is expected");
        return value;
    }

    // The characters of a number, for the caller to parse.
    // A number as it is written; empty if there is none, or one that JSON does not know, such as ".5".
    std::string number() {
        space();
        const size_t start = at_;
        if (at_ < text_.size() && text_[at_] == '-') ++at_;
        const size_t whole = at_;
        bool sound = digits() && (at_ == whole + 1 || text_[whole] != '0');
        if (sound && at_ < text_.size() && text_[at_] == '.') {
            ++at_;
            sound = digits();
        }
        if (sound && at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
            ++at_;
            if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
            sound = digits();
        }
        return sound ? std::string(text_.substr(start, at_ - start)) : std::string();
    }

    std::string string() {
        expect('"');
        std::string value;
        for (;;) {
            const char unit = next();
            if (unit == '"') return value;
            if (static_cast<unsigned char>(unit) < 0x20) fail("has a control character in a string");
            if (unit == '\\') escape(value);
            else value += unit;
        }
    }

    void end() {
        space();
        if (at_ != text_.size()) fail("goes on after its end, at byte " + std::to_string(at_));
    }

  private:
    // Takes digits, and says whether there were any.
    bool digits() {
        const size_t start = at_;
        while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
        return at_ > start;
    }

    char next() {
        if (at_ == text_.size()) fail("ends inside a string");
        return text_[at_++];
    }

    void space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
            ++at_;
    }

    void escape(std::string &value) {
        switch (next()) {
            case '"': value += '"'; return;
            case '\\': value += '\\'; return;
            case '/': value += '/'; return;
            case 'b': value += '\b'; return;
            case 'f': value += '\f'; return;
            case 'n': value += '\n'; return;
            case 'r': value += '\r'; return;
            case 't': value += '\t'; return;
            case 'u': append(value, code_point()); return;
            default: fail("has an unknown escape in a string");
        }
    }

    uint32_t hex4() {
        uint32_t code = 0;
        for (int i = 0; i < 4; ++i) {
            const char digit = next();
            if (digit >= '0' && digit <= '9') code = code << 4 | static_cast<uint32_t>(digit - '0');
            else if (digit >= 'a' && digit <= 'f') code = code << 4 | static_cast<uint32_t>(digit - 'a' + 10);
            else if (digit >= 'A' && digit <= 'F') code = code << 4 | static_cast<uint32_t>(digit - 'A' + 10);
            else fail("has a broken \\u escape in a string");
        }
        return code;
    }

    uint32_t code_point() {
        const uint32_t high = hex4();
        if (high < 0xD800 || high > 0xDFFF) return high;
        if (high > 0xDBFF || next() != '\\' || next() != 'u') fail("has half a surrogate pair in a string");
        const uint32_t low = hex4();
        if (low < 0xDC00 || low > 0xDFFF) fail("has half a surrogate pair in a string");
        return 0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00));
    }

    static void append(std::string &value, uint32_t code) {
        if (code < 0x80) {
            value += static_cast<char>(code);
            return;
        }
        const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        constexpr uint32_t leads[4] = {0, 0xC0, 0xE0, 0xF0};
        value += static_cast<char>(leads[more] | code >> (6 * more));
        for (int i = more - 1; i >= 0; --i) value += static_cast<char>(0x80 | (code >> (6 * i) & 0x3F));
    }

    std::string_view text_;
    const char *what_;
    size_t at_ = 0;
};

}  // namespace prunetext
