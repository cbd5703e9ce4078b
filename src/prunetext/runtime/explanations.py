"""Why a text got its label: n-grams with their shares, words that flip the label, and what filters are about.

The modules that only some of this needs are imported by the calls that need them: a first explanation is quick.
"""

from __future__ import annotations

from prunetext.errors import InputError, brief
from prunetext.runtime.arguments import at_least_one, prepare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from prunetext.runtime.arguments import Explained, Items
    from prunetext.runtime.cascade_model import PackedModel
    from prunetext.runtime.parts import Counterfactual, Filter, TextPart


PAIR_TASKS = ("pairs", "score of pairs")
SCORE_TASKS = ("score", "score of pairs")


class Explanation(list[tuple[str, float]]):
    """The n-grams that speak for a label, most important first, with shares that sum to 1.

        found = clf.explain("a great film")
        found                                             # [('great film', 0.8), ('great', 0.2)]
        found.label, found.probability                    # ('pos', 0.98)
        found.parts[0]                                    # TextPart(ngram='a', begin=0, end=1, logit=-0.1, side=0)
        found.base + sum(part.logit for part in found.parts) == found.logit    # but for rounding

    `label`: the label that is explained. `probability`: the one that `predict_proba` gives it. `logit`: its number
    before the temperature, as in `clf.logits`. `parts`: what the characters of the text add to the logit, in the order
    of the text, also those that speak against the label. `base`: what no word adds. N-grams are spelled as the model
    reads them: in lower case, with spaces between the tokens.

    If a text has exactly one label, only differences between logits count. A part is then what the characters add to
    this label's logit beyond what they add to all labels on average; that average is in `base`.
    """

    __slots__ = ("_raw", "_texts", "base", "label", "logit", "probability")

    label: str
    probability: float
    logit: float
    base: float
    _texts: tuple[str | bytes, ...]
    _raw: bytes

    @property
    def parts(self) -> list[TextPart]:
        """What the characters of the text add to the logit, in the order of the text."""
        return self.largest()

    def largest(self, top: int | None = None) -> list[TextPart]:
        """The parts that add or take most, so many or all, in the order of the text.

        clf.explain("a great film").largest(1)    # [TextPart(ngram='great', begin=2, end=7, logit=1.7, side=0)]
        """
        from prunetext.runtime.parts import text_parts

        return text_parts(self._raw, self._texts, None if top is None else at_least_one("top", top))


