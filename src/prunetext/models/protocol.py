"""The interface of a model for training, pruning and packing, and the families of models that implement it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import torch
from torch import Tensor, nn, optim

from prunetext.data.dataset import Data, Examples, Input
from prunetext.data.task import Task
from prunetext.errors import InputError
from prunetext.models.encoded import Encoded
from prunetext.models.groups import Cost, Group, Kept, Tensors
from prunetext.options import DenseOptions, VectorOptions

PROVENANCE_ROOM = 1_536  # bytes; recipes, scores and reasons of usual runs take two thirds
TABLE, BODY, HEAD = "table", "body", "head"  # parts of a model that its parameters belong to

# family → where its `Family` stands; one entry adds a family.
FAMILIES = {
    "textcnn": "prunetext.models.textcnn.family:family",
    "transformer": "prunetext.models.transformer.family:transformer_family",
}


class Rates(NamedTuple):
    """The settings of optimizers: learning rates of the weights and of tables of vectors, and weight decay."""

    body: float
    table: float
    decay: float
    head: float | None = None  # of the head, where it has one of its own


class Disturbance(NamedTuple):
    """How training changes its batches: the share of words hidden, and of examples that are varied."""

    hidden: float
    varied: float


class Model(nn.Module, ABC):
    """The interface of a model for training and pruning; a family's class inherits from it.

    logits = model(batch)                      # (batch, classes), of what `Encoded.take` gives
    model.costs()["bytes"]({})                 # estimated bytes of the packed file
    """

    kinds: Mapping[str, str] = {}  # of groups, in the order in which they are named → what their units are
    formed_kinds: frozenset[str] = frozenset()  # those that only the canonical form has groups of

    @property
    @abstractmethod
    def classes(self) -> int:
        """Number of logits per example."""

    @abstractmethod
    def parts(self) -> Mapping[str, str]:
        """Each parameter's part of the model: "table" (of vectors), "body" or "head"."""

    @abstractmethod
    def groups(self, kinds: Sequence[str]) -> tuple[Group, ...]:
        """The groups of these kinds."""

    @abstractmethod
    def costs(self) -> Mapping[str, Cost]:
        """For each resource, "bytes" and "time", the cost of kept units; the model is inspected now."""

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """How many units of each kind there are."""

    @abstractmethod
    def rebuild(self, tensors: Mapping[str, Tensor]) -> Self:
        """A model of these tensors, whatever their sizes are, and otherwise like this one."""

    def tensors(self) -> Tensors:
        """Everything that `rebuild` needs; the tensors are the model's own."""
        return dict(self.state_dict())

    def optimizers(self, rates: Rates, frozen: Callable[[str], bool] | None = None) -> list[optim.Optimizer]:
        """Optimizers of the parameters that are not frozen, each part of the model at its own rate."""
        parts, chosen = self.parts(), dict[str, list[nn.Parameter]]()
        for name, each in self.named_parameters():
            if each.requires_grad and not (frozen and frozen(name)):
                chosen.setdefault(parts[name], []).append(each)
        rate = {TABLE: rates.table, BODY: rates.body, HEAD: rates.body if rates.head is None else rates.head}
        groups = [{"params": parameters, "lr": rate[part]} for part, parameters in chosen.items()]
        return [optim.AdamW(groups, lr=rates.body, weight_decay=rates.decay, fused=True)]

    def trained(self, name: str) -> Tensor | None:
        """Which entries of a parameter training changes (a mask that broadcasts); None if it changes all."""
        return None

    @property
    def work(self) -> int:
        """Multiplications per token."""
        return sum(each.numel() for each in self.parameters())

    def disturbed(self, batch: Tensor, how: Disturbance) -> Tensor:
        """The batch as a training step sees it."""
        return batch

    def shift(self, offsets: Tensor) -> None:
        """Add to the logits, (classes,), by the biases of the head."""
        parts, parameters = self.parts(), dict(self.named_parameters())
        with torch.no_grad():
            for name, part in parts.items():
                if part == HEAD and parameters[name].shape == offsets.shape:
                    parameters[name].add_(offsets)

    def further_loss(
        self, batch: Tensor, loss: Callable[[Tensor], Tensor], truth: Callable[[], Tensor], weights: Tensor | None
    ) -> Tensor | None:
        """A further loss of a training step, whose weight the settings name; None if there is none.

        loss: of logits. truth: gives that of each example, probabilities (batch, classes). weights: of the examples.
        """
        return None

    def revealed(self, batch: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Logits, and hidden states of a batch's tokens, by names under which models cut from this one have theirs."""
        return self(batch), {}

    def canonical(self, usage: Encoded, kinds: Sequence[str]) -> Callable[[Model], Model]:
        """A function that brings this model, or an earlier state of it, into the form in which its units are scored.

        No logit changes by it. The model that it is given is changed in place. usage: the texts of train.
        """
        return lambda model: model

    def normalise(self) -> None:
        """Bring the weights into the form that packs best; no logit changes."""

    def fit_grid(self) -> None:
        """Choose the grid of the packed file's numbers for the current weights."""

    @contextmanager
    def on_grid(self) -> Iterator[None]:
        """In this context, the model computes like its packed file, on the last chosen grid, or one for its weights."""
        yield

    def snap(self) -> None:
        """Put the weights on the grid of the packed file."""

    def grid(self) -> Tensors:
        """The grid as tensors, for a checkpoint; empty if there is none."""
        return {}

    def take_grid(self, tensors: Tensors) -> None:
        """Undo `grid`."""

    def after_removal(self, tensors: Tensors, kept: Kept) -> None:
        """Change in place what a removal affects besides weights, such as the map of ids."""

    def after_cut(self, tensors: Tensors, places: Mapping[tuple[str, int], Tensor], kept: Kept) -> None:
        """The same once tensors have been cut; places: (parameter, axis) → which of its rows are left."""


class Trained(NamedTuple):
    """A model with everything that it needs to label texts.

        trained = load_family("textcnn").read(Path("runs/reviews/dense.safetensors"))
        trained.labels         # ['neg', 'pos']

    reader: what makes ids of texts, in the family's own form. thresholds: of the labels' probabilities, where an
    example may have several. epochs: how long it was trained, from the start.
    """

    family: str
    model: Model
    labels: list[str]
    task: Task
    reader: Any
    thresholds: list[float] | None = None
    epochs: float = 0.0


class Packing(NamedTuple):
    """The settings of a packed file besides its model.

    table: of the runtime, "int8" or "int16"; or the numbers of a transformer's parts, "int8", "float16" or "float32".
    numbers: those of parts that have others, by the part's name. temperature: divides the logits. reject: the
    probability below which texts may be rejected. provenance: where the model comes from. room: the bytes of the header
    that all but the table take, whatever they say; 0 for as few as they need.
    """

    table: str = "int8"
    temperature: float = 1.0
    reject: float | None = None
    provenance: Mapping[str, Any] = {}
    room: int = PROVENANCE_ROOM
    numbers: Mapping[str, str] = {}


class Request(NamedTuple):
    """A request for an untrained model: options, the data, and what else is known before training.

    texts: all that there is to learn from, of which a vocabulary is made. vectors: of words, as `fit` takes them.
    like: a model of an earlier run, whose reader and kind the new one has. deadline: a `time.monotonic()` by which to
    answer, with less training of word vectors if need be.
    """

    data: Data
    labels: list[str]
    texts: list[str]
    shape: DenseOptions
    learnt: VectorOptions
    seed: int
    dropout: float
    vectors: Any = None
    positive: str | None = None
    like: Trained | None = None
    deadline: float | None = None


class Beginning(NamedTuple):
    """A family's answer to a request: a reader of texts, a maker of untrained models, notes, and lines of the recipe.

    work: multiplications that a token takes the untrained model.
    """

    reader: Any
    untrained: Callable[[], Model]
    work: int
    notes: list[str]
    recipe: dict[str, Any]


class Family(NamedTuple):
    """A family of models: how one begins, reads texts, and is written.

        family = load_family("textcnn")
        family.size(trained, Packing())            # bytes

    kinds: of its groups, with a line on each; default_kinds: those that are pruned unless others are asked for, and
    criterion: what scores them unless another is; faster_kinds: those whose removal makes a packed model faster.
    `check` refuses options that can not be. `settle` decides from the labelled texts what the options leave to them.
    `begin` gives untrained models; `encode` ids of texts by the reader, without labels; `write` and `read` a float
    file; `pack` the packed file; `size` the bytes of the latter without writing it; `graph` the model as ONNX, and
    `words` those that it knows and the tokenizer that finds them; both None if the packed file is ONNX itself. packed:
    the name of a run's packed file; tables: what its numbers can be, the smallest first. `pace` tells what differs in
    the settings of a training on so many texts, `recovery` in those of a recovery. `mend` lets what is left of a model
    that was cut make up for what went, by what the model before the cut computes of some batches; None if nothing can
    before a recovery. taught: whether `fit` looks for a teacher by itself. timed: at most so many texts tell a speed:
    more say the same. number_parts: the parts of a model that can have different `tables`, and how many numbers each
    has; None if there is one table. timing: a `Timing`, if times of parts can be measured.
    """

    name: str
    kinds: Mapping[str, str]
    default_kinds: tuple[str, ...]
    criterion: str
    faster_kinds: tuple[str, ...]
    check: Callable[[DenseOptions, VectorOptions, Any], None]
    settle: Callable[[DenseOptions, Examples], DenseOptions]
    begin: Callable[[Request], Beginning]
    encode: Callable[[Any, Sequence[Input]], Encoded]
    write: Callable[[Trained, Path, Mapping[str, Any]], None]
    read: Callable[[Path], Trained]
    pack: Callable[[Trained, Path, Packing], int]
    size: Callable[[Trained, Packing], int]
    graph: Callable[[Trained], Any] | None
    words: Callable[[Trained], tuple[list[str], str]] | None
    packed: str
    tables: tuple[str, ...]
    pace: Callable[[int], Mapping[str, Any]]
    recovery: Mapping[str, Any]
    mend: Callable[[Model, Model, Sequence[Tensor]], None] | None
    taught: bool
    timed: int
    number_parts: Callable[[Any], Mapping[str, int]] | None = None
    timing: Any = None


def family_named(model: str) -> str:
    """The family of what `fit` is given as its model: a family's name, or a place from which a transformer begins.

    >>> family_named("textcnn"), family_named("sample:minilm")
    ('textcnn', 'transformer')
    """
    return "textcnn" if model == "textcnn" else "transformer"


def load_family(name: str) -> Family:
    """The family with this name, imported on first use.

    >>> load_family("textcnn").default_kinds
    ('vocabulary', 'bigrams', 'dimensions', 'filters')
    """
    if name not in FAMILIES:
        raise InputError(f"model {name!r} is unknown. Choose one of {', '.join(FAMILIES)}.")
    module, _, attribute = FAMILIES[name].partition(":")
    return cast(Family, getattr(import_module(module), attribute))
