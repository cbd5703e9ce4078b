"""Text without labels: read as a stream, without the texts that the model is judged on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from prunetext.data.dataset import Examples, Input
from prunetext.data.task import Task
from prunetext.data.texts import read_inputs
from prunetext.errors import DataError
from prunetext.runtime._native import tokenize
from prunetext.runtime.tokenizers import whole_words

MOST_OF_TEST = 0.5  # share of the test texts from which an unlabelled file counts as the test set itself


class Unlabelled(NamedTuple):
    """The kept texts, each once, and how many were left out."""

    texts: list[Input]
    held_out: int  # rows equal to a text of dev or test
    repeated: int  # rows equal to an earlier one, or to a text of train
    empty: int

    def lines(self) -> list[str]:
        """Say how many were read in one sentence, and how many were left out in another."""
        said = [f"{len(self.texts):,} unlabelled texts were read."] if self.texts else []
        left = (
            (self.held_out, "equal to a text of dev or test"),
            (self.repeated, "equal to an earlier text"),
            (self.empty, "without a word"),
        )
        parts = [f"{count:,} {why}" for count, why in left if count]
        return said + ([f"Unlabelled rows left out: {', '.join(parts)}."] if parts else [])


def read_unlabelled(
    files: Iterable[str | Path],
    known: Iterable[Examples],
    held_out: Sequence[Examples],
    *,
    rest: Sequence[Input] = (),
    refuse_test: bool = True,
    encoding: str = "utf-8",
    tokenizer: str = "bert/1",
) -> Unlabelled:
    """Read texts without labels from files with one text a line, or from tables with a column of texts.

        found = read_unlabelled(["reviews.txt"], [data.train], [data.dev, data.test])

    `rest` has more such texts, from memory. If the known examples are pairs, so are these. Texts are equal if their
    words are: case, spaces and, by the tokenizer bert/1, accents do not count. A file that holds more than half of the
    texts of the last split of `held_out`, test, raises `DataError`; if `refuse_test` is False, as when test was drawn
    from a larger set, these texts are just left out.
    """
    files, known = list(files), list(known)
    if not files and not rest:
        return Unlabelled([], 0, 0, 0)
    judged = [signatures(examples.inputs, tokenizer) for examples in held_out]
    seen = {each for examples in known for each in signatures(examples.inputs, tokenizer)}
    texts: list[Input] = []
    counts = {"held_out": 0, "repeated": 0, "empty": 0}
    task = known[0].task if known else Task()
    sources: list[tuple[object, Iterable[Sequence[Input]]]] = [("the texts without labels", [rest])]
    sources += [(file, read_inputs(task, file, encoding=encoding)) for file in files]
    for file, chunks in sources:
        of_test: set[bytes] = set()
        for chunk in chunks:
            for text in chunk:
                own = signature(text, tokenizer) if has_words(text) else None
                if own is None:
                    counts["empty"] += 1
                elif any(own in each for each in judged):
                    counts["held_out"] += 1
                    of_test |= {own} & judged[-1]
                elif own in seen:
                    counts["repeated"] += 1
                else:
                    seen.add(own)
                    texts.append(text)
        if refuse_test and len(of_test) > MOST_OF_TEST * len(judged[-1]):
            raise DataError(
                file,
                f"{len(of_test):,} of the {len(judged[-1]):,} test texts are in this unlabelled file; a model that has "
                "learnt from them cannot be judged on them. Leave the test texts out, or give another file.",
            )
    return Unlabelled(texts, **counts)


def signature(given: Input, tokenizer: str = "bert/1") -> bytes:
    """A digest of 16 bytes that two texts, or pairs of texts, share if they are the same to a reader.

    >>> signature("A great  film!") == signature("a GREAT film !") != signature("a great film")
    True
    """
    texts = [given] if isinstance(given, str) else given
    words = "\n".join(" ".join(tokenize(text, whole_words(tokenizer))) for text in texts)
    return blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def signatures(texts: Iterable[Input], tokenizer: str = "bert/1") -> set[bytes]:
    """The signatures of many texts."""
    return {signature(text, tokenizer) for text in texts}


def has_words(given: Input) -> bool:
    """Whether a text, or each text of a pair, has a word.

    >>> has_words("a film"), has_words(("a film", " "))
    (True, False)
    """
    return all(map(tokenize, [given] if isinstance(given, str) else given))
