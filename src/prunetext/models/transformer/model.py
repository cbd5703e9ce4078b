"""An encoder of any size, with as many heads and neurons in each layer as its tensors have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self, cast

import torch
from torch import Tensor, nn, optim
from torch.nn import functional

from prunetext.models.encoded import Encoded
from prunetext.models.groups import Cost, Group, Kept, Tensors
from prunetext.models.protocol import BODY, HEAD, TABLE, Model, Rates
from prunetext.models.transformer.grouping import DIMS, PRESENT, TRANSFORMER_KINDS, Weights, groups_in
from prunetext.models.transformer.layout import ACTIVATIONS, Layout
from prunetext.models.transformer.modules import dense_layer, norm, normed_over, of_layer, rotation_of, table, turned
from prunetext.models.transformer.numbers import parts_in
from prunetext.models.transformer.ranks import fewer_bytes, occurrences_of, rank_form

_DIM_NUMBERS = "dim_numbers"
_MASKS = (PRESENT, DIMS)  # parameters only for their gradients: they are 1, or 0 for what is masked


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

    def forward(self, x: Tensor, seen: Tensor, dims: Tensor | None = None) -> Tensor:
        """What this layer makes of its input; both (batch, length, hidden).

        seen: where each token may look. dims: which dimensions count in norms, if not all do.
        """
        for part in ("attention", "neurons"):
            x = self.behind(part, self.summed(part, x, seen, dims), dims)
        return x

    def summed(self, part: str, x: Tensor, seen: Tensor, dims: Tensor | None = None) -> Tensor:
        """The input of the attention, or of the neurons, with what that adds to it."""
        hide = self.layout.dropout if self.training else 0.0
        return x + functional.dropout(self.last(part)(self.before_last(part, x, seen, dims)), hide)

    def behind(self, part: str, x: Tensor, dims: Tensor | None = None) -> Tensor:
        """The sum as the next part takes it: with a norm, if that comes last."""
        return x if self.layout.norm_first else self.normed(part, x, dims)

    def normed(self, part: str, x: Tensor, dims: Tensor | None = None) -> Tensor:
        """The norm of the attention, or of the neurons."""
        own = self.attention_norm if part == "attention" else self.norm
        return x if own is None else normed_over(own, x, dims)

    def taken(self, part: str, x: Tensor, dims: Tensor | None = None) -> Tensor:
        """The input of the attention, or of the neurons, as dense layers take it: with a norm, if that comes first."""
        return self.normed(part, x, dims) if self.layout.norm_first else x

    def last(self, part: str) -> nn.Linear:
        """The last dense layer of the attention, or of the neurons."""
        return self.out if part == "attention" else self.outer

    def before_last(self, part: str, x: Tensor, seen: Tensor, dims: Tensor | None = None) -> Tensor:
        """What that layer is given: (batch, length, heads · head size) or (batch, length, neurons)."""
        x = self.taken(part, x, dims)
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
    `present` has one entry for each layer that is left, and a layer with 0 there gives what it is given. So do hidden
    dimensions: `dim_numbers` has those that are left, and one with 0 in `dims` counts in no norm. If there is `spread`,
    the vectors of words have fewer columns, and it makes whole ones of them.
    """

    kinds = TRANSFORMER_KINDS
    formed_kinds = frozenset({"ranks"})

    def __init__(self, tensors: Mapping[str, Tensor], layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.take_words(tensors["words.weight"], tensors.get("spread.weight"))
        self.positions = table(tensors, "positions") if "positions.weight" in tensors else None
        self.token_kinds = table(tensors, "kinds") if "kinds.weight" in tensors else None
        self.norm = norm(tensors, "norm", layout)
        self.project = dense_layer(tensors, "project") if "project.weight" in tensors else None
        numbers = sorted({int(name.split(".")[1]) for name in tensors if name.startswith("layers.")})
        self.layers = nn.ModuleDict({str(at): Layer(of_layer(tensors, at), layout, at) for at in numbers})
        self.final_norm = norm(tensors, "final_norm", layout) if "final_norm.weight" in tensors else None
        self.head = dense_layer(tensors, "head")
        self.present = nn.Parameter(tensors.get(PRESENT, torch.ones(len(numbers))).clone())
        hidden = self.head.in_features
        self.dims = nn.Parameter(tensors.get(DIMS, torch.ones(hidden)).clone())
        self.dim_numbers: Tensor
        self.register_buffer(_DIM_NUMBERS, tensors.get(_DIM_NUMBERS, torch.arange(hidden)).clone(), persistent=False)

    def take_words(self, words: Tensor, spread: Tensor | None) -> None:
        """Have this table of words, with what makes whole vectors of its rows, if anything does."""
        self.words = table({"words.weight": words}, "words")
        self.words.weight.requires_grad_(False)  # half of a small encoder; a batch uses few of them
        self.spread = None if spread is None else dense_layer({"spread.weight": spread}, "spread")

    def forward(self, batch: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        return self.answered(batch)

    def revealed(self, batch: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Logits, and by the number of each layer what it gives the next: (real tokens, hidden)."""
        states: dict[str, Tensor] = {}
        return self.answered(batch, states), states

    def answered(self, batch: Tensor, states: dict[str, Tensor] | None = None) -> Tensor:
        """Logits; `states` takes those behind each layer."""
        inside, dims = batch > 0, self.counted()
        x, seen = self.embedded(batch, inside, dims), inside[:, None, None, :]
        present = self.present.detach() if self.training else self.present  # a training does not change it
        for at, (number, layer) in enumerate(self.layers.items()):
            x = torch.lerp(x, layer(x, seen, dims), present[at].to(x.dtype))
            if states is not None:
                states[number] = x[inside]
        if self.final_norm is not None:
            x = normed_over(self.final_norm, x, dims)
        pooled = functional.dropout(self.pooled(x, inside), self.layout.dropout, self.training)
        return cast(Tensor, self.head(pooled)).float()

    def counted(self) -> Tensor | None:
        """Which dimensions count in norms; None for all, unless a criterion may want to know what each is worth."""
        if torch.is_grad_enabled() and not self.training:
            return self.dims
        dims = self.dims.detach()  # a training does not change it
        return None if bool((dims == 1).all()) else dims

    def embedded(self, batch: Tensor, inside: Tensor, dims: Tensor | None = None) -> Tensor:
        """The input of the first layer (batch, length, hidden)."""
        count = self.words.num_embeddings
        numbers = (batch - 1).clamp(min=0)
        x = self.words(numbers % count)
        if self.spread is not None:
            x = self.spread(x)
        if self.token_kinds is not None:
            x = x + self.token_kinds((numbers // count).clamp(max=self.token_kinds.num_embeddings - 1))
        if self.positions is not None:
            x = x + self.positions(self.layout.first_position + torch.arange(batch.shape[1], device=batch.device))
        x = normed_over(self.norm, x, dims if self.project is None else None)
        x = functional.dropout(x, self.layout.dropout, self.training)
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
            rates._replace(table=rates.body), lambda name: name in _MASKS or bool(frozen and frozen(name))
        )

    def trained(self, name: str) -> Tensor | None:
        """All but masks."""
        return torch.zeros((), dtype=torch.bool) if name in _MASKS else None

    def groups(self, kinds: Sequence[str]) -> tuple[Group, ...]:
        """Layers, attention heads, neurons and hidden dimensions, and ranks of a table that has them."""
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

    def tensors(self) -> Tensors:
        """Everything that `rebuild` needs."""
        return {**super().tensors(), _DIM_NUMBERS: self.dim_numbers}

    def canonical(self, usage: Encoded, kinds: Sequence[str]) -> Callable[[Model], Model]:
        """Words as a product, if ranks are to be pruned: those that texts use most are kept best."""
        if "ranks" not in kinds:
            return super().canonical(usage, kinds)
        form = rank_form(*self.words_and_spread(), occurrences_of(usage.ids, self.words.num_embeddings))

        def factorised(model: Model) -> Model:
            encoder = cast(TextEncoder, model)
            encoder.take_words(*form(*encoder.words_and_spread()))
            return model

        return factorised

    def words_and_spread(self) -> tuple[Tensor, Tensor | None]:
        """What `take_words` takes."""
        return self.words.weight.detach(), None if self.spread is None else self.spread.weight.detach()

    def normalise(self) -> None:
        """Put a table that is a product back together if it then takes fewer bytes."""
        words, spread = self.words_and_spread()
        if spread is not None and not fewer_bytes(len(words), *spread.shape):
            self.take_words((words.double() @ spread.double().T).float(), None)

    def after_cut(self, tensors: Tensors, places: Mapping[tuple[str, int], Tensor], kept: Kept) -> None:
        """Removed layers take their tensors with them."""
        if (left := places.get((DIMS, 0))) is not None:
            tensors[_DIM_NUMBERS] = tensors[_DIM_NUMBERS][left]
        if (left := places.get((PRESENT, 0))) is not None:
            numbers = list(self.layers)
            gone = {numbers[at] for at in set(range(len(numbers))) - set(left.tolist())}
            for name in [name for name in tensors if name.startswith("layers.") and name.split(".")[1] in gone]:
                del tensors[name]


def with_kinds(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by the names of files."""
    return {name.replace("token_kinds.", "kinds.", 1): each for name, each in tensors.items()}
