"""Texts as ids of a vocabulary's words, by the runtime's own tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from prunetext.data.dataset import Examples, Input
from prunetext.data.task import Task
from prunetext.models.encoded import UNLABELLED, Encoded, labelled
from prunetext.runtime._native import Vocabulary
from prunetext.runtime.tokenizers import BERT


class Reader(NamedTuple):
    """What makes ids of texts: the words of the vocabulary, and the tokenizer that finds them.

    Reader(["great", "film"]).vocabulary().encode(["A great film"])
    """

    words: list[str]
    tokenizer: str = BERT

    def vocabulary(self) -> Vocabulary:
        """The words as the native module looks them up."""
        return Vocabulary(self.words, self.tokenizer)


def encode_inputs(vocabulary: Vocabulary, inputs: Sequence[Input]) -> Encoded:
    """Ids of texts, or of pairs of them, without labels.

    encode_inputs(Vocabulary(["great", "film"]), ["a great film"]).ids        # array([1, 2, 3], dtype=int32)
    """
    texts = [each for each in inputs if isinstance(each, str)]
    pairs = [each for each in inputs if not isinstance(each, str)]
    if pairs:
        ids, offsets = vocabulary.encode_pairs([first for first, _ in pairs], [second for _, second in pairs])
    else:
        ids, offsets = vocabulary.encode(texts)
    targets = torch.full((len(inputs),), UNLABELLED)
    task = Task(texts=2 if pairs else 1)
    return Encoded(np.frombuffer(ids, np.int32), np.frombuffer(offsets, np.int64), targets, task=task)


def encode_examples(vocabulary: Vocabulary, examples: Examples, classes: Sequence[str]) -> Encoded:
    """The same with their labels."""
    return labelled(encode_inputs(vocabulary, examples.inputs), examples, classes)
