"""Which words, once masked, flip a label: a greedy search that asks the model itself."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from prunetext.errors import InputError
from prunetext.runtime import _native
from prunetext.runtime.parts import Counterfactual, Masked, slice_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prunetext.runtime.arguments import Explained
    from prunetext.runtime.cascade_model import PackedModel
    from prunetext.runtime.parts import TextPart

MOST_TRIED = 50  # words that are tried, those with the largest parts
_BATCH = 1 << 20  # characters of the texts that are made for one call
MASKS = range(0x16A0, 0x16EB)  # the runes: letters that stand for one word each, with every tokenizer


class _Search:
    """The masked forms of one text or pair, and the model's answers to them."""

    def __init__(self, model: PackedModel, number: int, parts: Sequence[TextPart], item: Explained) -> None:
        self.model, self.labels, self.number = model, model.labels, number
        self.pair = isinstance(item, (tuple, list))
        self.texts: tuple[str | bytes, ...] = tuple(item) if isinstance(item, (tuple, list)) else (item,)
        self.several = model.metadata["task"] == "labels"
        self.masks = masks(model, self.texts)
        self.sign = 1.0 if self.has([]) else -1.0
        self.words = self.best(parts)

    def masked(self, words: Sequence[Masked]) -> str | bytes | tuple[str | bytes, str | bytes]:
        """The text, or the pair, with these words masked."""
        made = []
        for side, (text, mask) in enumerate(zip(self.texts, self.masks, strict=True)):
            own = sorted((word for word in words if word.side == side), key=lambda word: word.begin)
            made.append(with_masks(text, own, mask))
        return (made[0], made[1]) if self.pair else made[0]

    def answer(self, words: Sequence[Masked]) -> str | list[str] | None:
        """What the model predicts with these words masked."""
        answer: str | list[str] | None = self.model.predict([self.masked(words)], 1)[0]
        return answer

    def has(self, words: Sequence[Masked]) -> bool:
        """Whether the text then has the label."""
        answer, label = self.answer(words), self.labels[self.number]
        return label in answer if isinstance(answer, list) else label == answer

    def leads(self, sets: Sequence[Sequence[Masked]]) -> list[float]:
        """For each set of words, how far the label's logit then is above the next one's, or above 0."""
        length = sum(map(len, self.texts)) + 1
        size, width = max(1, _BATCH // length), len(self.labels)
        found: list[float] = []
        for at in range(0, len(sets), size):
            raw = self.model.logits([self.masked(words) for words in sets[at : at + size]], 1)
            numbers = [float(number) for number in memoryview(raw).cast("d")]
            for row in (numbers[first : first + width] for first in range(0, len(numbers), width)):
                own = row.pop(self.number)
                found.append(own if self.several else own - max(row))
        return found

    def best(self, parts: Sequence[TextPart]) -> list[Masked]:
        """The words that speak most for the label, or against it if the text has it not."""
        words = [word for side, text in enumerate(self.texts) for word in maskable_words(self.model, text, side)]
        begins = [(side, begin) for side, begin, _ in words]
        sums = [0.0] * len(words)
        for part in parts:
            first = max(0, bisect_right(begins, (part.side, part.begin)) - 1)
            for at in range(first, bisect_left(begins, (part.side, part.end))):
                sums[at] += self.sign * part.logit
        order = sorted(range(len(words)), key=lambda at: -sums[at])[:MOST_TRIED]
        tried = (words[at] for at in sorted(order))
        return [Masked(slice_of(self.texts[side], begin, end), begin, end, side) for side, begin, end in tried]


def flipping_words(
    model: PackedModel, number: int, parts: Sequence[TextPart], item: Explained, most: int
) -> Counterfactual | None:
    """At most so many words without which the label of this number changes; None if none were found.

    flipping_words(classifier._model, 1, classifier.explain("a great film").parts, "a great film", 8)
    """
    asked = _Search(model, number, parts, item)
    chosen: list[Masked] = []
    while len(chosen) < most:
        left = [word for word in asked.words if word not in chosen]
        if not left:
            return None
        leads = asked.leads([[*chosen, word] for word in left])
        chosen.append(min(zip((asked.sign * lead for lead in leads), range(len(left)), left, strict=True))[2])
        if asked.has(chosen) != (asked.sign > 0):
            break
    else:
        return None
    chosen = needed(chosen, lambda words: asked.has(words) != (asked.sign > 0))
    return Counterfactual(chosen, asked.answer(chosen), asked.masked(chosen))


def needed(words: Sequence[Masked], flips: Callable[[Sequence[Masked]], bool]) -> list[Masked]:
    """Some of these words that flip the label, and none of which can be put back by itself.

    >>> one, other, third = (Masked(word, at, at + 1, 0) for at, word in enumerate("abc"))
    >>> needed([one, other, third], lambda words: third in words or len(words) == 2) == [third]
    True
    """
    kept, before = list(words), None
    while kept != before:
        before = kept
        for word in before:
            fewer = [each for each in kept if each != word]
            if fewer and flips(fewer):
                kept = fewer
    return kept


def maskable_words(model: PackedModel, text: str | bytes, side: int) -> list[tuple[int, int, int]]:
    """The words of a text as side, begin and end: its tokens, but neither pieces of words nor pairs of letters."""
    tokenizer = model.metadata.get("tokenizer", _native.TOKENIZERS[1])  # a transformer's own is no list of words
    if tokenizer in _native.TOKENIZERS[2:]:
        tokenizer = _native.TOKENIZERS[1]
    words: list[tuple[int, int, int]] = []
    for _, begin, end in _native.token_spans(text, tokenizer):
        if not words or begin >= words[-1][2]:  # a character can be more than one token
            words.append((side, begin, end))
    return words


def masks(model: PackedModel, texts: Sequence[str | bytes]) -> list[str]:
    """For each text a letter that is no word of the model and stands in none of the texts."""
    together = [text if isinstance(text, str) else text.decode("utf-8", "ignore") for text in texts]
    free = (chr(code) for code in MASKS)
    unknown = [mask for mask in free if not model.knows(mask) and not any(mask in text for text in together)]
    if len(unknown) < len(texts):
        raise InputError("the model and the text have all runes among their words; none is left for a masked word.")
    return unknown[: len(texts)]


def with_masks(text: str | bytes, words: Sequence[Masked], mask: str) -> str | bytes:
    """A text with these words replaced, and spaces where a mask would touch another word.

    >>> with_masks("no!", [Masked("no", 0, 2, 0)], "x")
    'x !'
    """
    made, at = text[:0], 0
    for word in words:
        before, after = slice_of(text, at, word.begin)[-1:], slice_of(text, word.end, word.end + 1)
        left = " " if word.begin and not before.isspace() else ""
        right = " " if word.end < len(text) and not after.isspace() else ""
        made = _joined(made, text[at : word.begin], f"{left}{mask}{right}")
        at = word.end
    return _joined(made, text[at:], "")


def _joined(one: str | bytes, other: str | bytes, last: str) -> str | bytes:
    if isinstance(one, str) and isinstance(other, str):
        return one + other + last
    return bytes(one) + bytes(other) + last.encode()  # type: ignore[arg-type]
