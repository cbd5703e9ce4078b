"""The names of tensors: those of each architecture in transformers, and ours for all of them.

Ours: words, positions and kinds (tables), norm, project, and of layer N, by `layers.N.`: query, key, value, out,
attention_norm, inner, gate, outer, norm; at the end final_norm and head.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from prunetext.models.groups import Tensors

_BERT_LAYER = {
    r"attention\.self\.(query|key|value)": r"\1",
    r"attention\.output\.dense": "out",
    r"attention\.output\.LayerNorm": "attention_norm",
    r"intermediate\.dense": "inner",
    r"output\.dense": "outer",
    r"output\.LayerNorm": "norm",
}
_DISTILBERT_LAYER = {
    r"attention\.q_lin": "query",
    r"attention\.k_lin": "key",
    r"attention\.v_lin": "value",
    r"attention\.out_lin": "out",
    r"sa_layer_norm": "attention_norm",
    r"ffn\.lin1": "inner",
    r"ffn\.lin2": "outer",
    r"output_layer_norm": "norm",
}
_MODERNBERT_LAYER = {
    r"attn_norm": "attention_norm",
    r"attn\.Wqkv": "query+key+value",
    r"attn\.Wo": "out",
    r"mlp_norm": "norm",
    r"mlp\.Wi": "inner+gate",
    r"mlp\.Wo": "outer",
}
_TABLES = {
    r"embeddings\.word_embeddings": "words",
    r"embeddings\.position_embeddings": "positions",
    r"embeddings\.token_type_embeddings": "kinds",
    r"embeddings\.LayerNorm": "norm",
    r"embeddings_project": "project",
}


class Names(NamedTuple):
    """How an architecture names its tensors: outside of layers, before a layer's number, and in a layer."""

    outer: Mapping[str, str]
    layers: str
    inner: Mapping[str, str]


BERT_NAMES = Names(_TABLES, r"encoder\.layer", _BERT_LAYER)
DISTILBERT_NAMES = Names(_TABLES, r"transformer\.layer", _DISTILBERT_LAYER)
MODERNBERT_NAMES = Names(
    {r"embeddings\.tok_embeddings": "words", r"embeddings\.norm": "norm", "final_norm": "final_norm"},
    "layers",
    _MODERNBERT_LAYER,
)
_KINDS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}  # the last two in old files


def renamed(tensors: Mapping[str, Tensor], names: Names) -> Tensors:
    """The encoder's tensors by our names; those of a head are left out.

    >>> import torch
    >>> tensors = {"bert.encoder.layer.0.output.dense.bias": torch.zeros(2), "cls.bias": torch.zeros(1)}
    >>> list(renamed(tensors, BERT_NAMES))
    ['layers.0.outer.bias']

    One that stands for several, one below the other, becomes these.
    """
    found: Tensors = {}
    for name, tensor in tensors.items():
        for own in _ours(name, names):
            parts, _, kind = own.rpartition(".")
            place, _, last = parts.rpartition(".")
            several = last.split("+")
            for each, piece in zip(several, tensor.chunk(len(several)), strict=True):
                found[f"{place}.{each}.{kind}".lstrip(".")] = piece.contiguous()
    return found


def _ours(name: str, names: Names) -> list[str]:
    """Our name of a tensor, if it belongs to an encoder; any prefix of it is passed over."""
    stem, _, kind = name.rpartition(".")
    if kind not in _KINDS:
        return []
    for theirs, ours in names.outer.items():
        if re.fullmatch(rf"(\w+\.)?{theirs}", stem):
            return [f"{ours}.{_KINDS[kind]}"]
    for theirs, ours in names.inner.items():
        if at := re.fullmatch(rf"(?:\w+\.)?{names.layers}\.(\d+)\.{theirs}", stem):
            part = at.expand(ours.replace(r"\1", r"\2"))
            return [f"layers.{int(at[1])}.{part}.{_KINDS[kind]}"]
    return []
