"""The choice of a tokenizer by the texts: the one by which a quick linear model tells the classes apart better."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from prunetext.data.dataset import Examples, Input
from prunetext.options import ModelOptions
from prunetext.runtime._native import TOKENIZERS, count_words, same_tokens, tokenize
from prunetext.runtime.tokenizers import BERT, PAIRS_4, PIECES_3, WORDS_2

AUTO = "auto"
# Words where auto takes pairs/4, as many as texts between these two: fewer texts do not fill more words, and with the
# fewest the packed file keeps to 300 kB even if nothing is pruned.
FEWEST_WITH_PAIRS, MOST_WITH_PAIRS = 18_000, 36_000
MOST_ASKED = 700  # examples that a quick model learns from and is judged on
LEAST_ASKED, REGRESSIONS = MOST_ASKED // 2, 4  # the fewest examples of a further such model, and how many there are
MOST_READ = 4_096  # characters of a text
MOST_TOKENS, MOST_WITH = 256, {PIECES_3: 1_536, PAIRS_4: 512}  # and tokens of these
LONGEST = 3  # tokens of an n-gram
STRENGTHS = (0.1, 0.3, 1.0)  # of the ridge; each tokenizer has its best
SURE = 2.0  # standard errors by which another tokenizer must be better
# One with more tokens must also save so much of the labels' variance; less if surer, by so many standard errors. The
# ridge knows fewer texts than a large train has, and so fewer words: there it must be surer. Pairs are one token more a
# letter, pieces are four a word.
WORTH_MORE, WORTH_IF_SURER = 0.03, {PIECES_3: (0.02, 5.0), PAIRS_4: (0.01, 3.0)}
MANY_PAIRS = 0.3  # pairs a word from which pairs/4 is asked about, and not pieces/3
DRAWN_BY = 17
TINY = 1e-12
MOST_RARE = 0.5  # share of running words that occur once, from which a note says so

_Floats = npt.NDArray[np.float64]
_Options = TypeVar("_Options", bound=ModelOptions)


def known_tokenizer(shape: ModelOptions) -> str:
    """The tokenizer of the options; bert/1 where nobody has chosen.

    >>> known_tokenizer(ModelOptions()), known_tokenizer(ModelOptions(tokenizer="words/2"))
    ('bert/1', 'words/2')
    """
    return BERT if shape.tokenizer == AUTO else shape.tokenizer


def settle_tokenizer(shape: _Options, examples: Examples) -> _Options:
    """The options, with the tokenizer that suits the labelled texts in the place of auto.

    settle_tokenizer(ModelOptions(), data.train).tokenizer        # 'bert/1'
    """
    if shape.tokenizer != AUTO:
        return shape
    found = suitable_tokenizer(examples, shape.min_count)
    if found != PAIRS_4 or shape.max_words != ModelOptions.max_words:
        return dataclasses.replace(shape, tokenizer=found)
    most = min(max(len(examples), FEWEST_WITH_PAIRS), MOST_WITH_PAIRS)
    return dataclasses.replace(shape, tokenizer=found, max_words=most)


def suitable_tokenizer(examples: Examples, min_count: int = 2) -> str:
    """The tokenizer that suits labelled texts.

    >>> suitable_tokenizer(Examples(["schön", "schon"] * 20, ["a", "b"] * 20))
    'words/2'

    Each of 700 texts at most is answered by a ridge regression on tokens, which has not learnt from that text. bert/1
    gives way to words/2, on n-grams of up to three tokens, where the mean squared error is smaller by more than two
    standard errors of the difference, and where bert/1 finds no word that occurs `min_count` times. The better one
    gives way to a finer one, on single tokens, where that saves more than 3 % of the labels' variance and two standard
    errors, or 1 % and three for pairs/4, 2 % and five for pieces/3. The finer one is pairs/4 where it finds three pairs
    or more for ten words, else pieces/3. Of more than 700 texts, up to four regressions are asked, each about texts of
    its own, and only the latter counts. The same texts give the same answer.
    """
    texts = examples.all_texts
    order = np.random.default_rng(DRAWN_BY).permutation(len(examples)).tolist()
    words = BERT
    if not same_tokens(texts, BERT, WORDS_2):
        too_rare = max(count_words(texts, BERT).values(), default=0) < min_count
        saved = np.zeros(1) if too_rare else savings(examples, order[:MOST_ASKED], BERT, WORDS_2, LONGEST)
        words = WORDS_2 if too_rare or sureness(saved) > SURE else BERT
    if not texts:
        return words
    parts = [order[at : at + MOST_ASKED] for at in range(0, min(len(order), REGRESSIONS * MOST_ASKED), MOST_ASKED)]
    parts = [part for at, part in enumerate(parts) if at == 0 or len(part) >= LEAST_ASKED]
    inputs = examples.inputs
    finer = finer_tokenizer([inputs[at] for at in parts[0]])
    least, surer = WORTH_IF_SURER[finer]
    saved = savings(examples, parts[0], words, finer, 1)
    for part in parts[1:]:
        if saved.mean() < least / 2:  # the others would hardly change that
            return words
        saved = np.concatenate([saved, savings(examples, part, words, finer, 1)])
    share, sure = saved.mean(), sureness(saved)
    few = len(order) <= MOST_ASKED and share > WORTH_MORE and sure > SURE
    return finer if few or (share > least and sure > surer) else words


def finer_tokenizer(inputs: Sequence[Input]) -> str:
    """The tokenizer that can find more than words in these texts.

    >>> finer_tokenizer(["电影好看"]), finer_tokenizer(["good film", ("电影", "good film and good sound")])
    ('pairs/4', 'pieces/3')
    """
    texts = [text[:MOST_READ] for given in inputs for text in ((given,) if isinstance(given, str) else given)]
    words, with_pairs = (sum(count_words(texts, tokenizer).values()) for tokenizer in (WORDS_2, PAIRS_4))
    return PAIRS_4 if with_pairs - words >= MANY_PAIRS * words > 0 else PIECES_3


def savings(examples: Examples, chosen: list[int], one: str, other: str, longest: int) -> _Floats:
    """The squared error on each chosen example that another tokenizer saves, in parts of the labels' variance."""
    every, lists, scores = examples.inputs, examples.label_lists, examples.scores
    inputs, own = [every[at] for at in chosen], [lists[at] for at in chosen]
    labels = sorted({label for each in own for label in each})
    truth = np.array([[float(label in each) for label in labels] for each in own])
    if scores is not None:
        truth = np.array([[scores[at]] for at in chosen])
    variance = ((truth - truth.mean(0)) ** 2).sum(1).mean()
    before, after = (errors(inputs, truth, tokenizer, longest) for tokenizer in (one, other))
    saved: _Floats = (before - after) / max(float(variance), TINY)
    return saved


