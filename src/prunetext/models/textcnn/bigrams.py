"""A linear part beside the convolution: weights of two words in a row that tell much about the labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from prunetext.data.dataset import Examples
from prunetext.models.groups import Kept, Tensors
from prunetext.models.protocol import TABLE, Rates
from prunetext.models.textcnn.layout import PADDING, WORDS, Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.reading import Reader, encode_inputs
from prunetext.models.textcnn.rounding import step_for, straight_through
from prunetext.models.textcnn.row_adam import RowAdam
from prunetext.runtime.tokenizers import distance_of

# If nobody says how many: as many as there are texts, between these two. The latter counts weights, for with many
# classes each bigram has as many.
FEWEST_BIGRAMS, MOST_BIGRAM_WEIGHTS = 5_000, 20_000
LEAST_LISTED = 100  # fewer are not worth their place; with very many labels there would be so few
LEAST_OF_LABEL = 50  # texts: of a label with fewer, a model learns by heart the bigrams that stand there by chance
LARGEST_LIST = 1 << 24  # weights, which is the limit of a packed file
RAREST_BIGRAM = 2  # texts that have it
FASTER_THAN_WORDS = 1.25
LARGEST_UNIT = 127.0

Places = npt.NDArray[np.int64]


def weights_each(classes: int, *, several: bool) -> int:
    """How many weights a bigram has; several: whether a text may have several labels.

    >>> weights_each(5, several=False), weights_each(2, several=True), weights_each(2, several=False)
    (5, 2, 1)
    """
    return 1 if classes == 2 and not several else classes


def telling_bigrams(examples: Examples, labels: Sequence[str], reader: Reader, most: int) -> Tensor:
    """The bigrams of known words that tell most about the labels, by chi², as ids (bigrams, 2), sorted.

    >>> texts = ["a good film", "not a good one", "good film", "not good", "not good at all", "a good film"]
    >>> reader = Reader(["a", "good", "film", "not"])
    >>> telling_bigrams(Examples(texts, [*"ynynny"]), ["n", "y"], reader, most=2).tolist()    # good film, not good
    [[3, 4], [5, 3]]

    Single texts alone. Of scores, the steps are labels that a text has if it has passed half of them. A bigram counts
    once a text, and only if at least two texts have it. chi²: how far the number of its texts of each label is from
    what the share of that label lets expect (Yang and Pedersen 1997, "A Comparative Study on Feature Selection in Text
    Categorization").
    """
    keys, texts = _bigrams_of_texts(examples, reader)
    found, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
    often = counts >= RAREST_BIGRAM
    found, counts, place = found[often], counts[often], np.where(often, np.cumsum(often) - 1, -1)[place]
    place, texts = place[place >= 0], texts[place >= 0]
    truth = examples.targets(labels)
    if examples.scores is not None:
        truth = (truth >= 0.5).astype(np.float32)
    value = _chi_squared(place, counts, *_labels_of_texts(truth, texts), len(examples))
    chosen = np.sort(found[np.argsort(-value, kind="stable")[:most]])
    size = len(reader.words) + WORDS
    return torch.from_numpy(np.stack([chosen // size, chosen % size], axis=1))


def _labels_of_texts(truth: npt.NDArray[Any], texts: Places) -> tuple[Places, Places, npt.NDArray[Any]]:
    """For each label of each of these texts, which of them it is, and the label; and the share of texts of each."""
    if truth.ndim == 1:
        return np.arange(len(texts)), truth[texts], np.bincount(truth) / len(truth)
    at, label = np.nonzero(truth[texts])
    return at, label, truth.mean(0)


def _chi_squared(
    place: Places, counts: Places, at: Places, label: Places, shares: npt.NDArray[Any], texts: int
) -> npt.NDArray[np.float64]:
    """Σ (seen − expected)² / expected over all labels, of each bigram; only labels that it was seen with take time."""
    classes = len(shares)
    both, seen = np.unique(place[at] * classes + label, return_counts=True)
    bigram, of = both // classes, both % classes
    expected = counts[bigram] * np.maximum(shares[of], 1 / texts)
    value = np.bincount(bigram, weights=seen**2 / expected - 2 * seen, minlength=len(counts))
    found: npt.NDArray[np.float64] = value + counts * shares.sum()
    return found


def _bigrams_of_texts(examples: Examples, reader: Reader) -> tuple[Places, Places]:
    """Each bigram of each text once: first id times the number of ids plus the second one, and the text."""
    encoded = encode_inputs(reader.vocabulary(), examples.texts)
    ids, texts = encoded.ids.astype(np.int64), np.repeat(np.arange(len(examples)), encoded.lengths())
    size, distance = len(reader.words) + WORDS, distance_of(reader.tokenizer)
    one, other = ids[:-distance], ids[distance:]
    inside = (texts[:-distance] == texts[distance:]) & (one >= WORDS) & (other >= WORDS)
    found, place = np.unique(one[inside] * size + other[inside], return_inverse=True)
    both = np.unique(texts[:-distance][inside] * len(found) + place)
    return found[both % max(len(found), 1)], both // max(len(found), 1)


class BigramCNN(TextCNN):
    """A TextCNN whose logits have the weights of the text's listed bigrams added, each bigram once.

    >>> listed = torch.tensor([[2, 3], [4, 2]])                  # ids of the words, sorted
    >>> model = BigramCNN(Shape(words=5, dimensions=4, filters={2: 3}, classes=2), listed=listed)
    >>> model(torch.tensor([[2, 3, 2, 3, 0]])).shape
    torch.Size([1, 2])

    What they add is divided by the root of the number of the text's tokens. Ids are those of the vocabulary the model
    was trained with: a word that is removed is still part of its bigrams. `columns`: weights of a bigram, one for each
    class; 1, the default of two classes, stands for the second class, and is taken away from the first one. `distance`:
    tokens from the first word to the second one.
    Source: Wang and Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification".
    """

    listed: Tensor
    distance: Tensor

    def __init__(
        self, shape: Shape, *, listed: Tensor, columns: int | None = None, distance: int = 1, **how: Any
    ) -> None:
        super().__init__(shape, **how)
        self.bigram_sizes = len(listed), columns or weights_each(shape.classes, several=False)
        self.bigrams = nn.Parameter(torch.zeros(self.bigram_sizes))
        self.register_buffer("listed", listed.clone())
        self.register_buffer("distance", torch.tensor(distance))

    @classmethod
    def further(cls, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        """The arguments that the shape does not tell."""
        check_listed(tensors)
        return {"listed": tensors["listed"], "columns": tensors["bigrams"].shape[1]}

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (batch, classes) of ids (batch, length), padded with 0 at the end."""
        return super().forward(ids) + self.told(ids)

    def told(self, ids: Tensor) -> Tensor:
        """What the bigrams of texts add to their logits."""
        texts, bigrams = self.found(ids)
        weights = functional.embedding(bigrams, self.bigrams, sparse=True)
        if self.rounds:
            weights = straight_through(weights, self.unit(), torch.tensor(LARGEST_UNIT))
        sums = weights.new_zeros(len(ids), weights.shape[1]).index_add(0, texts, weights)
        added = sums / (ids != PADDING).sum(1, keepdim=True).clamp(min=1).sqrt()
        return torch.cat([-added, added], dim=1) if added.shape[1] < self.classes else added

    def found(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Each listed bigram of each text once: the text's row, and the bigram's."""
        size, distance, count = len(self.remap), int(self.distance), len(self.listed)
        if not count:
            nothing = torch.zeros(0, dtype=torch.int64)
            return nothing, nothing
        wanted = self.listed[:, 0] * size + self.listed[:, 1]
        keys = ids[:, :-distance] * size + ids[:, distance:]
        places = torch.searchsorted(wanted, keys).clamp(max=count - 1)
        texts, at = torch.nonzero(wanted[places] == keys, as_tuple=True)
        both = torch.unique(texts * count + places[texts, at])
        return both // count, both % count

    def unit(self) -> Tensor:
        """The step of the weights in the packed file."""
        return step_for(functional.pad(self.bigrams.detach().flatten(), (0, 1)), LARGEST_UNIT)  # of none, too

    def parts(self) -> dict[str, str]:
        """The weights of bigrams are a table, too."""
        return {**super().parts(), "bigrams": TABLE}

    def optimizers(self, rates: Rates, frozen: Callable[[str], bool] | None = None) -> list[torch.optim.Optimizer]:
        """Those of a TextCNN, and one that changes only the bigrams of a batch."""
        found = super().optimizers(rates, lambda name: name == "bigrams" or bool(frozen and frozen(name)))
        if frozen and frozen("bigrams"):
            return found
        return [*found, RowAdam([self.bigrams], lr=FASTER_THAN_WORDS * rates.table)]

    def snap(self) -> None:
        """Put the weights of bigrams on the packed file's grid, too."""
        super().snap()
        with torch.no_grad():
            self.bigrams.copy_(torch.round(self.bigrams / self.unit()) * self.unit())

    def after_cut(self, tensors: Tensors, places: Mapping[tuple[str, int], Tensor], kept: Kept) -> None:
        """The list is as long as the weights."""
        super().after_cut(tensors, places, kept)
        if (rows := places.get(("bigrams", 0))) is not None:
            tensors["listed"] = tensors["listed"][rows]


def check_listed(tensors: Mapping[str, Tensor]) -> None:
    """ValueError if a state dict's list of bigrams is none."""
    listed, words, weights = tensors["listed"], len(tensors["remap"]), tensors["bigrams"]
    classes = len(tensors["head.bias"])
    if listed.dtype != torch.int64 or listed.dim() != 2 or listed.shape[1] != 2 or weights.dim() != 2:
        raise ValueError("its bigrams are none")
    if len(weights) != len(listed) or weights.shape[1] not in ({1, 2} if classes == 2 else {classes}):
        raise ValueError("the shape of its bigrams does not fit the rest")
    keys = listed[:, 0] * words + listed[:, 1]
    if not bool(((listed >= WORDS) & (listed < words)).all()) or not bool((keys[1:] > keys[:-1]).all()):
        raise ValueError("its bigrams are not sorted, or of missing words")
    if tensors["distance"].dim() != 0:
        raise ValueError("its bigrams are of words too far apart")