class Explaining:
    """The methods of a `Classifier` that explain."""

    task: str
    labels: list[str]
    _model: PackedModel

    def explain(self, text: Explained, label: str | None = None) -> Explanation:
        """The n-grams that speak for the predicted label, most important first, with shares that sum to 1.

            found = clf.explain("a great film")    # [('great film', 0.8), ('great', 0.2)]
            found.parts                            # all parts of the logit, with their places in the text
            clf.explain("a great film", "neg")     # [('a', 1.0)]

        `label`: one of the model's labels; by default the most probable one, even if it does not reach its threshold.
        Of scores it is a step between two levels; by default the one whose probability is nearest to one half, in which
        the score lies. What is shared out is the label's logit minus the mean of all labels' or, if a text can have
        several labels, the logit itself. A max feature's part goes to the n-gram under its first maximal window, a mean
        feature's part to the single words. Parts of equal n-grams are added up; those against the label are left out.
        The list is empty if nothing in the text speaks for the label. For a pair, the n-grams of both texts are listed.
        The part of a text's features is then what they add to the other text's features and to none, on average: the
        Shapley values of |u - v| and u · v (Shapley 1953). `Explanation` says what else the result tells. It takes two
        to nine times as long as `predict`, long texts more than short ones; `parts` take longer still.
        """
        try:
            asked = self._step(text) if label is None and self.task in SCORE_TASKS else self._number(label)
            number, probability, logit, base, shares, raw = self._model.explain(text, asked)
        except TypeError as error:
            if self.task in PAIR_TASKS:
                raise InputError(f"explain takes one pair of texts as a tuple of two str ({error}).") from None
            raise InputError(f"explain takes one text as a str, not {type(text).__name__}.") from None
        found = Explanation(shares)
        found.label, found.probability, found.logit, found.base = self.labels[number], probability, logit, base
        found._texts, found._raw = tuple(text) if isinstance(text, (tuple, list)) else (text,), raw
        return found

    def counterfactual(self, text: Explained, label: str | None = None, *, most: int = 8) -> Counterfactual | None:
        """The words that, once masked, take a label away from a text, or give it one that it has not.

            found = clf.counterfactual("a great film, if a long one")
            found.words    # [Masked(word='great', begin=2, end=7, side=0)]
            found.label    # 'neg'
            found.text     # 'a ᚠ film, if a long one', which has the label that it says

        A masked word is read as one that the model does not know. The search is greedy: of all words, it masks the one
        without which the model's own logit of the label falls most, compared with the next label's or, if a text can
        have several labels, by itself; then the next one. Words that need not be masked after all are put back.
        `label`: the one to lose or, if the text has it not, to get; by default the most probable one. `most`: how many
        words may be masked. In a long text only the 50 words with the largest parts are tried. None if the label
        cannot be changed so. Of a pair, words of both texts are masked. It asks the model some hundreds of times.
        """
        from prunetext.runtime.counterfactuals import flipping_words

        if self.task in SCORE_TASKS:
            raise InputError("counterfactual looks for words that change a label, but this model gives scores.")
        allowed = at_least_one("most", most)
        found = self.explain(text, label)
        return flipping_words(self._model, self.labels.index(found.label), found.parts, text, allowed)

    def fired(self, texts: Items, top: int = 5) -> list[Filter]:
        """What each filter of the model is about: the n-grams of these texts that fire it most.

            for each in clf.fired(texts, top=2):
                each.width      # 2
                each.weights    # {'neg': {'max': -0.4}, 'pos': {'max': 0.4}}
                each.ngrams     # [('great film', 3.1), ('a great', 2.2)]

        Each text counts with the n-gram under the first maximal window; filters come in the order of the file, narrow
        ones first. `texts`: as for `predict`. `top`: how many n-grams of each filter, at most.
        """
        from prunetext.runtime.parts import Filter

        count = at_least_one("top", top)
        given, _ = prepare(texts, None)
        try:
            rows = self._model.firings(given, min(count, 1 << 20))
        except TypeError as error:
            raise InputError(f"{error}; give a list of what predict takes.") from None
        found = []
        for width, raw, ngrams in rows:
            weights = [float(number) for number in memoryview(raw).cast("d")]
            names = _names(len(weights) // len(self.labels), pairs=self.task in PAIR_TASKS)
            each = (weights[at : at + len(names)] for at in range(0, len(weights), len(names)))
            of_labels = {
                label: dict(zip(names, own, strict=True)) for label, own in zip(self.labels, each, strict=True)
            }
            found.append(Filter(width, of_labels, ngrams))
        return found

    def check_label(self, label: str | None) -> None:
        """Refuse a label that the model has not with `InputError`; None stands for the most probable one.

        clf.check_label("pos")
        """
        self._number(label)

    def _step(self, text: Explained) -> int:
        """The step of scores whose probability is nearest to one half."""
        odds = [abs(each) for each in memoryview(self._model.logits([text], 1)).cast("d")]
        return odds.index(min(odds))

    def _number(self, label: str | None) -> int:
        """The place of a label, -1 for None; InputError for one that the model has not."""
        if label is None:
            return -1
        if not isinstance(label, str) or label not in self.labels:
            raise InputError(f"label is {brief(label)}: it must be one of the model's, such as {self.labels[0]!r}.")
        return self.labels.index(label)


def _names(count: int, *, pairs: bool) -> list[str]:
    """What the inputs of the head that a filter feeds are called."""
    sides = [f"{side} " for side in ("first", "second", "difference", "product")] if pairs else [""]
    kinds = ["max", "mean"][: count // len(sides)]
    return [f"{side}{kind}" for side in sides for kind in kinds]
