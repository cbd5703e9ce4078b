"""The teacher of a fit that names none: what is trained on the same texts, within a budget of tokens.

    automatic_teachers(data.train, 4)      # ["tf-idf", "ngrams", "ensemble:3:small"]
    Diet.of(data.train).copies             # 8.0: texts made of each text of train

Work is counted in tokens that training reads, never in time: the same texts have the same teachers on every machine.
benchmarks/default.py shows what each part brings.
"""

from __future__ import annotations

from typing import NamedTuple

from prunetext.data.dataset import Examples
from prunetext.data.task import Task
from prunetext.models.encoded import SINGLE
from prunetext.peers.baseline import likely_seconds
from prunetext.runtime._native import count_words
from prunetext.runtime.tokenizers import BERT
from prunetext.training.pace import pace

AUTOMATIC = "auto"  # as the name of a teacher
TAUGHT_TASKS = (SINGLE, Task(answer="score"))
TEXT_COST = 60  # tokens: a text takes as long as so many, besides its own
# Of the training of a TextCNN alone: up to so many tokens, an ensemble of small ones teaches, too.
MOST_FOR_ENSEMBLE = 11_000_000
MEMBERS = "ensemble:3:small"
TOKENS_A_SECOND = 1_000_000  # of training, about
MOST_FOR_NGRAMS, MOST_NGRAM_WORK = 1_300_000, 20_000_000  # tokens, and tokens times labels: some ten seconds
# More tokens times labels, or characters, than a regression on tf-idf takes: then nothing teaches.
MOST_TFIDF_WORK, MOST_CHARACTERS = 50_000_000, 50_000_000
# A student reads as much as it would alone, times the first; small data more, the second. In this it reads every text
# at least and at most so often, and so many made of each.
READ_TAUGHT, LEAST_READ, _FEWEST_EPOCHS, _MOST_EPOCHS = 1.3, 8_000_000, 4, 16
_MOST_COPIES, _FEWEST_COPIES, _MOST_MADE = 8, 0.5, 6_000_000  # made of each text, and tokens of train and made texts


class Diet(NamedTuple):
    """What a student of the automatic teacher reads: texts made of each text of train, and epochs.

    alone: the tokens that a training without a teacher reads, with those that stand for the cost of each text.
    """

    copies: float
    epochs: float
    alone: float

    @classmethod
    def of(cls, train: Examples, tokenizer: str = BERT, copies: float | None = None) -> Diet:
        """The diet for these labelled texts; copies: of each text, if they are asked for.

        >>> Diet.of(Examples(["a great film"] * 1000, ["x"] * 1000))
        Diet(copies=8.0, epochs=14.1, alone=1260000.0)
        >>> Diet.of(Examples(["a great film"] * 100_000, ["x"] * 100_000)).copies
        0.0
        """
        texts, tokens = len(train), tokens_of(train, tokenizer)
        cost = TEXT_COST * texts + tokens
        alone = pace(texts, task=train.task).epochs * cost
        rounds = max(READ_TAUGHT * alone, LEAST_READ) / cost  # times that all of train can be read
        if copies is None:
            copies = min(rounds / _FEWEST_EPOCHS - 1, _MOST_MADE / tokens - 1, _MOST_COPIES)
            copies = 0.0 if copies < _FEWEST_COPIES else round(copies, 1)
        epochs = float(min(max(rounds / (1 + copies), _FEWEST_EPOCHS), _MOST_EPOCHS))
        return cls(float(copies), round(epochs, 1), float(alone))


def automatic_teachers(train: Examples, classes: int, tokenizer: str = BERT) -> list[str]:
    """The names of the teachers for these labelled texts of so many classes; none for pairs or several labels.

    Texts with scores have them, too.

    N-grams of pairs taught well on one set of three, and badly on another.

    >>> automatic_teachers(Examples(["a film"] * 9, ["x"] * 9), 2)
    ['tf-idf', 'ngrams', 'ensemble:3:small']
    """
    if train.task not in TAUGHT_TASKS:
        return []
    tokens, characters = tokens_of(train, tokenizer), sum(map(len, train.texts))
    if tokens * classes > MOST_TFIDF_WORK or characters > MOST_CHARACTERS:
        return []
    few = tokens <= MOST_FOR_NGRAMS and tokens * classes <= MOST_NGRAM_WORK
    small = Diet.of(train, tokenizer).alone <= MOST_FOR_ENSEMBLE
    return ["tf-idf", *(["ngrams"] if few else []), *([MEMBERS] if small else [])]


def teaching_seconds(train: Examples, classes: int, tokenizer: str = BERT) -> float:
    """How long the automatic teacher takes to learn, as a careful guess.

    >>> teaching_seconds(Examples(["a film"] * 9, ["x"] * 9), 2)
    2.2
    """
    read = 3 * Diet.of(train, tokenizer).alone if MEMBERS in automatic_teachers(train, classes, tokenizer) else 0
    return round(likely_seconds(train, train, classes) + read / TOKENS_A_SECOND, 1)


def tokens_of(train: Examples, tokenizer: str) -> int:
    """The running words of all texts."""
    return max(1, sum(count_words(train.all_texts, tokenizer).values()))
