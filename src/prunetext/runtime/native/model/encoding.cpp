// Texts are cut into parts of about equal length, one for each thread.
#include "model/encoding.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "overlap.hpp"
#include "text/tokenizer.hpp"
#include "watch.hpp"

namespace prunetext {

namespace {

constexpr size_t most_threads = 256;

// What one thread does: the ids of texts[begin:end].
struct Part : EncodedPart {
    size_t begin, end;
    bool pairs;
    std::exception_ptr error;

    Part(size_t first, size_t stop, bool of_pairs) : begin(first), end(stop), pairs(of_pairs) {}

    void run(const Vocabulary &vocabulary, Tokenizer tokenizer, const std::vector<Text> &texts, Watch watch) noexcept {
        try {
            std::string scratch;
            std::vector<uint64_t> keys;
            std::vector<uint8_t> flags;
            Overlap overlap;
            ends.reserve(end - begin);
            for (size_t i = begin; i < end; ++i) {
                watch.look_closely();
                tokenize(tokenizer, texts[i], scratch, [&](const char *token, size_t length) {
                    const int32_t index = vocabulary.find_token(token, length);
                    ids.push_back(index < 0 ? kUnknown : index + kFirstWord);
                    if (pairs) keys.push_back(key_of_token(token, length));
                });
                ends.push_back(int64_t(ids.size()));
                if (!pairs || (i - begin) % 2 == 0) continue;
                const size_t own = keys.size(), first = own - size_t(ends.back() - ends[ends.size() - 2]);
                flags.resize(own);
                overlap.flag({keys.data(), first, flags.data()},
                             {keys.data() + first, own - first, flags.data() + first});
                for (size_t t = 0; t < own; ++t) ids[ids.size() - own + t] |= flags[t] << kFlags;
                keys.clear();
            }
        } catch (...) {
            error = std::current_exception();
        }
    }
};

// Cuts the texts into parts of about equal numbers of characters, one for each thread.
std::vector<Part> cut(const std::vector<Text> &texts, size_t threads, bool pairs) {
    size_t total = 0;
    for (const Text &text : texts) total += text.length + 1;
    std::vector<Part> parts;
    size_t begin = 0, done = 0;
    for (size_t i = 0; i < texts.size(); ++i) {
        done += texts[i].length + 1;
        if (pairs && i % 2 == 0) continue;
        if (done * threads >= total * (parts.size() + 1)) {  // so for the last text too
            parts.emplace_back(begin, i + 1, pairs);
            begin = i + 1;
        }
    }
    return parts;
}

void run_all(std::vector<Part> &parts, const Vocabulary &vocabulary, Tokenizer tokenizer,
             const std::vector<Text> &texts, Ask ask) {
    std::atomic<bool> ended{false};
    const Watch others(ended);
    std::vector<std::thread> workers;
    workers.reserve(parts.size());
    for (size_t p = 1; p < parts.size(); ++p) {
        try {
            workers.emplace_back([&, p] { parts[p].run(vocabulary, tokenizer, texts, others); });
        } catch (const std::system_error &) {  // no more threads to be had: this one does the work
            parts[p].run(vocabulary, tokenizer, texts, others);
        }
    }
    if (!parts.empty()) {
        parts[0].run(vocabulary, tokenizer, texts, Watch(ended, ask));
        if (parts[0].error) ended = true;
    }
    for (std::thread &worker : workers) worker.join();
    for (const Part &part : parts)
        if (part.error) std::rethrow_exception(part.error);
}

}  // namespace

std::vector<EncodedPart> encode_texts(const Vocabulary &vocabulary, Tokenizer tokenizer, const std::vector<Text> &texts,
                                      size_t threads, bool pairs, Ask ask) {
    std::vector<Part> parts = cut(texts, std::min(threads, most_threads), pairs);
    run_all(parts, vocabulary, tokenizer, texts, ask);
    std::vector<EncodedPart> encoded;
    for (Part &part : parts) encoded.push_back(std::move(part));
    return encoded;
}

}  // namespace prunetext
