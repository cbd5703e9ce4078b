// The C interface. Exceptions end here; where there are none, as in WebAssembly, a refusal ends the program after its
// reason has been written.
#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <string_view>

#include "c/prunetext.h"
#include "explain.hpp"
#include "file/file.hpp"
#include "file/inflate.hpp"
#include "kernel/answers.hpp"
#include "kernel/kernel.hpp"

struct prunetext_model {
    prunetext::Model model;
};

namespace prunetext {

namespace {

// Where the reason of a refusal goes.
struct Message {
    char *bytes = nullptr;
    size_t room = 0;

    void write(std::string_view reason) const {
        if (room == 0) return;
        size_t size = std::min(reason.size(), room - 1);
        while (size && size < reason.size() && (reason[size] & 0xC0) == 0x80) --size;  // not within a character
        std::memcpy(bytes, reason.data(), size);
        bytes[size] = 0;
    }
};

constexpr std::string_view no_memory = "there is not enough memory for it";

// Call it, and give `otherwise` if it cannot be done.
template <class Call, class Result> Result guarded(const Message &message, Result otherwise, Call call) noexcept {
#ifdef __cpp_exceptions
    try {
        return call();
    } catch (const std::bad_alloc &) {
        message.write(no_memory);
    } catch (const std::exception &error) {
        message.write(error.what());
    } catch (...) {
        message.write("the call was ended");
    }
    return otherwise;
#else
    (void)message, (void)otherwise;
    return call();
#endif
}

#ifndef __cpp_exceptions
Message current;
#endif

// Kept by each thread for its next text: one text takes less time than making it.
Workspace &own_workspace() {
#ifdef __wasm__  // one thread, and nothing at its end
    static Workspace *const own = new Workspace;
    return *own;
#else
    static thread_local Workspace own;
    return own;
#endif
}

int32_t predict(const Model &model, const Text *texts, float *shares, uint8_t *chosen) {
    Workspace &workspace = own_workspace();
    kernels().front().score(model, texts, 1, workspace);
    const uint32_t label = winner(model, workspace, 0);
    const size_t classes = model.labels.size();
    if (chosen) {
        std::vector<uint64_t> bits((classes + 63) / 64);
        given_labels(model, workspace, 0, bits.data());
        for (size_t c = 0; c < classes; ++c) chosen[c] = bits[c / 64] >> c % 64 & 1;
    }
    if (shares) probabilities(model, workspace, 0, shares);
    return static_cast<int32_t>(label);
}

}  // namespace

#ifndef __cpp_exceptions
void stop(std::string_view reason) {
    current.write(reason);
    __builtin_trap();
}
#endif

}  // namespace prunetext

#ifdef __wasm__
// What the library does not survive, such as a lack of memory: without the text that it would print.
_LIBCPP_BEGIN_NAMESPACE_STD
void __libcpp_verbose_abort(const char *, ...) noexcept { __builtin_trap(); }
_LIBCPP_END_NAMESPACE_STD
#endif

extern "C" {

prunetext_model *prunetext_load(const void *bytes, size_t size, char *message, size_t room) {
    using namespace prunetext;
    const Message reason{message, message ? room : 0};
#ifndef __cpp_exceptions
    current = reason;
    reason.write(no_memory);  // should memory be what the call ends for
#endif
    return guarded(reason, static_cast<prunetext_model *>(nullptr), [&] {
        const std::string_view file(static_cast<const char *>(bytes), size);
        auto *const model = new prunetext_model{Model(read_memory(file), inflate)};
        reason.write({});
        return model;
    });
}

void prunetext_free(prunetext_model *model) { delete model; }

prunetext_task prunetext_task_of(const prunetext_model *model) {
    if (model->model.pairs) return PRUNETEXT_PAIRS;
    return model->model.several() ? PRUNETEXT_LABELS : PRUNETEXT_CLASSIFICATION;
}

size_t prunetext_label_count(const prunetext_model *model) { return model->model.labels.size(); }

const char *prunetext_label(const prunetext_model *model, size_t label, size_t *length) {
    if (label >= model->model.labels.size()) return nullptr;
    const std::string &found = model->model.labels[label];
    if (length) *length = found.size();
    return found.c_str();
}

double prunetext_reject(const prunetext_model *model) { return model->model.reject; }

int32_t prunetext_predict(const prunetext_model *model, const char *text, size_t length, const char *second,
                          size_t second_length, float *probabilities, uint8_t *chosen) {
    using namespace prunetext;
    if (model->model.pairs != (second != nullptr)) return -1;
    const Text texts[] = {{text, length, 0, false}, {second, second_length, 0, false}};
    return guarded(Message{}, int32_t{-1}, [&] { return predict(model->model, texts, probabilities, chosen); });
}

int64_t prunetext_explain(const prunetext_model *model, const char *text, size_t length, const char *second,
                          size_t second_length, int32_t label, double *logit, double *base, prunetext_part *parts,
                          size_t room) {
    using namespace prunetext;
    const auto classes = static_cast<int64_t>(model->model.labels.size());
    if (model->model.pairs != (second != nullptr) || label < -1 || label >= classes) return -1;
    const Text texts[] = {{text, length, 0, false}, {second, second_length, 0, false}};
    return guarded(Message{}, int64_t{-1}, [&] {
        const Explanation found = explain(model->model, texts, own_workspace(), label);
        *logit = found.logit;
        *base = found.base;
        for (size_t i = 0; i < std::min(room, found.parts.size()); ++i)
            parts[i] = {found.parts[i].text, found.parts[i].begin, found.parts[i].end, found.parts[i].logit};
        return static_cast<int64_t>(found.parts.size());
    });
}
}
