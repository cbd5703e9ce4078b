"""The changes of the dense model that benchmarks/trials.py tries: each is a TextCNN with one idea more.

    model = changed(untrained, "bigrams", {"most": 20_000}, Lesson(train, classes, ranking, distance=1))

A change begins with the weights of the default, and reaches the loop by what a model may override: its logits, its
optimizers and its further loss. The loop weighs the latter by `ranking`, which is undone here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from ngram_lists import Listed, bigrams_of, regression_on
from torch import Tensor, nn
from torch.nn import functional

from prunetext.models.encoded import Encoded
from prunetext.models.protocol import Rates
from prunetext.models.textcnn.layout import PADDING, WORDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.row_adam import RowAdam

Loss = Callable[[Tensor], Tensor]


class Lesson(NamedTuple):
    """What a change may know: labelled texts, dev, the weight of further losses, and tokens from one to the next."""

    train: Encoded
    dev: Encoded
    ranking: float
    distance: int


class Changed(TextCNN):
    """A TextCNN with the settings of a trial; it remembers the features and logits of its last batch."""

    how: Mapping[str, Any]
    ranking: float
    seen: tuple[Tensor, Tensor]

    def start(self, how: Mapping[str, Any], lesson: Lesson) -> None:
        """Change the untrained model."""
        self.how, self.ranking = how, lesson.ranking

    def judged(self, features: Tensor) -> Tensor:
        """Logits of the head's input."""
        logits = super().judged(features)
        if self.training:
            self.seen = features, logits
        return logits


class Started(Changed):
    """Initialisation: `embed` and `head` multiply the first weights; `orthogonal` filters have the usual norm."""

    @torch.no_grad()
    def start(self, how: Mapping[str, Any], lesson: Lesson) -> None:
        """Change the first weights."""
        super().start(how, lesson)
        self.embedding.mul_(how.get("embed", 1.0))
        self.head.weight.mul_(how.get("head", 1.0))
        if how.get("orthogonal"):
            for width in self.widths:
                weight = self.conv(width).weight
                flat = nn.init.orthogonal_(torch.empty(weight.shape[0], weight[0].numel()))
                weight.copy_((flat * (weight.norm() / flat.norm())).view_as(weight))


class Twice(Changed):
    """R-Drop (Liang et al. 2021): a second pass, and `weight` for how far both are apart; `words` of it are hidden."""

    def further_loss(self, batch: Tensor, loss: Loss, truth: Callable[[], Tensor]) -> Tensor:
        """The loss of the second pass, and the divergence of the two."""
        features, first = self.seen
        if share := self.how.get("words", 0.0):
            second = self(self.hidden(batch, torch.rand(batch.shape) < share))
        else:
            second = self.judged(features)
        one, other = first.log_softmax(1), second.log_softmax(1)
        apart = ((one.exp() - other.exp()) * (one - other)).sum(1).mean() / 2
        both: Tensor = loss(second) + self.how["weight"] * apart
        return both / self.ranking


class Mixed(Changed):
    """Mixup (Zhang et al. 2018) of the pooled features, beside the usual loss; `alpha` is that of the Beta."""

    def further_loss(self, batch: Tensor, loss: Loss, truth: Callable[[], Tensor]) -> Tensor:
        """The loss of mixtures of two texts each."""
        features, own = self.seen[0], truth()
        part = torch.distributions.Beta(self.how["alpha"], self.how["alpha"]).sample((len(own), 1))
        other = torch.randperm(len(own))
        logits = self.judged(part * features + (1 - part) * features[other])
        mixed = part * own + (1 - part) * own[other]
        return -(mixed * logits.log_softmax(1)).sum(1).mean() / self.ranking


