"""From what is kept to smaller dense tensors. Nothing here knows a criterion or a layer type."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from prunetext.models.groups import KINDS, Group, Kept, Slice, Tensors
from prunetext.models.textcnn.costs import UNKNOWN, WORDS
from prunetext.models.textcnn.model import TextCNN


def all_kept(groups: Iterable[Group]) -> dict[str, np.ndarray]:
    """The starting point: every unit of every group.

    >>> all_kept([Group("heads", 2, (), cost=len)])
    {'heads': array([ True,  True])}
    """
    return {group.name: np.ones(group.size, dtype=bool) for group in groups}


def unit_index(piece: Slice, size: int) -> np.ndarray:
    """Positions along the flattened axes of each unit, shape (size, width)."""
    return piece.offset + np.arange(size * piece.width).reshape(size, piece.width)


def flattened(tensor: Tensor, piece: Slice) -> Tensor:
    """The tensor with the slice's axes in front, as one."""
    front = tensor.movedim(piece.axes, tuple(range(len(piece.axes))))
    return front.flatten(0, len(piece.axes) - 1) if len(piece.axes) > 1 else front


def unit_blocks(tensor: Tensor, piece: Slice, size: int) -> Tensor:
    """The entries of one parameter that belong to each unit, shape (size, entries a unit)."""
    return flattened(tensor, piece)[piece.offset : piece.offset + size * piece.width].reshape(size, -1)


def concerned(model: TextCNN, kept: Kept) -> Iterator[Group]:
    """The model's groups of which `kept` says something."""
    return (group for group in model.groups(tuple(KINDS)) if group.name in kept)


def removed(model: TextCNN, kept: Kept) -> Tensors:
    """All tensors of a model, of the same sizes, after the removal."""
    tensors = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    for group in concerned(model, kept):
        gone = np.flatnonzero(~kept[group.name])
        without = None if group.without is None else group.without().detach()
        for piece in group.slices:
            index = torch.from_numpy(unit_index(piece, group.size)[gone].ravel())
            tensor = tensors[piece.parameter]
            front = flattened(tensor, piece)
            if without is None:
                front = front.index_fill(0, index, 0)
            else:
                front = front.index_copy(0, index, flattened(without, piece)[index])
            order = tuple(range(len(piece.axes)))
            shape = tensor.movedim(piece.axes, order).shape
            tensors[piece.parameter] = front.reshape(shape).movedim(order, piece.axes).contiguous()
        if group.also is not None:
            group.also(tensors, gone)
    return tensors


def keep_indices(model: TextCNN, kept: Kept) -> dict[tuple[str, int], np.ndarray]:
    """One sorted index per (parameter, axis), of what all groups together leave of it."""
    parameters = dict(model.named_parameters())
    inside: dict[tuple[str, int], np.ndarray] = {}
    for group in concerned(model, kept):
        for piece in group.slices if group.cut else ():
            if len(piece.axes) != 1:
                raise ValueError(f"{piece.parameter}: blocks over several axes cannot be cut out of a dense tensor.")
            length = parameters[piece.parameter].shape[piece.axes[0]]
            stays = inside.setdefault((piece.parameter, piece.axes[0]), np.ones(length, dtype=bool))
            stays[unit_index(piece, group.size)[~kept[group.name]].ravel()] = False
    return {place: np.flatnonzero(stays) for place, stays in inside.items()}


def shrink(model: TextCNN, kept: Kept) -> TextCNN:
    """A new, smaller model without the units that are not kept; it computes what `mask` computes.

        small = shrink(model, kept)        # kept: group name → boolean array (size,); other groups keep all

    One `index_select` per (parameter, axis) does it, so uneven shapes need no case of their own.
    """
    tensors = removed(model, kept)
    static = model.static
    for (name, axis), index in keep_indices(model, kept).items():
        rows = torch.from_numpy(index)
        tensors[name] = tensors[name].index_select(axis, rows)
        if (name, axis) == ("embedding", 0):
            places = torch.zeros(len(model.embedding), dtype=torch.int64).index_copy_(0, rows, torch.arange(len(rows)))
            tensors["bits"], tensors["remap"] = tensors["bits"][rows], places[tensors["remap"]]
        elif name == "embedding":
            static = int((index < model.static).sum())
    for finish in {group.finish for group in concerned(model, kept) if group.finish is not None}:
        finish(tensors)
    return model.from_tensors(tensors, pooling=model.pooling, static=static, dropout=model.dropout)


def mask(model: TextCNN, kept: Kept) -> TextCNN:
    """A copy of the same sizes in which removed units are zero, or what stands in their place.

    A filter without its first or last taps averages over as many windows as before; shrunk, over fewer.
    """
    masked = copy.deepcopy(model)
    masked.load_state_dict(removed(model, kept))
    return masked


def expand(small: TextCNN, model: TextCNN, kept: Kept) -> TextCNN:
    """The small model in the sizes of the one that it was shrunk from; units that are gone could return.

        big = expand(small, model, kept)       # small is shrink(model, kept), and was trained since

    A word that is gone has the unknown word's vector, a single weight is zero. Of a unit with weights in several
    parameters those of the first slice are as `model` has them, the others zero. So all logits are those of `small`.
    """
    tensors = removed(model, kept)
    tensors["remap"] = model.remap.clone()
    for group in concerned(model, kept):
        first, gone = group.slices[0], np.flatnonzero(~kept[group.name])
        index = torch.from_numpy(unit_index(first, group.size)[gone].ravel())
        if len(group.slices) > 1:
            (axis,) = first.axes
            old = model.get_parameter(first.parameter).detach()
            tensors[first.parameter].index_copy_(axis, index, old.index_select(axis, index))
    places = keep_indices(model, kept)
    for name, parameter in small.named_parameters():
        all_places = (torch.arange(size) for size in tensors[name].shape)
        kept_places = [
            torch.from_numpy(places[name, axis]) if (name, axis) in places else every
            for axis, every in enumerate(all_places)
        ]
        tensors[name][torch.meshgrid(*kept_places, indexing="ij")] = parameter.detach()
    if "vocabulary" in kept:
        words = torch.from_numpy(WORDS + np.flatnonzero(~kept["vocabulary"]))
        tensors["embedding"][words] = tensors["embedding"][UNKNOWN].clone()
    return model.from_tensors(tensors, pooling=model.pooling, static=model.static, dropout=model.dropout)
