// e to the power of a number: the same bits on every platform, which a C library's exp does not promise.
//
//     exponential(1.0)    // 2.7182818284590455
//
// x = n · ln 2 + r, where n is a whole number and |r| at most 0.35; e^r is its Taylor series up to r^13, and the result
// 2^n · e^r, less than one unit in the last place from the true value. docs/format.md has the steps: additions and
// multiplications of float64 in a fixed order, which a compiler must not fuse (-ffp-contract=off).
#pragma once
#include <bit>
#include <cfloat>
#include <cstdint>

#ifdef __FAST_MATH__
#error "without -ffast-math: it changes what a model answers"
#endif

namespace prunetext {

static_assert(FLT_EVAL_METHOD == 0, "float64 must not be computed with more digits: on x86, use SSE2");

// 2^n, for n from -1022 to 1023.
inline double power_of_two(int64_t n) { return std::bit_cast<double>(static_cast<uint64_t>(n + 1023) << 52); }

inline double exponential(double x) {
    constexpr double whole = 6755399441055744.0;  // 1.5 · 2^52: adding and taking it away rounds half to even
    constexpr double over_ln2 = 0x1.71547652b82fep+0;
    constexpr double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;  // n · ln2_high is exact
    if (!(x > -746)) return x <= -746 ? 0 : x;                                     // x itself where it is no number
    const double held = x < 710 ? x : 710;                                         // whose power is infinite
    const double n = (held * over_ln2 + whole) - whole;
    const double r = (held - n * ln2_high) - n * ln2_low, z = r * r;
    double even = 1.0 / 479001600, odd = 1.0 / 6227020800;  // 1 / 12! and 1 / 13!
    even = even * z + 1.0 / 3628800, odd = odd * z + 1.0 / 39916800;
    even = even * z + 1.0 / 40320, odd = odd * z + 1.0 / 362880;
    even = even * z + 1.0 / 720, odd = odd * z + 1.0 / 5040;
    even = even * z + 1.0 / 24, odd = odd * z + 1.0 / 120;
    even = even * z + 1.0 / 2, odd = odd * z + 1.0 / 6;
    const double power = 1 + (r + z * (even + r * odd));
    const auto whole_n = static_cast<int64_t>(n), half = whole_n / 2;  // 2^n itself may be out of range
    return power * power_of_two(half) * power_of_two(whole_n - half);
}

}  // namespace prunetext
