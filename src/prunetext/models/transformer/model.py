"""An encoder of any size, with as many heads and neurons in each layer as its tensors have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self, TypeVar, cast

import torch
from torch import Tensor, nn, optim
from torch.nn import functional

from prunetext.models.groups import Cost, Group, Kept, Tensors
from prunetext.models.protocol import BODY, HEAD, TABLE, Model, Rates
from prunetext.models.transformer.grouping import PRESENT, TRANSFORMER_KINDS, Weights, groups_in
from prunetext.models.transformer.layout import ACTIVATIONS, Layout
from prunetext.models.transformer.numbers import parts_in

_Made = TypeVar("_Made", nn.Linear, nn.LayerNorm, nn.Embedding)


class Layer(nn.Module):
    """One layer, from its tensors: attention, then neurons, each added to what it was given."""

    def __init__(self, tensors: Mapping[str, Tensor], layout: Layout, number: int) -> None:
        super().__init__()
        self.layout = layout
        self.theta = layout.thetas[number] if layout.thetas else 0.0
        self.window = layout.windows[number] if layout.windows else 0
        self.query, self.key, self.value = (dense_layer(tensors, name) for name in ("query", "key", "value"))
        self.out, self.inner, self.outer = (dense_layer(tensors, name) for name in ("out", "inner", "outer"))
        self.gate = dense_layer(tensors, "gate") if "gate.weight" in tensors else None
        self.attention_norm = norm(tensors, "attention_norm", layout) if "attention_norm.weight" in tensors else None
        self.norm = norm(tensors, "norm", layout)
        if self.query.weight.shape != self.key.weight.shape or len(self.query.weight) % layout.head_size:
            raise ValueError(f"the attention of its layer {number} has no whole heads")

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """What this layer makes of its input; both (batch, length, hidden). seen: where each token may look."""
        for part in ("attention", "neurons"):
            x = self.behind(part, self.summed(part, x, seen))
        return x

    def summed(self, part: str, x: Tensor, seen: Tensor) -> Tensor:
        """The input of the attention, or of the neurons, with what that adds to it."""
        hide = self.layout.dropout if self.training else 0.0
        return x + functional.dropout(self.last(part)(self.before_last(part, x, seen)), hide)

    def behind(self, part: str, x: Tensor) -> Tensor:
        """The sum as the next part takes it: with a norm, if that comes last."""
        return x if self.layout.norm_first else self.normed(part, x)

    def normed(self, part: str, x: Tensor) -> Tensor:
        """The norm of the attention, or of the neurons."""
        own = self.attention_norm if part == "attention" else self.norm
        return x if own is None else cast(Tensor, own(x))

    def last(self, part: str) -> nn.Linear:
        """The last dense layer of the attention, or of the neurons."""
        return self.out if part == "attention" else self.outer

    def before_last(self, part: str, x: Tensor, seen: Tensor) -> Tensor:
        """What that layer is given: (batch, length, heads · head size) or (batch, length, neurons)."""
        x = self.normed(part, x) if self.layout.norm_first else x
        return self.attention(x, seen) if part == "attention" else self.neurons(x)

    def attention(self, x: Tensor, seen: Tensor) -> Tensor:
        """Each token's mean of the values of those it looks at, by head."""
        query, key, value = (self.heads(each, x) for each in (self.query, self.key, self.value))
        if self.theta:
            turn = rotation_of(self.theta, self.layout.head_size, x.shape[1], x.device)
            query, key = turned(query, *turn), turned(key, *turn)
        if self.window:
            places = torch.arange(x.shape[1], device=x.device)
            seen = seen & ((places[:, None] - places).abs() <= self.window)
        hide = self.layout.dropout if self.training else 0.0
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen, dropout_p=hide)
        return found.transpose(1, 2).flatten(2)

    def heads(self, part: nn.Linear, x: Tensor) -> Tensor:
        """One of query, key and value: (batch, heads, length, head size)."""
        found: Tensor = part(x).unflatten(2, (-1, self.layout.head_size))
        return found.transpose(1, 2)

    def neurons(self, x: Tensor) -> Tensor:
        """The neurons, with a gate in some models."""
        inner = ACTIVATIONS[self.layout.activation](self.inner(x))
        return inner if self.gate is None else cast(Tensor, inner * self.gate(x))


