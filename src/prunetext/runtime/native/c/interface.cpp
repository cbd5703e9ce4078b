// The C interface. Exceptions end here; where there are none, as in WebAssembly, a refusal ends the program after its
// reason has been written.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <memory>
#include <string_view>
#include <utility>

#include "c/prunetext.h"
#include "explain.hpp"
#include "file/file.hpp"
#include "file/inflate.hpp"
#include "kernel/answers.hpp"
#include "kernel/kernel.hpp"
#include "kernel/own_workspace.hpp"
#include "refuse.hpp"

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

int32_t predict(const Model &model, const Text *texts, float *shares, uint8_t *chosen) {
    std::atomic<bool> ended{false};
    Watch watch(ended);
    OwnWorkspace own(watch);
    Workspace &workspace = own.workspace();
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

// An explanation as C sees it, and its parts.
struct Told : prunetext_explanation {
    std::vector<prunetext_part> own;

    explicit Told(const Explanation &found) : prunetext_explanation() {
        for (const Part &part : found.parts) own.push_back({part.text, part.begin, part.end, part.logit});
        label = static_cast<int32_t>(found.label);
        probability = found.probability;
        logit = found.logit;
        base = found.base;
        count = own.size();
        parts = own.data();
    }
};

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
        Model read(read_memory(file), inflate);
        if (!read.levels.empty()) refuse("it gives scores, which this interface does not; predict them with Python");
        auto *const model = new prunetext_model{std::move(read)};
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

prunetext_explanation *prunetext_explain(const prunetext_model *model, const char *text, size_t length,
                                         const char *second, size_t second_length, int32_t label) {
    using namespace prunetext;
    if (model->model.pairs != (second != nullptr)) return nullptr;
    if (label < -1 || (label >= 0 && static_cast<size_t>(label) >= model->model.labels.size())) return nullptr;
    const Text texts[] = {{text, length, 0, false}, {second, second_length, 0, false}};
    return guarded(Message{}, static_cast<prunetext_explanation *>(nullptr),
                   [&] { return new Told(explain(model->model, texts, label)); });
}

void prunetext_free_explanation(prunetext_explanation *explanation) {
    delete static_cast<prunetext::Told *>(explanation);
}
}
