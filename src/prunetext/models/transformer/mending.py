"""After a cut, the dense layers that are left make up for what was removed: least squares, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from prunetext.models.protocol import Model
from prunetext.models.transformer.model import Layer, TextEncoder

DAMPING = 1e-2  # of the mean square of an input: how dear a change of the weights is
_FIRST = {"attention": ("query", "key", "value"), "neurons": ("inner", "gate")}


class Flow(NamedTuple):
    """A batch on its way through both models: which tokens are real, where they may look, and the hidden states."""

    inside: Tensor
    seen: Tensor
    left: Tensor  # in the smaller model
    whole: Tensor  # in the model before the cut


@torch.no_grad()
def mend_encoder(left: Model, whole: Model, usage: Iterable[Tensor]) -> None:
    """Let a model that has been cut compute nearly what it did before, in place.

        mend_encoder(smaller, model, [texts.take(rows)])

    In each layer the attention's last dense layer, then that of the neurons, is changed as little as it takes for the
    layer's sum to be nearest to that of the model before the cut, in the mean square over these texts' tokens. The sum
    has the errors of earlier layers, too, and so they are made up for. What comes before the first cut stays as it is.
    Where hidden dimensions went, those that are left are compared, and dense layers that only lost inputs are fitted,
    too. The head is not: texts are too few for that.
    Source: He, Zhang and Sun 2017, "Channel Pruning for Accelerating Very Deep Neural Networks", section 3.1, for
    channels; Kwon et al. 2022, "A Fast Post-Training Pruning Framework for Transformers", section 4.3, where one scale
    of each unit is fitted, not its weights.
    """
    left, whole = cast(TextEncoder, left.eval()), cast(TextEncoder, whole.eval())
    dims = dims_left(left, whole)
    cut = dims is not None or left.words.weight.shape != whole.words.weight.shape
    flows = []
    for batch in usage:
        inside = batch > 0
        first = (model.embedded(batch, inside) for model in (left, whole))
        flows.append(Flow(inside, inside[:, None, None, :], *first))
    for number, layer in whole.layers.items():
        before = cast(Layer, layer)
        if number not in left.layers:
            flows, cut = [flow._replace(whole=before(flow.whole, flow.seen)) for flow in flows], True
            continue
        after = cast(Layer, left.layers[number])
        cut = cut or after.out.weight.shape != before.out.weight.shape
        flows = mended_sums(flows, after, before, "attention", dims, cut=cut)
        cut = cut or after.outer.weight.shape != before.outer.weight.shape
        flows = mended_sums(flows, after, before, "neurons", dims, cut=cut)


def dims_left(left: TextEncoder, whole: TextEncoder) -> Tensor | None:
    """Which hidden dimensions of the model before a cut are left; None if all are."""
    if len(left.dim_numbers) == len(whole.dim_numbers):
        return None
    return torch.searchsorted(whole.dim_numbers, left.dim_numbers)


def mended_sums(
    flows: list[Flow], after: Layer, before: Layer, part: str, dims: Tensor | None, *, cut: bool
) -> list[Flow]:
    """The flows behind one half of a layer, whose last dense layer is fitted first if anything has been cut.

    dims: the hidden dimensions that are left, if some went.
    """
    if dims is not None:
        mend_inputs(flows, after, before, part)
    wanted = [before.summed(part, flow.whole, flow.seen) for flow in flows]
    if cut:
        last, pairs = after.last(part), []
        for flow, goal in zip(flows, wanted, strict=True):
            given = after.before_last(part, flow.left, flow.seen)
            nearest = goal if dims is None else goal[..., dims]
            pairs.append((given[flow.inside], (nearest - flow.left)[flow.inside]))
        fit_dense(last, *(torch.cat(each) for each in zip(*pairs, strict=True)))
    found = []
    for flow, goal in zip(flows, wanted, strict=True):
        now = after.summed(part, flow.left, flow.seen) if cut else goal
        found.append(flow._replace(left=after.behind(part, now), whole=before.behind(part, goal)))
    return found


def mend_inputs(flows: list[Flow], after: Layer, before: Layer, part: str) -> None:
    """Fit the first dense layers of one half of a layer to what they gave: those that lost inputs, but no outputs."""
    given = torch.cat([after.taken(part, flow.left)[flow.inside] for flow in flows])
    whole = torch.cat([before.taken(part, flow.whole)[flow.inside] for flow in flows])
    for name in _FIRST[part]:
        own, goal = getattr(after, name), getattr(before, name)
        if own is not None and own.out_features == goal.out_features:
            fit_dense(own, given, goal(whole))


def fit_dense(part: nn.Linear, given: Tensor, wanted: Tensor) -> None:
    """Change a dense layer as little as it takes to give what is wanted: given (n, inputs), wanted (n, outputs)."""
    ones = given.new_ones(len(given), 1 if part.bias is not None else 0)
    inputs = torch.cat([given, ones], dim=1)
    missing = wanted - part(given)
    square = (inputs.T @ inputs).double()
    square.diagonal().add_(DAMPING * square.diagonal().mean().clamp(min=1e-12))
    change = torch.linalg.solve(square, (inputs.T @ missing).double(), left=True).float()
    part.weight.add_(change[: part.in_features].T)
    if part.bias is not None:
        part.bias.add_(change[-1])
