"""Which words a smaller model lacks, by the evidence that texts lost with them.

    words = lost_words(examples, measure, labels, before, now, (larger, smaller))
    words[0].sentence()      # 'goalkeeper: in 12 texts, 3 of them lost; its evidence there was 4.21 nats.'

The evidence of a word is measured, not estimated: the larger model is asked again about the text with the word in all
its places replaced by one that it does not know, as the smaller model sees it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from prunetext.data.dataset import Examples, Input
from prunetext.judging.slicing import known_words, whole_texts
from prunetext.runtime._native import tokenize
from prunetext.statistics.answers import Answering, Answers, Array
from prunetext.statistics.metrics import Measure

if TYPE_CHECKING:
    from prunetext.runtime._native import Vocabulary

MOST_QUESTIONS, MOST_EACH = 10_000, 20  # texts with a word left out: in all, and of one word
MOST_WORDS = 1_000  # that are listed
_LEAST = 1e-7  # smaller probabilities are raised to this
_STRANGE = "zqxj"  # what no text has


class LostWord(NamedTuple):
    """A word that the smaller model lacks. texts: that have it. lost: those of them that only the larger model gets.

    evidence: by how much the larger model's log-odds fall without the word, summed over these; in nats. They are those
    of the right label, and those against the label that the smaller model gives: the mean of both. asked: how many of
    them it was asked about; the evidence of the others is taken for the same.
    """

    word: str
    texts: int
    lost: int
    asked: int
    evidence: float

    def sentence(self) -> str:
        """Say it in plain words.

        >>> LostWord("goalkeeper", 12, 3, 3, 4.21).sentence()
        'goalkeeper: in 12 texts, 3 of them lost; its evidence there was 4.21 nats.'
        """
        some = "" if self.asked == self.lost else f" (by {self.asked:,} of them)"
        return (
            f"{self.word}: in {self.texts:,} texts, {self.lost:,} of them lost; its evidence there{some} was "
            f"{self.evidence:.2f} nats."
        )


def lost_words(
    examples: Examples,
    measure: Measure,
    labels: Sequence[str],
    before: Answers,
    now: Answers,
    models: Sequence[Answering],
) -> list[LostWord]:
    """The words that the larger model knows and the smaller one lacks, in texts that were lost; most evidence first.

    Empty where the models cannot list their words, or have two tokenizers. At most `MOST_QUESTIONS` are asked,
    `MOST_EACH` about one word, and at most `MOST_WORDS` words listed. A text that cannot be put together again from its
    tokens is not asked about.
    """
    listed = [known_words(model) for model in models]
    if len(listed) != 2 or listed[0] is None or listed[1] is None or listed[0][1] != listed[1][1]:
        return []
    (words, tokenizer), smaller = listed[0], set(listed[1][0])
    removed = np.array([False, False, *(word not in smaller for word in words)])
    rows = np.flatnonzero(measure.right(before) & ~measure.right(now))
    if not removed.any() or not len(rows):
        return []
    from prunetext.runtime._native import Vocabulary

    vocabulary = Vocabulary(words, tokenizer)
    row_of, word_of = _found(vocabulary, whole_texts(examples), removed)
    in_texts = np.bincount(word_of, minlength=len(removed))
    here = np.isin(row_of, rows)
    in_lost = np.bincount(word_of[here], minlength=len(removed))
    questions = _questions(examples, vocabulary, words, tokenizer, row_of[here], word_of[here])
    asked = Counter(word for _, word, _ in questions)
    fallen = _fallen(questions, measure, labels, before, now, models[0])
    found = [
        LostWord(words[at - 2], int(in_texts[at]), int(in_lost[at]), asked[at], fallen.get(at, 0.0) * int(in_lost[at]))
        for at in np.flatnonzero(in_lost).tolist()
    ]
    return sorted(found, key=lambda each: (-each.evidence, -each.lost, each.word))[:MOST_WORDS]


def _found(vocabulary: Vocabulary, texts: Sequence[str], wanted: Array) -> tuple[Array, Array]:
    """Where wanted words stand: the text and the word's id, each pair once, the texts in their order."""
    from scipy.sparse import csr_array

    raw, bounds = vocabulary.encode(list(texts))
    ids, offsets = np.frombuffer(raw, np.int32), np.frombuffer(bounds, np.int64)
    here = wanted[ids]
    starts = np.concatenate([[0], np.cumsum(here)])[offsets]
    has = csr_array((np.ones(int(here.sum()), np.int32), ids[here], starts), (len(texts), len(wanted)))
    has.sum_duplicates()
    return np.repeat(np.arange(len(texts)), np.diff(has.indptr).astype(np.int64)), np.asarray(has.indices)


def _questions(
    examples: Examples, vocabulary: Vocabulary, words: list[str], tokenizer: str, rows: Array, ids: Array
) -> list[tuple[int, int, Input]]:
    """Texts that have lost a word: the row, the word's id, and the text without it."""
    strange, known = _STRANGE, set(words)
    while strange in known:
        strange += _STRANGE
    found: list[tuple[int, int, Input]] = []
    inputs, asked = examples.inputs, Counter[int]()
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    for row, of_row in zip(rows[starts].tolist(), np.split(ids, starts[1:]), strict=True):
        gone = [at for at in of_row.tolist() if asked[at] < MOST_EACH]
        if len(found) + len(gone) > MOST_QUESTIONS:
            break
        given = inputs[row]
        parts = [tokenize(each, tokenizer) for each in ((given,) if isinstance(given, str) else given)]
        whole = [given] if isinstance(given, str) else list(given)
        if vocabulary.encode(whole) != vocabulary.encode([" ".join(part) for part in parts]):
            continue
        asked.update(gone)
        for at in gone:
            left = [" ".join(strange if word == words[at - 2] else word for word in part) for part in parts]
            found.append((row, at, left[0] if len(left) == 1 else (left[0], left[1])))
    return found


def _fallen(
    questions: Sequence[tuple[int, int, Input]],
    measure: Measure,
    labels: Sequence[str],
    before: Answers,
    now: Answers,
    larger: Answering,
) -> dict[int, float]:
    """By how much log-odds of what was right fall without each word, on average over the questions."""
    if not questions:
        return {}
    said = Answers(*larger.answers([text for _, _, text in questions])).reordered(larger.labels, labels)
    gold = measure.gold.chosen(len(labels))
    fallen: dict[int, list[float]] = {}
    for (row, word, _), without in zip(questions, said.probabilities, strict=True):
        told = before.chosen[row] != now.chosen[row]
        sign = np.where(gold[row], 1.0, -1.0)[told]
        fall = sign * (_log_odds(before.probabilities[row][told]) - _log_odds(without[told]))
        fallen.setdefault(word, []).append(float(fall.mean()))
    return {word: sum(falls) / len(falls) for word, falls in fallen.items()}


def _log_odds(probabilities: Array) -> Array:
    kept = np.clip(probabilities.astype(float), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(kept / (1 - kept)))
