// Long work that its caller can end, as with Ctrl-C.
#pragma once
#include <atomic>
#include <chrono>

#include "refuse.hpp"

namespace prunetext {

// What ends the other threads of a call that has been ended.
struct Ended {
    const char *what() const { return "the call was ended"; }
};

// Throws to end the call. It may take a while, and may itself make another call.
using Ask = void (*)();

// One thread's view of a call. `look` costs next to nothing; it belongs between texts, and between pieces of a long
// one.
#ifdef __wasm__  // where nobody ends a call
class Watch {
  public:
    void look() {}
    void look_closely() {}
};
struct Unasked {
    Watch watch;
};
#else
class Watch {
  public:
    // Only the thread that has been called asks. Others see in `ended` what came of it.
    explicit Watch(std::atomic<bool> &ended, Ask ask = nullptr) : ended_(ended), ask_(ask) {}

    void look() {
        if (ended_.load(std::memory_order_relaxed)) end_call(Ended());
        if (ask_ && ++looks_ % looks_a_glance == 0) glance();
    }

    // The same where there may be much work between two looks: with a glance at the clock each time.
    void look_closely() {
        if (ended_.load(std::memory_order_relaxed)) end_call(Ended());
        if (ask_) glance();
    }

    // Ask, if the last time is long ago.
    void glance() {
        const auto now = std::chrono::steady_clock::now();
        if (now < next_) return;
        const bool first = next_ == Moment();
        next_ = now + between;
        if (ask_ && !first) ask_();
    }

    // How long a call goes on after its caller wants it to end.
    static constexpr std::chrono::milliseconds between{100};

  private:
    using Moment = std::chrono::steady_clock::time_point;
    static constexpr unsigned looks_a_glance = 8;  // reading the clock takes as long as a fourth of a short text

    std::atomic<bool> &ended_;
    Ask ask_;
    unsigned looks_ = 0;
    Moment next_{};
};

// Where nobody can end the call.
struct Unasked {
    std::atomic<bool> ended{false};
    Watch watch{ended};
};
#endif

}  // namespace prunetext
