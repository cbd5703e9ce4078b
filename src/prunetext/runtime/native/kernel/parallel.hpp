// Texts spread over threads.
#pragma once
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

#include "kernel/kernel.hpp"
#include "kernel/own_workspace.hpp"
#include "watch.hpp"

namespace prunetext {

constexpr size_t parallel_units = size_t{1}
                                  << 18;  // characters from which starting threads pays: some milliseconds of work
constexpr int max_threads = 256;

inline int available_cores() {
#ifdef __linux__
    cpu_set_t cores;  // the cores this process may use, which a container limits
    if (sched_getaffinity(0, sizeof cores, &cores) == 0) return CPU_COUNT(&cores);
#endif
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Call each(workspace, first, count) for the items from `first` to `stop`, at most `batch` of them at a time.
template <class Each> void for_texts(Workspace &workspace, size_t first, size_t stop, Each &each) {
    while (first < stop) {
        each(workspace, first, std::min(batch, stop - first));
        first += batch;
        if (first < stop) workspace.watch->look();
    }
}

// The same for all texts, or items of `per` texts, on `threads` threads (0: all cores when there is much text, else
// one). Starting one takes some 40 µs, and a call with so much text milliseconds: no pool of them is kept, which a fork
// would leave without its threads. `ask` may end the call.
template <class Each>
void for_each_text(const std::vector<Text> &texts, int threads, Ask ask, Each each, size_t per = 1) {
    const size_t items = texts.size() / per;
    constexpr size_t chunk = 128;  // neighbouring results are written by one thread
    if (threads == 0) {
        size_t units = 0;
        for (const Text &text : texts) units += text.length;
        threads = units < parallel_units ? 1 : available_cores();
    }
    const size_t chunks = (items + chunk - 1) / chunk;
    threads = static_cast<int>(std::min<size_t>(static_cast<size_t>(std::min(threads, max_threads)), chunks));
    std::atomic<bool> ended{false};
    Watch watch(ended, ask);
    OwnWorkspace own(watch);
    if (threads <= 1) return for_texts(own.workspace(), 0, items, each);

    std::atomic<size_t> next{0};
    std::exception_ptr failure;
    std::mutex lock;  // of the failure, and of how many other threads are at work
    int working = 0;
    std::condition_variable one_less;
    // Call it; what it throws ends the work of all threads.
    const auto guarded = [&](const auto &call) {
        try {
            call();
        } catch (...) {
            ended = true;
            const std::lock_guard held(lock);
            if (!failure) failure = std::current_exception();  // before that of a thread that sees the end
        }
    };
    const auto work = [&](Workspace &workspace) {
        guarded([&] {
            for (size_t c; !ended && (c = next.fetch_add(1)) < chunks;)
                for_texts(workspace, c * chunk, std::min(items, (c + 1) * chunk), each);
        });
    };
    std::vector<std::thread> others;
    try {
        others.reserve(static_cast<size_t>(threads));  // growing could fail with threads in it, which must be joined
        for (int t = 1; t < threads; ++t) {
            others.emplace_back([&] {
                guarded([&] {
                    Watch seen(ended);
                    Workspace workspace;
                    workspace.watch = &seen;
                    work(workspace);
                });
                const std::lock_guard held(lock);
                --working;
                one_less.notify_one();
            });
            const std::lock_guard held(lock);
            ++working;
        }
    } catch (const std::exception &) {
        // No more threads to be had: those that run, and this one, share the work.
    }
    work(own.workspace());
    for (std::unique_lock held(lock); !one_less.wait_for(held, Watch::between, [&] { return working == 0; });) {
        held.unlock();
        if (!ended) guarded([&] { watch.glance(); });
        held.lock();
    }
    for (std::thread &other : others) other.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace prunetext