class TextEncoder(Model):
    """A transformer's encoder, pooled, with a linear head.

    A batch (batch, length) has for each token 1 + its id, and as many more as there are words if it is of the second
    text of a pair; 0 stands behind the end of shorter texts. Layers keep their numbers when others are removed;
    `present` has one entry for each layer that is left, and a layer with 0 there gives what it is given.
    """

    kinds = TRANSFORMER_KINDS

    def __init__(self, tensors: Mapping[str, Tensor], layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.words = table(tensors, "words")
        self.words.weight.requires_grad_(False)  # half of a small encoder; a batch uses few of them
        self.positions = table(tensors, "positions") if "positions.weight" in tensors else None
        self.token_kinds = table(tensors, "kinds") if "kinds.weight" in tensors else None
        self.norm = norm(tensors, "norm", layout)
        self.project = dense_layer(tensors, "project") if "project.weight" in tensors else None
        numbers = sorted({int(name.split(".")[1]) for name in tensors if name.startswith("layers.")})
        self.layers = nn.ModuleDict({str(at): Layer(of_layer(tensors, at), layout, at) for at in numbers})
        self.final_norm = norm(tensors, "final_norm", layout) if "final_norm.weight" in tensors else None
        self.head = dense_layer(tensors, "head")
        self.present = nn.Parameter(tensors.get(PRESENT, torch.ones(len(numbers))).clone())

    def forward(self, batch: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        inside = batch > 0
        return self.answered(self.embedded(batch, inside), inside)

    def revealed(self, batch: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Logits, and by the number of each layer what it gives the next: (real tokens, hidden)."""
        inside, states = batch > 0, dict[str, Tensor]()
        return self.answered(self.embedded(batch, inside), inside, states), states

    def answered(self, x: Tensor, inside: Tensor, states: dict[str, Tensor] | None = None) -> Tensor:
        """Logits of the first layer's input (batch, length, hidden); `states` takes those behind each layer."""
        seen = inside[:, None, None, :]
        present = self.present.detach() if self.training else self.present  # a training does not change it
        for at, (number, layer) in enumerate(self.layers.items()):
            x = torch.lerp(x, layer(x, seen), present[at].to(x.dtype))
            if states is not None:
                states[number] = x[inside]
        if self.final_norm is not None:
            x = self.final_norm(x)
        pooled = functional.dropout(self.pooled(x, inside), self.layout.dropout, self.training)
        return cast(Tensor, self.head(pooled)).float()

    def embedded(self, batch: Tensor, inside: Tensor) -> Tensor:
        """The input of the first layer (batch, length, hidden)."""
        count = self.words.num_embeddings
        numbers = (batch - 1).clamp(min=0)
        x = self.words(numbers % count)
        if self.token_kinds is not None:
            x = x + self.token_kinds((numbers // count).clamp(max=self.token_kinds.num_embeddings - 1))
        if self.positions is not None:
            x = x + self.positions(self.layout.first_position + torch.arange(batch.shape[1], device=batch.device))
        x = functional.dropout(self.norm(x), self.layout.dropout, self.training)
        return x if self.project is None else cast(Tensor, self.project(x))

    def pooled(self, x: Tensor, inside: Tensor) -> Tensor:
        """One vector for each text: the first token's, or the mean of all."""
        if self.layout.pooling == "first":
            return x[:, 0]
        mask = inside[:, :, None].to(x.dtype)
        return (x * mask).sum(1) / mask.sum(1).clamp(min=1)

    @property
    def classes(self) -> int:
        """Number of logits per example."""
        return self.head.out_features

    @property
    def work(self) -> int:
        """Multiplications per token."""
        parts = self.parts()
        return sum(each.numel() for name, each in self.named_parameters() if parts[name] == BODY)

    def parts(self) -> Mapping[str, str]:
        """Tables of vectors, the head, and the body, which is all else."""
        tables = ("words", "positions", "token_kinds")
        of = {**dict.fromkeys(tables, TABLE), "head": HEAD}
        return {name: of.get(name.partition(".")[0], BODY) for name, _ in self.named_parameters()}

    def optimizers(self, rates: Rates, frozen: Callable[[str], bool] | None = None) -> list[optim.Optimizer]:
        """AdamW of all but the words; tables move at the rate of the body."""
        return super().optimizers(
            rates._replace(table=rates.body), lambda name: name == PRESENT or bool(frozen and frozen(name))
        )

    def groups(self, kinds: Sequence[str]) -> tuple[Group, ...]:
        """Layers, attention heads and neurons."""
        return groups_in(self.weights(), kinds)

    def costs(self) -> Mapping[str, Cost]:
        """Bytes of the file, and multiplications of a token."""
        return self.weights().costs()

    def counts(self) -> dict[str, int]:
        """How many units of each kind there are."""
        return self.weights().counts()

    def number_parts(self) -> dict[str, int]:
        """The parts whose numbers have a format of their own in the packed file, and how many numbers each has."""
        return parts_in(self.weights().shapes)

    def weights(self) -> Weights:
        """The sizes of all parameters."""
        shapes = {name: tuple(each.shape) for name, each in self.named_parameters()}
        return Weights(shapes, self.layout.head_size, bool(self.present.detach().all()))

    def rebuild(self, tensors: Mapping[str, Tensor]) -> Self:
        """A model of these tensors."""
        return type(self)(with_kinds(tensors), self.layout)

    def after_cut(self, tensors: Tensors, places: Mapping[tuple[str, int], Tensor], kept: Kept) -> None:
        """Removed layers take their tensors with them."""
        if (left := places.get((PRESENT, 0))) is not None:
            numbers = list(self.layers)
            gone = {numbers[at] for at in set(range(len(numbers))) - set(left.tolist())}
            for name in [name for name in tensors if name.startswith("layers.") and name.split(".")[1] in gone]:
                del tensors[name]


def with_kinds(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by the names of files."""
    return {name.replace("token_kinds.", "kinds.", 1): each for name, each in tensors.items()}


def of_layer(tensors: Mapping[str, Tensor], number: int) -> dict[str, Tensor]:
    """The tensors of one layer, without its number."""
    before = f"layers.{number}."
    return {name.removeprefix(before): each for name, each in tensors.items() if name.startswith(before)}


def dense_layer(tensors: Mapping[str, Tensor], name: str) -> nn.Linear:
    """A dense layer of its tensors."""
    weight, bias = tensors[f"{name}.weight"], tensors.get(f"{name}.bias")
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    return filled_module(made, weight, bias)


def norm(tensors: Mapping[str, Tensor], name: str, layout: Layout) -> nn.LayerNorm:
    """A norm of its tensors."""
    weight, bias = tensors[f"{name}.weight"], tensors.get(f"{name}.bias")
    made = nn.LayerNorm(len(weight), eps=layout.epsilon, bias=bias is not None, device="meta")
    return filled_module(made, weight, bias)


def table(tensors: Mapping[str, Tensor], name: str) -> nn.Embedding:
    """A table of vectors of its tensor."""
    weight = tensors[f"{name}.weight"]
    rows, width = weight.shape
    return filled_module(nn.Embedding(rows, width, device="meta"), weight)


def filled_module(made: _Made, weight: Tensor, bias: Tensor | None = None) -> _Made:
    """A module with copies of these tensors."""
    made.weight = nn.Parameter(weight.detach().clone().float())
    if bias is not None:
        if bias.shape != weight.shape[:1]:
            raise ValueError("a bias of it has another size than its weights")
        made.bias = nn.Parameter(bias.detach().clone().float())
    return made


def rotation_of(theta: float, size: int, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions, (length, head size) each.

    Source: Su et al. 2021, "RoFormer", with halves of a vector in the place of neighbours, as ModernBERT has them.
    """
    speeds = 1.0 / (theta ** (torch.arange(0, size, 2, dtype=torch.float32, device=device) / size))
    angles = torch.arange(length, dtype=torch.float32, device=device)[:, None] * speeds
    both = torch.cat([angles, angles], dim=1)
    return both.cos(), both.sin()


def turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Vectors (…, length, head size), each turned by the angles of its place."""
    one, other = x.float().chunk(2, dim=-1)
    return (x.float() * cosines + torch.cat([-other, one], dim=-1) * sines).to(x.dtype)
