"""The kinds of TextCNN: of single texts, with bigrams or without, and of pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor

from prunetext.models.textcnn.bigrams import BigramCNN
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.pair import PairCNN


def kind_of(texts: int, positive: int = 0) -> Callable[..., TextCNN]:
    """The maker of a model, from its shape, for examples with so many texts.

    >>> from prunetext.models.textcnn.layout import Shape
    >>> kind_of(2, positive=1)(Shape(5, 4, {2: 3}, 2)).texts
    2
    """
    return TextCNN if texts == 1 else partial(PairCNN, positive=positive)


def kind_like(model: TextCNN) -> Callable[..., TextCNN]:
    """The maker of a model of the same kind as another one.

    >>> from prunetext.models.textcnn.layout import Shape
    >>> kind_like(PairCNN(Shape(5, 4, {2: 3}, 2)))(Shape(5, 4, {2: 3}, 2)).texts
    2
    """
    if isinstance(model, BigramCNN):
        return partial(BigramCNN, listed=model.listed, columns=model.bigrams.shape[1], distance=int(model.distance))
    return kind_of(model.texts, int(model.positive) if isinstance(model, PairCNN) else 0)


def model_of(tensors: Mapping[str, Tensor], *, pooling: str, static: int = 0, dropout: float = 0.5) -> TextCNN:
    """The model of a state dict, of whatever kind it is.

    >>> from prunetext.models.textcnn.layout import Shape
    >>> same = PairCNN(Shape(5, 4, {2: 3}, 2))
    >>> type(model_of(same.state_dict(), pooling="max+mean")).__name__
    'PairCNN'
    """
    kind = PairCNN if "match" in tensors else BigramCNN if "bigrams" in tensors else TextCNN
    return kind.from_tensors(tensors, pooling=pooling, static=static, dropout=dropout)
