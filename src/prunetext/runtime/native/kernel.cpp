// The kernel, compiled several times: for every processor, for those with AVX2, and for those with AVX-512.
#include "kernel.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "tokenizer.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#define PRUNETEXT_X86 1
#include <immintrin.h>
#endif

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors never cross a call: everything is inlined

#define PRUNETEXT_INLINE inline __attribute__((always_inline))

// Functions between these may use instructions that the rest of the module may not.
#ifdef __clang__
#define PRUNETEXT_BEGIN_AVX2 _Pragma("clang attribute push(__attribute__((target(\"avx2,bmi,bmi2,lzcnt,popcnt\"))), apply_to = function)")
#define PRUNETEXT_BEGIN_AVX512 \
    _Pragma("clang attribute push(__attribute__((target(\"avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi2,bmi,bmi2,lzcnt,popcnt\"))), apply_to = function)")
#define PRUNETEXT_END _Pragma("clang attribute pop")
#else
#define PRUNETEXT_BEGIN_AVX2 _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,bmi,bmi2,lzcnt,popcnt\")")
#define PRUNETEXT_BEGIN_AVX512 \
    _Pragma("GCC push_options") _Pragma("GCC target(\"avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi2,bmi,bmi2,lzcnt,popcnt\")")
#define PRUNETEXT_END _Pragma("GCC pop_options")
#endif

#define PRUNETEXT_LEVEL 0
namespace prunetext::plain {
#include "kernel.inc"
}
#undef PRUNETEXT_LEVEL

#ifdef PRUNETEXT_X86
#define PRUNETEXT_LEVEL 1
PRUNETEXT_BEGIN_AVX2
namespace prunetext::avx2 {
#include "kernel.inc"
}
PRUNETEXT_END
#undef PRUNETEXT_LEVEL

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // of GCC 12's own header, about a register that no result depends on
#endif
#define PRUNETEXT_LEVEL 2
PRUNETEXT_BEGIN_AVX512
namespace prunetext::avx512 {
#include "kernel.inc"
}
PRUNETEXT_END
#undef PRUNETEXT_LEVEL
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif

namespace prunetext {

const std::vector<Kernel> &kernels() {
    static const std::vector<Kernel> found = [] {
        std::vector<Kernel> list;
#ifdef PRUNETEXT_X86
        const bool bits = __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
        const bool wide = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
        if (bits && wide && __builtin_cpu_supports("avx512vbmi2"))  // from Ice Lake and Zen 4 on
            list.push_back({"avx512", avx512::score, avx512::encode, avx512::decide});
        if (bits && __builtin_cpu_supports("avx2")) list.push_back({"avx2", avx2::score, avx2::encode, avx2::decide});
#endif
        list.push_back({"plain", plain::score, plain::encode, plain::decide});
        return list;
    }();
    return found;
}

size_t winner(const Model &model, const Workspace &workspace, size_t text) {
    const double *first = workspace.logits.data() + text * model.bias.size();
    return static_cast<size_t>(std::max_element(first, first + model.labels.size()) - first);
}

// Put powers of e in the place of the logits, that of the winner being 1, and give their sum.
static double to_powers(const Model &model, Workspace &workspace, size_t text) {
    double *const logits = workspace.logits.data() + text * model.bias.size();
    const double most = logits[winner(model, workspace, text)] / model.temperature;
    double sum = 0;
    for (size_t c = 0; c < model.labels.size(); ++c) sum += logits[c] = std::exp(logits[c] / model.temperature - most);
    return sum;
}

// The probability of a label that does not depend on the others. No power overflows.
static float logistic(double scaled) {
    const double power = std::exp(-std::abs(scaled));
    return static_cast<float>((scaled < 0 ? power : 1) / (1 + power));
}

void choose(const Model &model, const Workspace &workspace, size_t text, uint64_t *out) {
    const double *const logits = workspace.logits.data() + text * model.bias.size();
    for (size_t c = 0; c < model.labels.size(); ++c)
        if (logistic(logits[c] / model.temperature) >= model.thresholds[c]) out[c / 64] |= uint64_t{1} << c % 64;
}

void probabilities(const Model &model, Workspace &workspace, size_t text, float *out) {
    if (model.several()) {
        const double *const logits = workspace.logits.data() + text * model.bias.size();
        for (size_t c = 0; c < model.labels.size(); ++c) out[c] = logistic(logits[c] / model.temperature);
        return;
    }
    const double sum = to_powers(model, workspace, text), *const powers = workspace.logits.data() + text * model.bias.size();
    for (size_t c = 0; c < model.labels.size(); ++c) out[c] = static_cast<float>(powers[c] / sum);
}

float top_probability(const Model &model, Workspace &workspace, size_t text) {
    return static_cast<float>(1 / to_powers(model, workspace, text));
}

}  // namespace prunetext
