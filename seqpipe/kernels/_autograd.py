"""A recurrence as a single autograd function."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from seqpipe.kernels._engine import Engine, Gradients, Job, Layout, Saved
from seqpipe.kernels._transforms import is_batched
from seqpipe.kernels.ir._recurrence import Recurrence


class Weights(NamedTuple):
    """The weights of a gated cell.

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


#: What `recur` computes, in torch's differentiable operations: from inputs, weights and initial states to its results.
Loop: TypeAlias = Callable[[Tensor, Weights, Tensor], tuple[Tensor, Tensor]]


class Plan(NamedTuple):
    """Everything about a recurrence that has no gradient.

    Attributes:
        engine: What runs it.
        recurrence: The traced step.
        layout: Where each sequence begins and ends.
        mask: `[B, width]`, multiplies the hidden state that goes into products, or None.
        noises: `[N, noises * width]`, or None.
        clip: The bound of each element of the gradient that's passed from a step to the step before, or None.
        loop: The same computation for second derivatives; None if there are to be none.
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
        plan: The engine and its settings.
        inputs: `[N, input_width]`, the sequences concatenated.
        weights: The cell's.
        initial: `[states, B, width]`

    Returns:
        The first state after each step, `[N, width]`, and all states after each sequence's last step,
        `[states, B, width]`.
    """
    if not torch.is_grad_enabled():
        products = plan.engine.products.matmul_transposed(inputs, weights.input_weight)
        return recur_multiplied(plan, products, None, weights, initial)
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


def recur_multiplied(
    plan: Plan, products: Tensor, places: Tensor | None, weights: Weights, initial: Tensor
) -> tuple[Tensor, Tensor]:
    """Do what `recur` does, without gradients, from the products of the inputs.

    Args:
        plan: The engine and its settings.
        products: `[rows, gates * width]`, of the inputs and the input weight; may be overwritten if there are no places.
        places: `[N]`: the row at each step, where steps share rows. None where each has its own.
        weights: The cell's.
        initial: `[states, B, width]`
    """
    job = _job(plan, weights, initial)
    if places is not None and plan.engine.shares_rows:
        job = job._replace(gate_rows=places)
    elif places is not None:
        products = products[places]
    result = plan.engine.forward(job, products, save=False)
    return result.outputs, result.last


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
        job = _job(plan, weights, initial)
        result = plan.engine.forward(
            job, plan.engine.products.matmul_transposed(inputs, input_weight)
        )
        assert result.saved is not None
        ctx.plan = plan
        ctx.save_for_backward(
            inputs,
            input_weight,
            bias,
            recurrent_weight,
            recurrent_bias,
            parameters,
            initial,
            *result.saved,
        )
        return result.outputs, result.last

    @staticmethod
    def backward(ctx: Any, outputs: Tensor, final: Tensor) -> tuple[Tensor | None, ...]:
        # With `create_graph` the gradients must be differentiable, which a kernel's aren't. And those of
        # many losses at once (`is_grads_batched`) have no memory that a kernel could read.
        if torch.is_grad_enabled() or is_batched(outputs) or is_batched(final):
            return None, *_differentiate_loop(ctx, outputs, final)
        inputs, *learnt, initial, gates, separate, states = ctx.saved_tensors
        engine, job = ctx.plan.engine, _job(ctx.plan, Weights(*learnt), initial)
        saved = Saved(gates, separate, states)
        found: Gradients = engine.backward(job, saved, outputs, final)
        wanted, products = ctx.needs_input_grad, engine.products
        return (
            None,
            products.matmul(found.gates, learnt[0]) if wanted[1] else None,
            products.sum_of_outer_products(found.gates, inputs) if wanted[2] else None,
            _sum(found.gates, found.input_bias) if wanted[3] else None,
            products.sum_of_outer_products(found.recurrent, _hidden(engine, job, saved, found))
            if wanted[4]
            else None,
            _sum(found.recurrent, found.bias) if wanted[5] else None,
            found.parameters if wanted[6] else None,
            found.initial if wanted[7] else None,
        )


def _differentiate_loop(ctx: Any, outputs: Tensor, final: Tensor) -> list[Tensor | None]:
    """Return the gradients of all inputs but the plan, by differentiating the loop; with a graph if one is asked for."""
    if ctx.plan.loop is None:
        raise RuntimeError("a second derivative needs `Plan.loop`, which is None")
    create_graph, needed = torch.is_grad_enabled(), ctx.needs_input_grad[1:]
    sources = ctx.saved_tensors[: len(needed)]
    with torch.enable_grad(), torch.autocast(outputs.device.type, enabled=False):
        # New nodes of the graph, as one source may have been computed from another.
        leaves: list[Any] = [None if each is None else each.view_as(each) for each in sources]
        results = ctx.plan.loop(leaves[0], Weights(*leaves[1:-1]), leaves[-1])
        pairs = [p for p in zip(results, (outputs, final), strict=True) if p[0].requires_grad]
        found = torch.autograd.grad(
            [result for result, _ in pairs],
            [each for each, wanted in zip(leaves, needed, strict=True) if wanted],
            [gradient for _, gradient in pairs],
            create_graph=create_graph,
            materialize_grads=True,
        )
    rest = iter(found)
    return [next(rest) if wanted else None for wanted in needed]


def _hidden(engine: Engine, job: Job, saved: Saved, found: Gradients) -> Tensor:
    return engine.hidden_before(job, saved) if found.hidden is None else found.hidden


def _sum(rows: Tensor, known: Tensor | None) -> Tensor:
    return rows.sum(0) if known is None else known


def _job(plan: Plan, weights: Weights, initial: Tensor) -> Job:
    return Job(
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
