"""After a cut, the dense layers that are left make up for what was removed: least squares, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from prunetext.models.protocol import Model
from prunetext.models.transformer.model import Layer, TextEncoder

DAMPING = 1e-2  # of the mean square of an input: how dear a change of the weights is


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
    Source: He, Zhang and Sun 2017, "Channel Pruning for Accelerating Very Deep Neural Networks", section 3.1, for
    channels; Kwon et al. 2022, "A Fast Post-Training Pruning Framework for Transformers", section 4.3, where one scale
    of each unit is fitted, not its weights.
    """
    left, whole, cut = cast(TextEncoder, left.eval()), cast(TextEncoder, whole.eval()), False
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
        flows = mended_sums(flows, after, before, "attention", cut=cut)
        cut = cut or after.outer.weight.shape != before.outer.weight.shape
        flows = mended_sums(flows, after, before, "neurons", cut=cut)


def mended_sums(flows: list[Flow], after: Layer, before: Layer, part: str, *, cut: bool) -> list[Flow]:
    """The flows behind one half of a layer, whose last dense layer is fitted first if anything has been cut."""
    wanted = [before.summed(part, flow.whole, flow.seen) for flow in flows]
    if cut:
        last, pairs = after.last(part), []
        for flow, goal in zip(flows, wanted, strict=True):
            given = after.before_last(part, flow.left, flow.seen)
            pairs.append((given[flow.inside], (goal - flow.left)[flow.inside]))
        fit_dense(last, torch.cat([one for one, _ in pairs]), torch.cat([other for _, other in pairs]))
    found = []
    for flow, goal in zip(flows, wanted, strict=True):
        now = after.summed(part, flow.left, flow.seen) if cut else goal
        found.append(flow._replace(left=after.behind(part, now), whole=before.behind(part, goal)))
    return found


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
