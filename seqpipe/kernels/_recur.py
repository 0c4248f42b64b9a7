"""A recurrence as one operation of autograd."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqpipe.kernels._pass import Engine, Gradients, Layout, Pass, Saved
from seqpipe.kernels._recurrence import Recurrence


class Weights(NamedTuple):
    """The learnt numbers of a gated cell.

    Attributes:
        input_weight: `[gates * width, input_width]`
        bias: `[gates * width]`
        recurrent_weight: `[len(recurrent) * width, width]`
        recurrent_bias: `[len(recurrent) * width]`, or None.
        parameters: `[parameters, width]`, or None.
    """

    input_weight: Tensor
    bias: Tensor
    recurrent_weight: Tensor
    recurrent_bias: Tensor | None
    parameters: Tensor | None


class Plan(NamedTuple):
    """What of a walk isn't a tensor to learn from.

    Attributes:
        engine: What carries it out.
        recurrence: The traced step.
        layout: Where the sequences stand.
        mask: `[B, width]`, multiplies the hidden state that goes into products, or None.
        noises: `[N, noises * width]`, or None.
        clip: The bound of each number of the gradient that goes from a step to the step before, or None.
    """

    engine: Engine
    recurrence: Recurrence
    layout: Layout
    mask: Tensor | None
    noises: Tensor | None
    clip: float | None


def recur(plan: Plan, inputs: Tensor, weights: Weights, initial: Tensor) -> tuple[Tensor, Tensor]:
    """Run a gated cell over sequences.

    Args:
        plan: How.
        inputs: `[N, input_width]`, the sequences one behind the other.
        weights: The cell's.
        initial: `[states, B, width]`

    Returns:
        The first state after each step, `[N, width]`, and all states after each sequence's last step,
        `[states, B, width]`.
    """
    if not torch.is_grad_enabled():
        products = plan.engine.products.times_turned(inputs, weights.input_weight)
        done = plan.engine.forward(_walk(plan, weights, initial), products, save=False)
        return done.outputs, done.last
    results: tuple[Tensor, Tensor] = _Recur.apply(  # type: ignore[no-untyped-call]
        plan,
        inputs,
        weights.input_weight,
        weights.bias,
        weights.recurrent_weight,
        weights.recurrent_bias,
        weights.parameters,
        initial,
    )
    return results


class _Recur(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        plan: Plan,
        inputs: Tensor,
        input_weight: Tensor,
        bias: Tensor,
        recurrent_weight: Tensor,
        recurrent_bias: Tensor | None,
        parameters: Tensor | None,
        initial: Tensor,
    ) -> tuple[Tensor, Tensor]:
        weights = Weights(input_weight, bias, recurrent_weight, recurrent_bias, parameters)
        walk = _walk(plan, weights, initial)
        done = plan.engine.forward(walk, plan.engine.products.times_turned(inputs, input_weight))
        assert done.saved is not None
        ctx.plan = plan
        ctx.save_for_backward(
            inputs,
            input_weight,
            bias,
            recurrent_weight,
            recurrent_bias,
            parameters,
            initial,
            *done.saved,
        )
        return done.outputs, done.last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outputs: Tensor, final: Tensor) -> tuple[Tensor | None, ...]:
        inputs, *learnt, initial, gates, separate, states = ctx.saved_tensors
        engine, walk = ctx.plan.engine, _walk(ctx.plan, Weights(*learnt), initial)
        saved = Saved(gates, separate, states)
        found: Gradients = engine.backward(walk, saved, outputs, final)
        wanted, products = ctx.needs_input_grad, engine.products
        return (
            None,
            products.times(found.gates, learnt[0]) if wanted[1] else None,
            products.sum_of_products(found.gates, inputs) if wanted[2] else None,
            _sum(found.gates, found.input_bias) if wanted[3] else None,
            products.sum_of_products(found.recurrent, _hidden(engine, walk, saved, found))
            if wanted[4]
            else None,
            _sum(found.recurrent, found.bias) if wanted[5] else None,
            found.parameters if wanted[6] else None,
            found.initial if wanted[7] else None,
        )


def _hidden(engine: Engine, walk: Pass, saved: Saved, found: Gradients) -> Tensor:
    return engine.hidden_before(walk, saved) if found.hidden is None else found.hidden


def _sum(rows: Tensor, known: Tensor | None) -> Tensor:
    return rows.sum(0) if known is None else known


def _walk(plan: Plan, weights: Weights, initial: Tensor) -> Pass:
    return Pass(
        plan.recurrence,
        plan.layout,
        weights.bias,
        weights.recurrent_weight,
        weights.recurrent_bias,
        weights.parameters,
        plan.mask,
        plan.noises,
        initial,
        plan.clip,
    )
