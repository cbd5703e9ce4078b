// A decimal number as JSON writes it, and the float64 that is nearest to it, whatever the locale and the library.
//
//     parse_number("2.5e-1")    // 0.25
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace prunetext {

namespace detail {

// A whole number of any size, the lowest 32 bits first.
class Whole {
  public:
    void multiply_add(uint32_t factor, uint32_t more) {
        uint64_t carry = more;
        for (uint32_t &part : parts_) {
            carry += uint64_t{part} * factor;
            part = static_cast<uint32_t>(carry);
            carry >>= 32;
        }
        if (carry) parts_.push_back(static_cast<uint32_t>(carry));
    }
    bool less(const Whole &other) const {
        if (parts_.size() != other.parts_.size()) return parts_.size() < other.parts_.size();
        return std::lexicographical_compare(parts_.rbegin(), parts_.rend(), other.parts_.rbegin(), other.parts_.rend());
    }
    // Of one that is not larger.
    void subtract(const Whole &other) {
        int64_t borrow = 0;
        for (size_t i = 0; i < parts_.size(); ++i) {
            borrow += int64_t{parts_[i]} - (i < other.parts_.size() ? other.parts_[i] : 0);
            parts_[i] = static_cast<uint32_t>(borrow);
            borrow >>= 32;
        }
        while (!parts_.empty() && parts_.back() == 0) parts_.pop_back();
    }
    // Multiplies it by base^times, where `power` is base^step.
    void raise(uint32_t base, uint32_t power, int64_t step, int64_t times) {
        for (; times >= step; times -= step) multiply_add(power, 0);
        for (; times > 0; --times) multiply_add(base, 0);
    }
    int64_t bits() const { return 32 * static_cast<int64_t>(parts_.size()) - std::countl_zero(parts_.back()); }
    bool zero() const { return parts_.empty(); }

  private:
    std::vector<uint32_t> parts_;
};

// digits · 10^exponent, rounded half to even; normal float64 and 0 alone are exact.
inline double nearest(std::string_view digits, int64_t exponent) {
    if (digits.empty()) return 0;
    constexpr uint32_t billion = 1000000000;
    const int64_t magnitude = exponent + static_cast<int64_t>(digits.size());
    if (magnitude > 310) return INFINITY;
    if (magnitude < -330) return 0;
    Whole above, below;
    for (size_t i = 0; i < digits.size();) {
        uint32_t factor = 1, part = 0;
        for (; factor < billion && i < digits.size(); factor *= 10)
            part = 10 * part + static_cast<uint32_t>(digits[i++] - '0');
        above.multiply_add(factor, part);
    }
    below.multiply_add(1, 1);
    (exponent > 0 ? above : below).raise(10, billion, 9, exponent > 0 ? exponent : -exponent);
    // The number is above / below · 2^power, and then below ≤ above < 2 · below.
    int64_t power = above.bits() - below.bits();
    (power > 0 ? below : above).raise(2, 1u << 31, 31, power > 0 ? power : -power);
    if (above.less(below)) {
        above.multiply_add(2, 0);
        --power;
    }
    uint64_t bits = 0;
    for (int i = 0; i < 53; ++i) {
        bits <<= 1;
        if (!above.less(below)) {
            above.subtract(below);
            bits |= 1;
        }
        above.multiply_add(2, 0);
    }
    const bool half = !above.less(below);
    if (half) above.subtract(below);
    if (half && (!above.zero() || bits & 1)) ++bits;
    return std::ldexp(static_cast<double>(bits), static_cast<int>(power) - 52);
}

}  // namespace detail

// None if the text is no number.
inline std::optional<double> parse_number(std::string_view text) {
    constexpr size_t most = 800;  // digits that can matter, but for whether there are any others than 0 behind them
    const bool negative = text.starts_with('-');
    size_t at = negative;
    std::vector<char> digits;
    int64_t exponent = 0;
    bool point = false, any = false;
    for (; at < text.size(); ++at) {
        const char unit = text[at];
        if (unit == '.' && !point) {
            point = true;
            continue;
        }
        if (unit < '0' || unit > '9') break;
        any = true;
        exponent -= point;
        if (digits.empty() && unit == '0') continue;
        if (digits.size() < most) digits.push_back(unit);
        else {
            ++exponent;
            if (unit != '0') digits.back() |= 1;  // of the last digit, '0' becomes '1' at least, and no half is met
        }
    }
    if (!any) return {};
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        const bool down = ++at < text.size() && text[at] == '-';
        if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
        int64_t value = 0;
        const size_t first = at;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
            value = std::min<int64_t>(10 * value + (text[at] - '0'), 1 << 30);
        if (at == first) return {};
        exponent += down ? -value : value;
    }
    if (at != text.size()) return {};
    const double value = detail::nearest({digits.data(), digits.size()}, exponent);
    return negative ? -value : value;
}

}  // namespace prunetext
