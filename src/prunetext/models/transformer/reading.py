"""Texts as ids of a transformer's tokens, by its own tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch

from prunetext.data.dataset import Input
from prunetext.errors import InputError, require
from prunetext.models.encoded import UNLABELLED, Encoded
from prunetext.runtime.onnx_inputs import pair_of, text_of

_AT_ONCE = 1 << 12  # texts that are tokenised at once: their tokens take much memory


class TokenReader(NamedTuple):
    """What makes ids of texts: the text of a tokenizer.json, how many tokens are read, and how many words there are.

    TokenReader(tokenizer, longest=128, words=30_522, kinds=2).encode(["a film"]).ids      # 1 + the ids of its tokens

    kinds: rows of the model's table that tells the texts of a pair apart; without two, they are not told apart.
    """

    tokenizer: str
    longest: int
    words: int
    kinds: int = 0

    def encode(self, inputs: Sequence[Input]) -> Encoded:
        """Ids of texts, or of pairs of them, which are read as one text, without labels."""
        made, parts, ends = tokenizer_from(self.tokenizer, self.longest), [], [0]
        for start in range(0, len(inputs), _AT_ONCE):
            for each in made.encode_batch([given(one) for one in inputs[start : start + _AT_ONCE]]):
                numbers = np.asarray(each.ids, np.int32)
                if len(numbers) and int(numbers.max()) >= self.words:
                    raise InputError("The tokenizer has tokens that the model has no vectors of. Give a whole model.")
                if self.kinds > 1:
                    numbers = numbers + self.words * np.asarray(each.type_ids, np.int32)
                parts.append(1 + numbers)
                ends.append(ends[-1] + len(numbers))
        ids = np.concatenate(parts) if parts else np.zeros(0, np.int32)
        return Encoded(ids, np.array(ends, np.int64), torch.full((len(inputs),), UNLABELLED))

    def seen(self, texts: Sequence[str]) -> set[int]:
        """The ids that occur in single texts."""
        found, made = set[int](), tokenizer_from(self.tokenizer, self.longest)
        for start in range(0, len(texts), _AT_ONCE):
            for each in made.encode_batch(list(map(text_of, texts[start : start + _AT_ONCE]))):
                found.update(each.ids)
        return found


def given(one: Input) -> Any:
    """A text or a pair as the tokenizer takes it."""
    return text_of(one) if isinstance(one, str) else pair_of(one)


@lru_cache(maxsize=4)
def tokenizer_from(text: str, longest: int) -> Any:
    """The tokenizer of a tokenizer.json, which cuts texts to so many tokens; InputError if it is none."""
    tokenizers = require("tokenizers", extra="encoders")
    try:
        made = tokenizers.Tokenizer.from_str(text)
        made.no_padding()
        made.enable_truncation(longest)
    except Exception as error:  # the library documents no errors
        said = str(error).partition("\n")[0]
        raise InputError(
            f"The tokenizer.json is damaged ({said}). Save the model again with save_pretrained."
        ) from None
    return made