def sureness(saved: _Floats) -> float:
    """How many standard errors the mean is from 0.

    >>> round(sureness(np.array([1.0, 2.0])), 2)
    4.24
    """
    error: float = max(float(saved.std()) / float(np.sqrt(len(saved))), TINY)
    return float(saved.mean()) / error


def errors(inputs: Sequence[Input], truth: _Floats, tokenizer: str, longest: int = LONGEST) -> _Floats:
    """The squared error of a ridge regression on each example (n), when it is fitted to all others.

    errors(["good film", "bad film"], np.array([[1.0, 0.0], [0.0, 1.0]]), "bert/1")

    truth: 1 for the labels of an example, (n, labels). longest: tokens of an n-gram. With G the inverse of the kernel
    plus the ridge, the error of example i is (G y)_i / G_ii if it is left out: nothing is fitted again (Allen 1974,
    "The Relationship Between Variable Selection and Data Augmentation and a Method for Prediction").
    """
    kernel = torch.from_numpy(similarities(inputs, tokenizer, longest))
    centred = torch.from_numpy(truth - truth.mean(0))
    found, one, before = [], torch.eye(len(kernel), dtype=kernel.dtype), torch.get_num_threads()
    torch.set_num_threads(1)  # for so small a matrix, threads wait for one another for longer than they work
    try:
        for strength in STRENGTHS:
            inverse = torch.cholesky_inverse(torch.linalg.cholesky(kernel + strength * one))
            found.append(((inverse @ centred / inverse.diagonal()[:, None]) ** 2).sum(1))
    finally:
        torch.set_num_threads(before)
    best: _Floats = min(found, key=lambda each: float(each.mean())).numpy()
    return best


