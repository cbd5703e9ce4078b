// The workspace of a thread.
#pragma once
#include <cstddef>
#include <optional>
#include <string>

#include "kernel/workspace.hpp"
#include "watch.hpp"

namespace prunetext {

// This thread's workspace, kept for its next call: one text takes less time than making it. A call that is made while
// another one asks its caller has one of its own.
class OwnWorkspace {
  public:
    explicit OwnWorkspace(Watch &watch) : outer_(kept().watch) {
        if (outer_) other_.emplace();
        workspace().watch = &watch;
    }
    OwnWorkspace(const OwnWorkspace &) = delete;
    OwnWorkspace &operator=(const OwnWorkspace &) = delete;
    ~OwnWorkspace() {
        workspace().watch = nullptr;
        if (workspace().scratch.size() > most_scratch) std::string().swap(workspace().scratch);
    }

    Workspace &workspace() { return other_ ? *other_ : kept(); }

  private:
    static constexpr size_t most_scratch = size_t{1} << 20;  // bytes: what a long text needed is not kept for ever

    static Workspace &kept() {
#ifdef __wasm__  // one thread, and nothing at its end
        static Workspace *const own = new Workspace;
        return *own;
#else
        static thread_local Workspace own;
        return own;
#endif
    }

    const Watch *outer_;
    std::optional<Workspace> other_;
};

}  // namespace prunetext
