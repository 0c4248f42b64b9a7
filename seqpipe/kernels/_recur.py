"""A recurrence as one operation of autograd."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqpipe.kernels._pass import Engine, Kept, Layout, Pass, final_states, states_before
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
        walk = _walk(plan, weights, initial)
        states = plan.engine.forward(walk, inputs @ weights.input_weight.t()).states
        # A copy, so that nobody holds all states for the sake of one.
        return states[0].clone(), final_states(walk, states)
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
        kept = plan.engine.forward(walk, inputs @ input_weight.t())
        ctx.plan = plan
        ctx.save_for_backward(
            inputs,
            input_weight,
            bias,
            recurrent_weight,
            recurrent_bias,
            parameters,
            initial,
            kept.gates,
            kept.separate,
            kept.states,
        )
        # A copy, so that outputs may be changed in place.
        return kept.states[0].clone(), final_states(walk, kept.states)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outputs: Tensor, final: Tensor) -> tuple[Tensor | None, ...]:
        inputs, *learnt, initial, gates, separate, states = ctx.saved_tensors
        walk = _walk(ctx.plan, Weights(*learnt), initial)
        found = ctx.plan.engine.backward(walk, Kept(gates, separate, states), outputs, final)
        wanted = ctx.needs_input_grad
        return (
            None,
            found.gates @ learnt[0] if wanted[1] else None,
            found.gates.t() @ inputs if wanted[2] else None,
            found.gates.sum(0) if wanted[3] else None,
            found.recurrent.t() @ states_before(walk, states[0]) if wanted[4] else None,
            found.recurrent.sum(0) if wanted[5] else None,
            found.parameters if wanted[6] else None,
            found.initial if wanted[7] else None,
        )


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