def similarities(inputs: Sequence[Input], tokenizer: str, longest: int = LONGEST) -> _Floats:
    """The cosines of the n-grams of any two examples (n, n), rare ones with a higher weight."""
    from scipy.sparse import csr_array

    places: dict[Any, int] = {}
    rows = [
        [places.setdefault(each, len(places)) for each in token_ngrams(given, tokenizer, longest)] for given in inputs
    ]
    columns = np.array([place for row in rows for place in row], np.int64)
    bounds = np.cumsum([0, *map(len, rows)])
    weights = np.log((1 + len(rows)) / (1 + np.bincount(columns, minlength=len(places)))) + 1
    table = csr_array((weights[columns], columns, bounds), shape=(len(rows), max(len(places), 1)))
    products: _Floats = (table @ table.T).toarray()
    lengths = np.sqrt(np.maximum(products.diagonal(), 1e-12))
    return products / lengths[:, None] / lengths


def token_ngrams(given: Input, tokenizer: str, longest: int = LONGEST) -> list[tuple[Any, ...]]:
    """The n-grams of up to so many tokens, each once; of a pair, with a word on which text has them.

    >>> token_ngrams("a film", "bert/1"), token_ngrams(("a", "film"), "bert/1")
    ([('a',), ('film',), ('a', 'film')], [('one', 'a'), ('one', 'film')])
    """
    if isinstance(given, str):
        tokens = tokenize(given[:MOST_READ], tokenizer)[: MOST_WITH.get(tokenizer, MOST_TOKENS)]
        spans = range(1, longest + 1)
        tokens = list(dict.fromkeys(tokens)) if longest == 1 else tokens
        found = (tuple(tokens[at : at + span]) for span in spans for at in range(len(tokens) - span + 1))
        return list(dict.fromkeys(found))
    first, second = (dict.fromkeys(token_ngrams(text, tokenizer, longest)) for text in given)
    both = [("both", *each) for each in first if each in second]
    return [*both, *(("one", *each) for each in {**first, **second} if not (each in first and each in second))]


def rare_note(texts: list[str], tokenizer: str) -> list[str]:
    """A note if more than half of the running words occur only once.

    >>> rare_note(["a b", "a c d"], "bert/1")
    ['60 % of the running words of train occur only once, and little can be learnt from them. Give more texts.']
    """
    tokenizer = WORDS_2 if tokenizer == PAIRS_4 else tokenizer  # a rare pair is of letters that may be known
    share = rare_share(texts, tokenizer)
    if share <= MOST_RARE:
        return []
    finer = TOKENIZERS[TOKENIZERS.index(tokenizer) + 1 : TOKENIZERS.index(PAIRS_4)]
    better = next((each for each in finer if rare_share(texts, each) < share / 2), None)
    remedy = "Give more texts."
    if better is not None:
        remedy = f"Try --tokenizer {better}, which cuts these texts into parts that come again."
    rule = "of the running words of train occur only once, and little can be learnt from them"
    return [f"{100 * share:.0f} % {rule}. {remedy}"]


def rare_share(texts: list[str], tokenizer: str) -> float:
    """The share of running words that occur only once.

    >>> rare_share(["a b", "a c"], "bert/1")
    0.5
    """
    counts = count_words(texts, tokenizer).values()
    return sum(count == 1 for count in counts) / max(sum(counts), 1)
