"""Words that are made to collide: with a factor that anyone knows they would cost much time, or count as one word."""

import time
from array import array
from collections import Counter
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from prunetext.runtime._native import MATCHED, Vocabulary, count_words

KNOWN = np.uint64(0x9E3779B97F4A7C15)  # the factor of earlier versions, in every process
LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
BUCKETS = 2_357  # of a standard hash table of 2,000 words
Numbers = npt.NDArray[np.uint64]


def multiplied(values: Numbers, factor: np.uint64 = KNOWN) -> Numbers:
    values = values * factor
    return values ^ values >> np.uint64(32)


def random_words(count: int, seed: int) -> Numbers:
    """Different words of eight letters, as numbers."""
    letters = np.random.default_rng(seed).choice(LETTERS, (count, 8))
    return np.unique(letters.view(np.uint64).ravel())


def text_of(words: Numbers) -> str:
    return " ".join(each.tobytes().decode() for each in words)


def seconds(text: str) -> float:
    """The least of some times."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        count_words([text])
        times.append(time.perf_counter() - began)
    return min(times)


def test_words_that_collide_by_the_known_factor_cost_no_more_than_others() -> None:
    made: list[Numbers] = []
    for seed in range(12):
        words = random_words(600_000, seed)
        place = (multiplied(words) * KNOWN >> np.uint64(16)) % np.uint64(BUCKETS)
        made.append(words[place == 0])
    alike, others = np.unique(np.concatenate(made))[:2000], random_words(2_100, 99)[:2000]
    assert len(alike) == len(others) == 2000
    assert seconds(text_of(alike)) < 8 * seconds(text_of(others))


def colliding_pair() -> tuple[str, str]:
    """Two words of 16 letters whose hash by the known factor is the same."""
    words = random_words(20_000, 0)
    first = multiplied(words ^ np.uint64(16 << 56))  # after the first eight letters
    high = first & np.uint64(0xE0E0E0E0E0E0E0E0)  # bits that no two letters differ in
    order = np.argsort(high, kind="stable")
    for one, other in pairwise(order):
        differ = (first[one] ^ first[other]).tobytes()
        ends = [[(a, a ^ bits) for a in LETTERS.tolist() if chr(a ^ bits).islower()] for bits in differ]
        if high[one] == high[other] and all(ends):
            tails = [bytes(pairs[0][side] for pairs in ends) for side in (0, 1)]
            return (words[one].tobytes() + tails[0]).decode(), (words[other].tobytes() + tails[1]).decode()
    raise AssertionError("there is no such pair")


def old_key(word: str) -> int:
    start, end = np.frombuffer(word.encode(), np.uint64)
    hashed = multiplied(multiplied(np.array([start ^ np.uint64(16 << 56)])) ^ end)
    return int(hashed[0] | np.uint64(0xFF << 56))


def test_a_pair_made_to_collide_shares_no_word() -> None:
    one, other = colliding_pair()
    assert one != other
    assert old_key(one) == old_key(other)
    ids, _ = Vocabulary([]).encode_pairs([one, one], [other, one])
    flags = [number & MATCHED for number in array("i", ids)]
    assert flags == [0, 0, MATCHED, MATCHED]


def test_words_are_counted_as_by_a_dictionary() -> None:
    words = [f"{stem}{number % 700}" for stem in ("w", "vocabulary", "a" * 17, "b" * 40) for number in range(2_000)]
    assert count_words([" ".join(words)]) == dict(Counter(words))
    assert [*count_words([" ".join(words)])] == [*dict.fromkeys(words)], "first come, first"
