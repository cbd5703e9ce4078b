"""From what is kept to smaller dense tensors. Nothing here knows a criterion or a layer type."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from prunetext.models.groups import Group, Kept, Slice
from prunetext.models.textcnn import TextCNN


def all_kept(groups: Iterable[Group]) -> dict[str, np.ndarray]:
    """The starting point: every unit of every group.

    >>> all_kept([Group("heads", 2, (), cost=len)])
    {'heads': array([ True,  True])}
    """
    return {group.name: np.ones(group.size, dtype=bool) for group in groups}


def unit_index(piece: Slice, size: int) -> np.ndarray:
    """Positions along the flattened axes of each unit, shape (size, width)."""
    return piece.offset + np.arange(size * piece.width).reshape(size, piece.width)


def unit_blocks(tensor: Tensor, piece: Slice, size: int) -> Tensor:
    """The entries of one parameter that belong to each unit, shape (size, entries a unit)."""
    front = tensor.movedim(piece.axes, tuple(range(len(piece.axes))))
    flat = front.flatten(0, len(piece.axes) - 1) if len(piece.axes) > 1 else front
    return flat[piece.offset : piece.offset + size * piece.width].reshape(size, -1)


def keep_indices(model: TextCNN, kept: Kept) -> dict[tuple[str, tuple[int, ...]], np.ndarray]:
    """One sorted index per (parameter, axes), of what all groups together leave of it."""
    parameters = dict(model.named_parameters())
    inside: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}
    for group in model.groups():
        for piece in group.slices:
            length = int(np.prod([parameters[piece.parameter].shape[axis] for axis in piece.axes]))
            stays = inside.setdefault((piece.parameter, piece.axes), np.ones(length, dtype=bool))
            stays[unit_index(piece, group.size)[~kept[group.name]].ravel()] = False
    return {place: np.flatnonzero(stays) for place, stays in inside.items()}


def redirected(model: TextCNN, kept: Kept, *, renumber: bool) -> dict[str, Tensor]:
    """The remap buffers after removal: removed rows become the row before the first unit."""
    buffers = {}
    for group in model.groups():
        if group.redirect is None:
            continue
        first = group.slices[0].offset
        rows = np.arange(first + group.size)
        rows[first:] = np.where(kept[group.name], rows[first:], first - 1)
        if renumber:
            stays = np.concatenate([np.ones(first, dtype=bool), kept[group.name]])
            rows = (np.cumsum(stays) - 1)[rows]
        buffers[group.redirect] = torch.from_numpy(rows)[model.get_buffer(group.redirect)]
    return buffers


def shrink(model: TextCNN, kept: Kept) -> TextCNN:
    """A new, smaller model without the units that are not kept; it computes what `mask` computes.

        small = shrink(model, kept)        # kept: group name → boolean array (size,)

    One `index_select` per (parameter, axes) does it, so uneven shapes need no case of their own.
    """
    tensors = {name: parameter.detach() for name, parameter in model.named_parameters()}
    static = model.static
    for (name, axes), index in keep_indices(model, kept).items():
        if len(axes) != 1:
            raise ValueError(f"{name}: blocks over several axes cannot be cut out of a dense tensor.")
        tensors[name] = tensors[name].index_select(axes[0], torch.from_numpy(index))
        if name == "embedding" and axes == (1,):
            static = int((index < model.static).sum())
    tensors |= redirected(model, kept, renumber=True)
    return TextCNN.from_tensors(tensors, pooling=model.pooling, static=static, dropout=model.dropout)


def mask(model: TextCNN, kept: Kept) -> TextCNN:
    """A copy of the same sizes in which removed units are zero, or read as the unknown word."""
    masked = copy.deepcopy(model)
    parameters = dict(masked.named_parameters())
    with torch.no_grad():
        for group in model.groups():
            if group.redirect is not None:
                continue
            gone = torch.from_numpy(~kept[group.name])
            for piece in group.slices:
                tensor = parameters[piece.parameter]
                blocks = tensor.movedim(piece.axes, tuple(range(len(piece.axes))))
                index = torch.from_numpy(unit_index(piece, group.size))[gone].flatten()
                blocks.flatten(0, len(piece.axes) - 1)[index] = 0
    for name, buffer in redirected(model, kept, renumber=False).items():
        masked.get_buffer(name).copy_(buffer)
    return masked
