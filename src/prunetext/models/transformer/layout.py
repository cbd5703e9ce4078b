"""What a transformer's tensors do not tell: its kind of norms, activation, positions and attention."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any

from torch import Tensor
from torch.nn import functional

from prunetext.errors import InputError

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "gelu_tanh": partial(functional.gelu, approximate="tanh"),
    "relu": functional.relu,
    "silu": functional.silu,
}
# Names of the same functions in configurations.
SYNONYMS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu_fast": "gelu_tanh", "swish": "silu"}
_POOLINGS = ("mean", "first")
SLIDING = "sliding_attention"
MOST_LAYERS, MOST_POSITIONS = 1_000, 1 << 20
THETA, LOCAL_THETA, EVERY, WINDOW = 160_000.0, 10_000.0, 3, 128  # of ModernBERT, if its configuration does not say


@dataclass(frozen=True)
class Layout:
    """What a transformer's tensors do not tell.

    >>> Layout(head_size=32).norm_first
    False

    head_size: columns of an attention head. activation: of the neurons. epsilon: of the norms. norm_first: whether
    norms stand before attention and neurons, instead of behind the sum. first_position: the row of the table of
    positions that a text begins with. thetas: of each layer's rotary positions; none if there is a table. windows: how
    many tokens to each side a layer looks at, 0 for all. longest: tokens of a text at most. pooling: of the last
    layer's tokens, mean or first. dropout: in training.
    """

    head_size: int
    activation: str = "gelu"
    epsilon: float = 1e-12
    norm_first: bool = False
    first_position: int = 0
    thetas: tuple[float, ...] = ()
    windows: tuple[int, ...] = ()
    longest: int = 512
    pooling: str = "mean"
    dropout: float = 0.1

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def of(cls, values: Any) -> Layout:
        """A layout of the values of its JSON; ValueError if one is impossible.

        >>> Layout.of({"head_size": 32, "thetas": [1e4], "windows": [0]}).thetas
        (10000.0,)
        """
        if not isinstance(values, dict) or not values.keys() <= {each.name for each in fields(cls)}:
            raise ValueError("its layout has unknown parts")
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        made = cls(**given)
        made.check()
        return made

    def check(self) -> None:
        """ValueError if a value is impossible."""
        whole = [self.head_size, self.first_position, self.longest, *self.windows]
        real = [self.epsilon, self.dropout, *self.thetas]
        numbers = all(type(each) is int and 0 <= each <= MOST_POSITIONS for each in whole) and all(
            isinstance(each, (int, float)) and math.isfinite(each) for each in real
        )
        if not numbers or type(self.norm_first) is not bool or self.activation not in ACTIVATIONS:
            raise ValueError("its layout has a number or an activation that is impossible")
        fits = self.head_size >= 1 and self.longest >= 2 and 0 <= self.dropout < 1 and 0 < self.epsilon < 1
        fits = fits and self.pooling in _POOLINGS and len(self.thetas) == len(self.windows) <= MOST_LAYERS
        if not fits or any(theta <= 1 for theta in self.thetas) or (self.thetas and self.head_size % 2):
            raise ValueError("its layout does not fit together")


def bert_layout(config: Mapping[str, Any]) -> Layout:
    """The layout of BERT, RoBERTa, XLM-R, ELECTRA, and MiniLM."""
    absolute = config.get("position_embedding_type", "absolute")
    if absolute != "absolute" or config.get("is_decoder"):
        raise InputError("it has relative positions, or is a decoder. Give an encoder with a table of positions.")
    roberta = str(config["model_type"]).split("-")[0] in ("roberta", "xlm", "camembert")
    first = int(config.get("pad_token_id") or 0) + 1 if roberta else 0
    return Layout(
        head_size=int(config["hidden_size"]) // int(config["num_attention_heads"]),
        activation=activation_of(config.get("hidden_act", "gelu")),
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        first_position=first,
        longest=int(config["max_position_embeddings"]) - first,
        dropout=float(config.get("hidden_dropout_prob", 0.1)),
    )


def distilbert_layout(config: Mapping[str, Any]) -> Layout:
    """The layout of DistilBERT."""
    return Layout(
        head_size=int(config["dim"]) // int(config["n_heads"]),
        activation=activation_of(config.get("activation", "gelu")),
        longest=int(config["max_position_embeddings"]),
        dropout=float(config.get("dropout", 0.1)),
    )


def modernbert_layout(config: Mapping[str, Any]) -> Layout:
    """The layout of ModernBERT: some layers look at neighbours only, and have other rotary positions."""
    layers, every = int(config["num_hidden_layers"]), int(config.get("global_attn_every_n_layers") or EVERY)
    kinds = config.get("layer_types") or ["full" if at % every == 0 else SLIDING for at in range(layers)]
    of_kind = config.get("rope_parameters") or {}
    sliding = of_kind.get(SLIDING) or {}
    full = of_kind.get("full_attention") or {}
    scaled = {each.get("rope_type", "default") for each in (sliding, full)} != {"default"}
    if scaled or config.get("rope_scaling"):
        raise InputError("its rotary positions are scaled. Give a model with plain ones.")
    near = float(sliding.get("rope_theta") or config.get("local_rope_theta") or LOCAL_THETA)
    far = float(full.get("rope_theta") or config.get("global_rope_theta") or THETA)
    window = int(config.get("local_attention", WINDOW)) // 2
    return Layout(
        head_size=int(config["hidden_size"]) // int(config["num_attention_heads"]),
        activation=activation_of(config.get("hidden_activation", "gelu")),
        epsilon=float(config.get("norm_eps", 1e-5)),
        norm_first=True,
        thetas=tuple(near if kind == SLIDING else far for kind in kinds),
        windows=tuple(window if kind == SLIDING else 0 for kind in kinds),
        longest=int(config["max_position_embeddings"]),
        dropout=float(config.get("mlp_dropout", 0.0)),
    )


def activation_of(name: Any) -> str:
    """The activation by our name.

    >>> activation_of("gelu_new")
    'gelu_tanh'
    """
    found = SYNONYMS.get(str(name), str(name))
    if found not in ACTIVATIONS:
        raise InputError(f"its activation is {name}. Give a model with {', '.join(ACTIVATIONS)}.")
    return found
