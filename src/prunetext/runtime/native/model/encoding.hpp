// Texts as the ids of words, for training.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/vocabulary.hpp"
#include "text/normalizer.hpp"
#include "text/text.hpp"
#include "watch.hpp"

namespace prunetext {

constexpr int32_t kUnknown = 1;  // 0 is padding
constexpr int32_t kFirstWord = 2;
constexpr int kFlags = 29;  // the first bit of an id for the flags of a pair's tokens

// The ids of some texts, and where each text's ids end within them.
struct EncodedPart {
    std::vector<int32_t> ids;
    std::vector<int64_t> ends;
};

// The ids of all texts, in parts that follow one another; each part is made by a thread of its own. With `pairs`, two
// texts after each other are a pair, and the flags of `Overlap` are added to the ids. `ask` may end the call.
std::vector<EncodedPart> encode_texts(const Vocabulary &vocabulary, Tokenizer tokenizer, const std::vector<Text> &texts,
                                      size_t threads, bool pairs, Ask ask = nullptr);

}  // namespace prunetext
