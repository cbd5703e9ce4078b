// From tokens to rows of the table.
#pragma once
#include <bit>
#include <cstdint>

#include "kernel/dispatch.hpp"
#include "kernel/workspace.hpp"
#include "model/model.hpp"

PRUNETEXT_BEGIN
namespace prunetext::PRUNETEXT_KERNEL {

// Which of a bucket's keys this is, as bits.
PRUNETEXT_INLINE unsigned same_keys(const Vocabulary::Bucket *bucket, uint64_t key) {
    constexpr unsigned all = (1u << Vocabulary::kKeys) - 1;
    [[maybe_unused]] const uint64_t *const keys = bucket->keys;
#if PRUNETEXT_LEVEL == 2
    return _mm512_cmpeq_epi64_mask(_mm512_load_si512(keys), _mm512_set1_epi64(static_cast<int64_t>(key))) & all;
#elif PRUNETEXT_LEVEL == 1
    const __m256i wanted = _mm256_set1_epi64x(static_cast<int64_t>(key));
    const __m256i low = _mm256_cmpeq_epi64(_mm256_load_si256(reinterpret_cast<const __m256i *>(keys)), wanted);
    const __m256i high = _mm256_cmpeq_epi64(_mm256_load_si256(reinterpret_cast<const __m256i *>(keys + 4)), wanted);
    return static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(low)) |
                                 _mm256_movemask_pd(_mm256_castsi256_pd(high)) << 4) &
           all;
#else
    unsigned same = 0;
    for (unsigned i = 0; i < Vocabulary::kKeys; ++i) same |= unsigned(keys[i] == key) << i;
    return same & all;
#endif
}

// The table's row of the word with this key: the first one, that of unknown words, if there is none. A longer word than
// its key tells is compared.
PRUNETEXT_INLINE size_t row_of(const Vocabulary &vocabulary, const Candidate &candidate, const char *token = nullptr,
                               size_t length = 0) {
    const Vocabulary::Bucket *bucket = candidate.bucket;
    unsigned same = same_keys(bucket, candidate.key);
    while ((same == 0) & bucket->full()) [[unlikely]] {
        bucket = vocabulary.next(bucket);
        same = same_keys(bucket, candidate.key);
    }
    const uint32_t place = bucket->first + static_cast<uint32_t>(std::countr_zero(same | 1u << Vocabulary::kKeys));
    if (token && same && !vocabulary.is(place, token, length)) [[unlikely]]
        return 0;
    return same ? place + size_t{1} : 0;
}

// The table's rows of tokens. All are hashed before any is looked up: none waits for the memory of another. Words of
// more than 8 bytes are looked up apart, for they come unpredictably. `keys`, if given, takes the tokens' keys.
PRUNETEXT_INLINE_IF_LARGE void look_up(const Model &model, size_t count, Workspace &workspace, const std::byte **rows,
                                       uint64_t *keys = nullptr) {
    const Vocabulary &vocabulary = model.vocabulary;
    const Vocabulary::Hash hash = vocabulary.hash();
    const char *const scratch = workspace.scratch.data();
    const uint32_t *const begins = workspace.begins.data(), *const ends = workspace.ends.data();
    Candidate *const candidates = workspace.candidates.take(2 * count), *const second = candidates + count;
    uint32_t *const longs = workspace.longs.take(count + 1);
    size_t apart = 0;
    for (size_t i = 0; i < count; ++i) {
        const size_t length = ends[i] - begins[i];
        longs[apart] = static_cast<uint32_t>(i);
        apart += length > 8;
        candidates[i] = hash(hash.short_key(scratch + begins[i], length));
        __builtin_prefetch(candidates[i].bucket);
    }
    for (size_t n = 0; n < apart; ++n) {
        const size_t i = longs[n];
        second[n] = hash(hash.long_key(scratch + begins[i], ends[i] - begins[i]));
        __builtin_prefetch(second[n].bucket);
    }
    const std::byte *const table = model.table.get();
    const size_t bytes = model.row_bytes();
    for (size_t i = 0; i < count; ++i) {
        rows[i] = table + row_of(vocabulary, candidates[i]) * bytes;
        __builtin_prefetch(rows[i]);
    }
    for (size_t n = 0; n < apart; ++n) {
        const size_t i = longs[n];
        rows[i] = table + row_of(vocabulary, second[n], scratch + begins[i], ends[i] - begins[i]) * bytes;
        __builtin_prefetch(rows[i]);
    }
    if (!keys) return;
    for (size_t i = 0; i < count; ++i) keys[i] = candidates[i].key;
    for (size_t n = 0; n < apart; ++n) keys[longs[n]] = second[n].key;
}

}  // namespace prunetext::PRUNETEXT_KERNEL
PRUNETEXT_END
