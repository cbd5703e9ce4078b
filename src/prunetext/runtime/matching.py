"""The features of single texts, stored once, and the stored texts that match a query."""

from __future__ import annotations

from prunetext.errors import InputError, brief
from prunetext.runtime.arguments import as_rows, at_least_one, prepare
from prunetext.runtime.explanations import SCORE_TASKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    import numpy as np
    from numpy.typing import NDArray

    from prunetext.runtime.arguments import Texts
    from prunetext.runtime.cascade_model import PackedModel

NEAREST = 100  # stored vectors that the head judges in `match`


class Matching:
    """The methods of a `Classifier` that store texts and find them again."""

    task: str
    _name: str
    _model: PackedModel

    def encode(self, texts: Texts, threads: int | None = None) -> NDArray[np.float32]:
        """The features of single texts, which can be stored and matched later: float32, (texts, features).

            vectors = clf.encode(["a great film", "dull"])    # one row for each text
            clf.match("great!", vectors)                      # [(0, 0.93), (1, 0.08)]

        For a model of pairs they are features of each text by itself, whatever words it shares with another.
        Needs numpy. Arguments and errors as for `predict` of single texts.
        """
        prepared, count = prepare(texts, threads)
        try:
            return as_rows(self._model.encode(prepared, count), self._model.features)
        except TypeError as error:
            raise InputError(f"{error}; give a list of strings.") from None

    def match(
        self,
        query: str,
        vectors: NDArray[np.float32],
        top: int = 10,
        *,
        texts: Sequence[str] | None = None,
        side: Literal["first", "second"] = "first",
    ) -> list[tuple[int, float]]:
        """The stored texts that match the query best, as (row of `vectors`, probability of a match), the best first.

            vectors = clf.encode(texts)                        # once
            clf.match("a great film", vectors, texts=texts)    # [(17, 0.98), (3, 0.91), ...]

        The model judges the 100 rows (or `top`, if that is more) with the largest cosine with the query's own features;
        among equals, the earlier row comes first. `vectors`: from `encode`, float32 (texts, features), C-contiguous.
        `texts`: the list of the stored texts; with it, a pair's answer is that of `predict_proba`; without it, the
        model judges only from the vectors, and does not know which words are in both texts. `side`: which text of a
        pair the query is. InputError for a model that judges no pairs, and for vectors of another kind or with a number
        that is not finite.
        """
        if self.task in SCORE_TASKS:
            raise InputError(f"{self._name}: this model gives scores; match needs one fitted on pairs with labels.")
        if self.task != "pairs":
            raise InputError(f"{self._name}: this model judges no pairs of texts; give a model fitted on pairs.")
        if not isinstance(query, (str, bytes)):
            raise InputError(f"match takes one text as a str, not {type(query).__name__}; call it for each query.")
        if not isinstance(side, str) or side not in {"first", "second"}:
            raise InputError(f"side is {brief(side)}: it must be 'first' or 'second', the query's place in a pair.")
        most = at_least_one("top", top)
        try:
            return self._model.match(query, vectors, most, max(most, NEAREST), texts, side == "second")
        except (TypeError, ValueError) as error:
            raise InputError(f"{error}; give the vectors from encode, and the list of their texts.") from None
