// A text of any length, piece by piece, in the same memory.
#pragma once
#include <algorithm>
#include <cstring>
#include <optional>

#include "kernel/generic/scan.hpp"
#include "text/normalizer.hpp"
#include "text/text.hpp"

PRUNETEXT_BEGIN
namespace prunetext::PRUNETEXT_KERNEL {

// Units of the piece that begins at `at`: it does not end within a character of UTF-8.
inline size_t piece_of(const Text &text, size_t at) {
    size_t units = std::min(piece, text.length - at);
    if (text.unit || at + units == text.length) return units;
    const auto *bytes = static_cast<const uint8_t *>(text.units) + at;
    const auto goes_on = [&](size_t i) { return (bytes[i] & 0xC0) == 0x80; };
    if (!goes_on(units)) return units;
    for (size_t back = 1; back <= 3; ++back)
        if (!goes_on(units - back)) return units - back;
    return units;  // of no character, since none has four such bytes
}

// A text whose pieces must be normalized: few have any, and what that takes stays out of the way of the others.
struct Normalized {
    const Tokenizer tokenizer;
    const Text &text;
    const size_t most;
    Workspace &workspace;
    std::optional<detail::Normalizer> normalizer;

    bool waits() const { return normalizer && normalizer->waits(); }

    // Writes the units at `at` behind the first `kept` bytes, of a word that has not ended, and tells where they end.
    [[gnu::noinline]] size_t add(size_t at, size_t units, size_t kept) {
        if (!normalizer) normalizer.emplace(tokenizer, workspace.scratch, most);
        normalizer->resize(kept);
        normalizer->add(text, at, units);
        if (at + units == text.length) normalizer->end();
        const size_t size = normalizer->size();
        if (workspace.scratch.size() < size + 64) workspace.scratch.resize(2 * size + 64);
        return size;
    }
};

// Call use(found, last) for each piece of a text; `found` tokens of it are then in `begins` and `ends`. Pieces keep the
// memory of a long text small, and only `most` bytes of a long word are kept.
template <class Use>
PRUNETEXT_INLINE void for_pieces(Tokenizer tokenizer, const Text &text, size_t most, Workspace &workspace, Use use) {
    Normalized normalized{tokenizer, text, most, workspace, {}};
    size_t kept = 0;
    workspace.plain = SIZE_MAX;
    for (size_t at = 0, units;; at += units) {
        units = piece_of(text, at);
        const bool last = at + units == text.length;
        size_t found = SIZE_MAX, size = kept + units;
        if ((text.ascii || text.unit == 0) && !adds_tokens(tokenizer) && !normalized.waits()) {
            if (workspace.scratch.size() < size + 64) workspace.scratch.resize(2 * size + 64);
            found = find_tokens<true>(static_cast<const char *>(text.units) + at, units, kept, workspace);
            if (last && at == 0) workspace.plain = found;
        }
        if (found == SIZE_MAX) {
            size = normalized.add(at, units, kept);
            found = find_tokens<false>(workspace.scratch.data() + kept, size - kept, kept, workspace);
        }
        char *const scratch = workspace.scratch.data();
        const uint32_t *const begins = workspace.begins.data();
        // A word that ends the piece may go on in the next one.
        const bool open = !last && size && detail::is_word(static_cast<uint8_t>(scratch[size - 1]));
        found -= open;
        use(found, last);
        if (last) return;
        if (workspace.watch) workspace.watch->look();
        kept = open ? std::min<size_t>(size - begins[found], most) : 0;
        if (open) std::memmove(scratch, scratch + begins[found], kept);
    }
}

}  // namespace prunetext::PRUNETEXT_KERNEL
PRUNETEXT_END
