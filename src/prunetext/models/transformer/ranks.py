"""A table of words as a product: vectors with a column for each rank, times a matrix that makes whole ones of them.

Ranks are the directions in which the vectors of the tokens of train differ most; without the last of them, the
table is the nearest one of fewer ranks, in the mean square over these tokens.

Sources: Eckart and Young 1936, "The approximation of one matrix by another of lower rank"; Lan et al. 2020, "ALBERT",
section 3.1, for such a table in an encoder, there from the start.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

HALF_BYTES = 2  # of a number of the matrix in a packed file, which has float16 there
_LEAST_SIZE = 1e-4  # of a rank, as a share of the usual size: smaller ones are nothing but errors of rounding

Factors = tuple[Tensor, Tensor]


def occurrences_of(ids: npt.NDArray[np.int32], words: int) -> Tensor:
    """How often each word occurs in ids of a batch, (words,).

    >>> occurrences_of(np.array([1, 3, 3, 7], np.int32), 4).tolist()
    [1, 0, 3, 0]
    """
    return torch.from_numpy(np.bincount((ids[ids > 0] - 1) % words, minlength=words))


def fewer_bytes(words: int, width: int, ranks: int) -> bool:
    """Whether a packed file has fewer bytes with a product of so many ranks than with the table itself.

    >>> fewer_bytes(10_000, 384, 128), fewer_bytes(10_000, 384, 380)
    (True, False)
    """
    return (words + HALF_BYTES * width) * ranks < words * width


def rank_form(words: Tensor, spread: Tensor | None, occurrences: Tensor) -> Callable[[Tensor, Tensor | None], Factors]:
    """What brings a table into the form in which its ranks are units; the product stays as it is.

        form = rank_form(words, None, occurrences)
        fewer, spread = form(words, None)              # (words, ranks) and (width, ranks); fewer @ spread.T is words

    What is given may be a product itself. The form also goes for an earlier state of it. The columns of words are of
    one size, so that whole numbers hold them all equally well, and the sizes of the ranks are in the matrix; both have
    numbers about as large as the table's and as those of an orthogonal matrix.
    """
    whole = _product(words, spread)
    seen = 1 + occurrences.double()
    squares, vectors = torch.linalg.eigh(whole.T @ (seen[:, None] * whole))
    ranks = min(words.shape[1], *whole.shape)
    squares, basis = squares.flip(0)[:ranks].clamp(min=0), vectors.flip(1)[:, :ranks]
    basis = basis * basis.gather(0, basis.abs().argmax(0, keepdim=True)).sign()
    usual = (squares.sum() / whole.shape[1]).sqrt()
    sizes = (squares.sqrt() / usual).clamp(min=_LEAST_SIZE) if float(usual) > 0 else torch.ones(ranks).double()

    def factorised(own: Tensor, own_spread: Tensor | None) -> Factors:
        if own_spread is None or spread is None or ranks == len(whole.T):
            left, right = _product(own, own_spread) @ basis, basis
        else:
            turn = spread.double().T @ basis
            left, right = own.double() @ turn, own_spread.double() @ torch.linalg.pinv(turn).T
        return (left / sizes).float(), (right * sizes).float()

    return factorised


def _product(words: Tensor, spread: Tensor | None) -> Tensor:
    """The whole table, in float64."""
    return words.double() if spread is None else words.double() @ spread.double().T