class Disturbed(Changed):
    """Adversarial training (Miyato et al. 2017): each text's words move up its loss, by `eps` of their norm.

    kind virtual: they move away from the model's own answer, from a random direction first.
    """

    noise: Tensor | None = None
    apart: bool = False  # whether each text has word vectors of its own
    own: Tensor

    def folded(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The table, with rows for each word of each text while texts have their own."""
        if not self.apart:
            return super().folded(ids)
        words, rows = len(self.embedding), self.remap[ids]
        keys = torch.where(rows == PADDING, 0, rows + words * torch.arange(len(ids))[:, None])
        pairs, positions = torch.unique(keys, return_inverse=True)
        vectors = functional.embedding(pairs % words, self.embedding, padding_idx=PADDING, sparse=True)
        if self.noise is None:
            vectors = vectors.detach().requires_grad_()
            self.own, self.texts_of = vectors, pairs // words
        else:
            vectors = vectors + self.noise
        return self.table(vectors, self.bits[pairs % words]), positions

    def moved(self, direction: Tensor) -> Tensor:
        """A step in this direction, as long as `eps` of the word vectors of each text; padding stays."""
        direction[0] = 0  # of padding, as keys are sorted, and every text is padded
        lengths = torch.zeros(2, int(self.texts_of.max()) + 1)
        lengths[0].index_add_(0, self.texts_of, self.own.detach().square().sum(1))
        lengths[1].index_add_(0, self.texts_of, direction.square().sum(1))
        share = self.how["eps"] * (lengths[0] / lengths[1].clamp(min=1e-20)).sqrt()
        step: Tensor = direction * share[self.texts_of][:, None]
        return step

    def further_loss(self, batch: Tensor, loss: Loss, truth: Callable[[], Tensor]) -> Tensor:
        """The loss, or the divergence, at the words that are worst within the norm."""
        own = self.seen[1].detach().softmax(1)

        def away(logits: Tensor) -> Tensor:
            return (own * (own.clamp(min=1e-9).log() - logits.log_softmax(1))).sum(1).mean()

        judge = away if self.how.get("kind") == "virtual" else loss
        self.apart, self.noise = True, None
        try:
            (slope,) = torch.autograd.grad(judge(self(batch)), self.own)
            self.noise = self.moved(slope)
            return judge(self(batch)) / self.ranking
        finally:
            self.apart, self.noise = False, None


class Linear(Changed):
    """A weight for each class of each listed n-gram, added up over the text, beside the convolution.

    words, most: whether words count, and how many bigrams; by: chi2 or count. begin: tfidf, the weights of a
    regression on these n-grams, else zero. rate: of learning; 0 freezes them, with a learnt scale.
    """

    listed: Listed
    ngrams: nn.Parameter
    scale: nn.Parameter

    def start(self, how: Mapping[str, Any], lesson: Lesson) -> None:
        """List n-grams and give them their first weights."""
        super().start(how, lesson)
        keys = bigrams_of(lesson.train, len(self.remap), how.get("most", 0), how.get("by", "chi2"), lesson.distance)
        self.listed = Listed(len(self.remap), keys, lesson.distance, words_count=bool(how.get("words", 1)))
        first = torch.zeros(self.listed.count, self.classes)
        if how.get("begin") == "tfidf":
            first, constants = regression_on(self.listed, lesson.train, lesson.dev, self.classes)
            with torch.no_grad():
                self.head.bias.add_(constants)
                self.head.weight.mul_(how.get("head", 1.0))
        self.ngrams, self.scale = nn.Parameter(first), nn.Parameter(torch.ones(()))
        self.ngrams.requires_grad_(self.rate > 0)

    @property
    def rate(self) -> float:
        """The rate of learning."""
        return float(self.how.get("rate", 2e-2))

    @property
    def extra_bytes(self) -> tuple[int, int]:
        """Of weights in 8 bits, of which two classes share one; and of the bigrams, as two bytes an id."""
        return self.listed.count * (1 if self.classes == 2 else self.classes), 4 * len(self.listed.keys)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits, with those of the n-grams."""
        found = self.listed.of(ids)
        weighed = functional.embedding_bag(found, self.ngrams, mode="sum", sparse=self.rate > 0, padding_idx=0)
        norm = (found > 0).sum(1, keepdim=True).clamp(min=1).sqrt()
        hide = self.how.get("hide", 0.0)  # texts of a step without this part
        if self.training and hide:
            weighed = weighed * (torch.rand(len(ids), 1) >= hide)
        return super().forward(ids) + self.scale * weighed / norm

    def optimizers(self, rates: Rates, frozen: Callable[[str], bool] | None = None) -> list[torch.optim.Optimizer]:
        """Those of the TextCNN, and one for the rows of n-grams."""
        found = super().optimizers(rates, lambda name: name == "ngrams" or bool(frozen and frozen(name)))
        return [*found, RowAdam([self.ngrams], lr=self.rate)] if self.rate else found


class Joined(Changed):
    """Listed bigrams as words with vectors of their own, between their words, or behind the text (where=behind).

    most, by: how many bigrams, and how they are chosen.
    """

    listed: Listed
    first: int  # the first id of a bigram

    def start(self, how: Mapping[str, Any], lesson: Lesson) -> None:
        """List bigrams, and give them rows behind those of the words."""
        super().start(how, lesson)
        self.first = len(self.remap)
        keys = bigrams_of(lesson.train, self.first, how.get("most", 0), how.get("by", "chi2"), lesson.distance)
        self.listed = Listed(self.first, keys, lesson.distance, words_count=False)
        drawn = torch.randn(len(keys), self.embedding.shape[1], generator=torch.Generator().manual_seed(0)) * 0.1
        self.embedding = nn.Parameter(torch.cat([self.embedding.detach(), drawn]))
        self.remap = torch.cat([self.remap, torch.arange(len(keys)) + int(self.remap.max()) + 1])
        self.bits = torch.cat([self.bits, torch.full((len(keys),), int(self.bits[0]), dtype=self.bits.dtype)])

    @property
    def extra_bytes(self) -> tuple[int, int]:
        """Of vectors in 8 bits, and of the bigrams, as two bytes an id."""
        return len(self.listed.keys) * self.embedding.shape[1], 4 * len(self.listed.keys)

    def features(self, ids: Tensor) -> Tensor:
        """Pooled features of words and bigrams."""
        found, distance = self.listed, self.listed.distance
        if ids.shape[1] <= distance or not len(found.keys):
            return super().features(ids)
        known = torch.where(ids >= WORDS, ids, 0)
        one, other = known[:, :-distance], known[:, distance:]
        keys = torch.where((one > 0) & (other > 0), one * found.words + other, -1)
        places = torch.searchsorted(found.keys, keys).clamp(max=len(found.keys) - 1)
        bigrams = torch.where(found.keys[places] == keys, places + self.first, PADDING)
        every = torch.cat([ids, bigrams], dim=1)
        if self.how.get("where", "between") == "between":
            every = torch.zeros(len(ids), 2 * ids.shape[1], dtype=ids.dtype)
            every[:, ::2] = ids
            every[:, 1 : 1 + 2 * bigrams.shape[1] : 2] = bigrams
        order = (every == PADDING).int().argsort(dim=1, stable=True)
        longest = int((every != PADDING).sum(1).max())
        return super().features(every.gather(1, order)[:, : max(1, longest)])


KINDS: dict[str, type[Changed]] = {
    "base": Changed,
    "options": Changed,
    "pace": Changed,
    "start": Started,
    "rdrop": Twice,
    "mixup": Mixed,
    "adversarial": Disturbed,
    "linear": Linear,
    "bigrams": Joined,
}


def changed(model: TextCNN, kind: str, how: Mapping[str, Any], lesson: Lesson) -> Changed:
    """The untrained model with a change; its first weights stay, unless they are what is tried."""
    found, own = cast(Changed, model), KINDS[kind]
    # As no weight is drawn again, every other number is that of the default.
    found.__class__ = type(own.__name__, (own, type(model)), {})
    found.start(how, lesson)
    return found


def labelled_rows(train: Encoded) -> Encoded:
    """The texts that have a label."""
    return train.subset(np.flatnonzero(train.targets.numpy() >= 0))
