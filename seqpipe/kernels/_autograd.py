"""A recurrence as one operation of autograd."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from seqpipe.kernels._engine import Engine, Gradients, Layout, Pass, Saved
from seqpipe.kernels._transforms import is_batched
from seqpipe.kernels.ir._recurrence import Recurrence


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


#: What `recur` does, in torch's differentiable operations: inputs, weights and initial states to its results.
Loop: TypeAlias = Callable[[Tensor, Weights, Tensor], tuple[Tensor, Tensor]]


class Plan(NamedTuple):
    """What of a walk isn't a tensor to learn from.

    Attributes:
        engine: What carries it out.
        recurrence: The traced step.
        layout: Where the sequences stand.
        mask: `[B, width]`, multiplies the hidden state that goes into products, or None.
        noises: `[N, noises * width]`, or None.
        clip: The bound of each number of the gradient that goes from a step to the step before, or None.
        loop: What derivatives of derivatives are taken of; None where there are to be none.
    """

    engine: Engine
    recurrence: Recurrence
    layout: Layout
    mask: Tensor | None
    noises: Tensor | None
    clip: float | None
    loop: Loop | None = None


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
    def backward(ctx: Any, outputs: Tensor, final: Tensor) -> tuple[Tensor | None, ...]:
        # With `create_graph` the gradients are to have derivatives, which a kernel's haven't. And those of
        # many losses at once (`is_grads_batched`) have no memory that it could read.
        if torch.is_grad_enabled() or is_batched(outputs) or is_batched(final):
            return None, *_pull_through_loop(ctx, outputs, final)
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


def _pull_through_loop(ctx: Any, outputs: Tensor, final: Tensor) -> list[Tensor | None]:
    """Return the gradients of all but the plan, with their graph if there's to be one."""
    if ctx.plan.loop is None:
        raise RuntimeError("a derivative of a derivative needs `Plan.loop`, which is None")
    create_graph, needed = torch.is_grad_enabled(), ctx.needs_input_grad[1:]
    sources = ctx.saved_tensors[: len(needed)]
    with torch.enable_grad(), torch.autocast(outputs.device.type, enabled=False):
        # Under names of their own, as one may have been computed from another.
        given: list[Any] = [None if each is None else each.view_as(each) for each in sources]
        results = ctx.plan.loop(given[0], Weights(*given[1:-1]), given[-1])
        pairs = [p for p in zip(results, (outputs, final), strict=True) if p[0].requires_grad]
        found = torch.autograd.grad(
            [result for result, _ in pairs],
            [each for each, wanted in zip(given, needed, strict=True) if wanted],
            [gradient for _, gradient in pairs],
            create_graph=create_graph,
            materialize_grads=True,
        )
    rest = iter(found)
    return [next(rest) if wanted else None for wanted in needed]


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
