// A text of any length, piece by piece, in the same memory.
#pragma once
#include <algorithm>
#include <cstring>

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

// Call use(found, last) for each piece of a text; `found` tokens of it are then in `begins` and `ends`. Pieces keep the
// memory of a long text small, and only `most` bytes of a long word are kept.
template <class Use>
PRUNETEXT_INLINE void for_pieces(Tokenizer tokenizer, const Text &text, size_t most, Workspace &workspace, Use use) {
    detail::Normalizer normalizer(tokenizer, workspace.scratch, most);
    size_t kept = 0;
    for (size_t at = 0, units;; at += units) {
        units = piece_of(text, at);
        const bool last = at + units == text.length;
        size_t found = SIZE_MAX, size = kept + units;
        if ((text.ascii || text.unit == 0) && !normalizer.waits()) {
            if (workspace.scratch.size() < size + 64) workspace.scratch.resize(2 * size + 64);
            found = find_tokens<true>(static_cast<const char *>(text.units) + at, units, kept, workspace);
        }
        if (found == SIZE_MAX) {
            normalizer.resize(kept);
            normalizer.add(text, at, units);
            if (last) normalizer.end();
            size = normalizer.size();
            if (workspace.scratch.size() < size + 64) workspace.scratch.resize(2 * size + 64);
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
