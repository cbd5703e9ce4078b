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

MOST_QUESTIONS = 1_000  # texts with a word left out
MOST_WORDS = 1_000  # that are listed
_LEAST = 1e-7  # smaller probabilities are raised to this
_STRANGE = "zqxj"  # what no text has


class LostWord(NamedTuple):
    """A word that the smaller model lacks. texts: that have it. lost: those of them that only the larger model gets.

    evidence: by how much the larger model's log-odds fall without the word, summed over these; in nats. They are those
    of the right label, and those against the label that the smaller model gives: the mean of both. asked: how many of
    them it was asked about.
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
        some = "" if self.asked == self.lost else f" (of {self.asked:,} that were asked about)"
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

    Empty where the models cannot list their words, or have two tokenizers. At most `MOST_QUESTIONS` are asked, and at
    most `MOST_WORDS` words listed. A text that cannot be put together again from its tokens is not asked about.
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
        LostWord(words[at - 2], int(in_texts[at]), int(in_lost[at]), asked[at], fallen.get(at, 0.0))
        for at in np.flatnonzero(in_lost).tolist()
    ]
    return sorted(found, key=lambda each: (-each.evidence, -each.lost, each.word))[:MOST_WORDS]


def _found(vocabulary: Vocabulary, texts: Sequence[str], wanted: Array) -> tuple[Array, Array]:
    """Where wanted words stand: the text and the word's id, each pair once, the texts in their order."""
    raw, bounds = vocabulary.encode(list(texts))
    ids = np.frombuffer(raw, np.int32).astype(np.int64)
    row = np.repeat(np.arange(len(texts)), np.diff(np.frombuffer(bounds, np.int64)).astype(np.int64))
    here = wanted[ids]
    both = np.unique(row[here] * len(wanted) + ids[here])
    return both // len(wanted), both % len(wanted)


def _questions(
    examples: Examples, vocabulary: Vocabulary, words: list[str], tokenizer: str, rows: Array, ids: Array
) -> list[tuple[int, int, Input]]:
    """Texts that have lost a word: the row, the word's id, and the text without it."""
    strange, known = _STRANGE, set(words)
    while strange in known:
        strange += _STRANGE
    found: list[tuple[int, int, Input]] = []
    for row in dict.fromkeys(rows.tolist()):
        gone = ids[rows == row].tolist()
        if len(found) + len(gone) > MOST_QUESTIONS:
            break
        given = examples.inputs[row]
        parts = [tokenize(each, tokenizer) for each in ((given,) if isinstance(given, str) else given)]
        whole = [given] if isinstance(given, str) else list(given)
        if vocabulary.encode(whole) != vocabulary.encode([" ".join(part) for part in parts]):
            continue
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
    """By how much log-odds of what was right fall without each word, summed over the questions."""
    if not questions:
        return {}
    said = Answers(*larger.answers([text for _, _, text in questions])).reordered(larger.labels, labels)
    gold = measure.gold.chosen(len(labels))
    fallen: dict[int, float] = {}
    for (row, word, _), without in zip(questions, said.probabilities, strict=True):
        told = before.chosen[row] != now.chosen[row]
        sign = np.where(gold[row], 1.0, -1.0)[told]
        fall = sign * (_log_odds(before.probabilities[row][told]) - _log_odds(without[told]))
        fallen[word] = fallen.get(word, 0.0) + float(fall.mean())
    return fallen


def _log_odds(probabilities: Array) -> Array:
    kept = np.clip(probabilities.astype(float), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(kept / (1 - kept)))
