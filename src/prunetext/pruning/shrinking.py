"""From kept units to smaller dense tensors. Nothing here knows a criterion or a layer type."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from prunetext.models.encoded import Encoded
from prunetext.models.groups import Group, Kept, Slice, Tensors
from prunetext.models.protocol import Model


def all_kept(groups: Iterable[Group]) -> dict[str, np.ndarray]:
    """The starting point: every unit of every group.

    >>> all_kept([Group("heads", 2, (), "heads", "layer 0", {})])
    {'heads': array([ True,  True])}
    """
    return {group.name: np.ones(group.size, dtype=bool) for group in groups}


def least_kept(groups: Iterable[Group]) -> dict[str, np.ndarray]:
    """The end of all pruning: of every group, only as many units as always survive.

    >>> least_kept([Group("heads", 2, (), "heads", "layer 0", {})])
    {'heads': array([ True, False])}
    """
    return {group.name: np.arange(group.size) < group.floor for group in groups}


def in_form(model: Model, kinds: Sequence[str]) -> Model:
    """A model that has groups of all these kinds: it, or a copy in the form that some of them need.

    The copy is of the sizes that pruning begins with, but not in the form in which units are scored: no text is read.
    """
    if not model.formed_kinds & {*kinds}:
        return model
    nothing = Encoded(np.zeros(0, np.int32), np.zeros(1, np.int64), torch.zeros(0, dtype=torch.long))
    return model.canonical(nothing, kinds)(copy.deepcopy(model))


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


def replaced(tensor: Tensor, piece: Slice, units: np.ndarray, values: Tensor | None) -> Tensor:
    """The tensor with the entries of some units, flat places along the slice's axes, as in `values`; None for zeros."""
    index = torch.from_numpy(units)
    front = flattened(tensor, piece)
    if values is None:
        front = front.index_fill(0, index, 0)
    else:
        front = front.index_copy(0, index, flattened(values, piece)[index])
    order = tuple(range(len(piece.axes)))
    return front.reshape(tensor.movedim(piece.axes, order).shape).movedim(order, piece.axes).contiguous()


def concerned(model: Model, kept: Kept) -> Iterator[Group]:
    """The model's groups that `kept` names."""
    return (group for group in model.groups(tuple(model.kinds)) if group.name in kept)


def removed(model: Model, kept: Kept) -> Tensors:
    """All tensors of a model after the removal, in the same sizes; unchanged ones are the model's own."""
    own = {name: tensor.detach() for name, tensor in model.tensors().items()}
    tensors = dict(own)
    for group in concerned(model, kept):
        gone = np.flatnonzero(~kept[group.name])
        values = None if group.without is None else group.without(own)
        for piece in group.slices:
            places = unit_index(piece, group.size)[gone].ravel()
            tensors[piece.parameter] = replaced(tensors[piece.parameter], piece, places, values)
    model.after_removal(tensors, kept)
    return tensors


def keep_indices(model: Model, kept: Kept) -> dict[tuple[str, int], Tensor]:
    """One sorted index per (parameter, axis) of the entries that all groups together leave."""
    parameters = dict(model.named_parameters())
    inside: dict[tuple[str, int], np.ndarray] = {}
    for group in concerned(model, kept):
        for piece in group.slices if group.cut else ():
            if len(piece.axes) != 1:
                raise ValueError(f"{piece.parameter}: blocks over several axes cannot be cut out of a dense tensor.")
            length = parameters[piece.parameter].shape[piece.axes[0]]
            stays = inside.setdefault((piece.parameter, piece.axes[0]), np.ones(length, dtype=bool))
            stays[unit_index(piece, group.size)[~kept[group.name]].ravel()] = False
    return {place: torch.from_numpy(np.flatnonzero(stays)) for place, stays in inside.items()}


def shrink(model: Model, kept: Kept) -> Model:
    """A new, smaller model without the units that are not kept; it computes what the model computes when `masked`.

        small = shrink(model, kept)        # kept: group name → boolean array (size,); other groups keep all

    One `index_select` per (parameter, axis) does it; uneven shapes need no special case.
    """
    tensors, places = removed(model, kept), keep_indices(model, kept)
    for (name, axis), rows in places.items():
        tensors[name] = tensors[name].index_select(axis, rows)
    model.after_cut(tensors, places, kept)
    return model.rebuild(tensors)


@contextmanager
def masked(model: Model, kept: Kept) -> Iterator[Model]:
    """In this context, removed units of the model are zero, or have their replacement; its sizes stay.

        with masked(model, kept):
            loss = sample_loss(model, sample)

    Only the tensors that change are held twice. A masked filter without its first or last taps averages over as many
    windows as before; a shrunk one, over fewer.
    """
    own = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    now = removed(model, kept)
    before = {name: each.clone() for name, each in own.items() if now[name].data_ptr() != each.data_ptr()}
    with torch.no_grad():
        for name in before:
            own[name].copy_(now[name])
    try:
        yield model
    finally:
        with torch.no_grad():
            for name, values in before.items():
                own[name].copy_(values)


def expand(small: Model, model: Model, kept: Kept) -> Model:
    """The small model in the sizes of the model that it was shrunk from; removed units could return.

        big = expand(small, model, kept)       # small is shrink(model, kept), and was trained since

    A removed word has the unknown word's vector, a removed single weight is zero. If a unit has weights in several
    parameters, those of the first slice are as in `model`, the others zero. All logits are those of `small`.
    """
    buffers = {name: each.clone() for name, each in model.named_buffers()}
    tensors = {name: each.clone() for name, each in removed(model, kept).items()} | buffers
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
        kept_places = [places.get((name, axis), every) for axis, every in enumerate(all_places)]
        tensors[name][torch.meshgrid(*kept_places, indexing="ij")] = parameter.detach()
    for group in concerned(model, kept):  # their replacements have been trained, too
        if group.without is not None and group.cut:
            (piece,), gone = group.slices, np.flatnonzero(~kept[group.name])
            units = unit_index(piece, group.size)[gone].ravel()
            tensors[piece.parameter] = replaced(tensors[piece.parameter], piece, units, group.without(tensors))
    return model.rebuild(tensors)
