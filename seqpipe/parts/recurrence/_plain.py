"""The plain loop, the reference that every engine must equal."""

import functools
import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import parametrize

from seqpipe.errors import ConfigError
from seqpipe.kernels import Packing, is_recorded, pack, rank
from seqpipe.parts.cells import Cell, GatedCell, Masks, State
from seqpipe.parts.recurrence._check import check_batch
from seqpipe.parts.recurrence._noise import NO_NOISE, Noise, keep

#: Takes one time step: input, state, and the mask of the hidden state, to output and state.
TakeStep: TypeAlias = Callable[[Tensor, State, Tensor | None], tuple[Tensor, State]]

_LOG: Final = logging.getLogger("seqpipe")


def unroll_plain(
    cell: Cell,
    inputs: Tensor,
    lengths: Tensor,
    *,
    reverse: bool = False,
    state: State | None = None,
    noise: Noise = NO_NOISE,
    clip: float | None = None,
) -> tuple[Tensor, State]:
    """Do what `unroll` does in a loop of calls of the cell: the reference that engines are tested against."""
    check_batch(cell, inputs, lengths)
    first = cell.initial_state(len(lengths), inputs) if state is None else state
    if not len(inputs):
        return inputs.new_zeros(0, cell.width), first
    if is_recorded():
        inputs = _of_these_lengths(inputs, lengths)
    # A weight that's computed from others (`torch.nn.utils.parametrize`) is computed once, not at each step.
    with parametrize.cached() if _has_computed_weights(cell) else nullcontext():
        return take_steps(
            _stepper(cell, noise),
            inputs,
            lengths,
            reverse=reverse,
            state=first,
            noise=noise,
            clip=clip,
        )


def _of_these_lengths(inputs: Tensor, lengths: Tensor) -> Tensor:
    """Return the inputs, through operations that fail where a traced call is passed other lengths.

    The trace has a fixed number of time steps, and would ignore what's beyond them.
    """
    count, width = map(int, inputs.shape)
    wrong = (lengths != torch.from_numpy(np.array(lengths.tolist()))).any()
    rows = torch.from_numpy(np.arange(count)) + wrong * count
    return inputs.reshape(count, width)[rows.to(inputs.device)]


def _has_computed_weights(cell: Cell) -> bool:
    return any(map(parametrize.is_parametrized, cell.modules()))


def take_steps(
    take_step: TakeStep,
    inputs: Tensor,
    lengths: Tensor,
    *,
    reverse: bool,
    state: State,
    noise: Noise,
    clip: float | None,
) -> tuple[Tensor, State]:
    """Unroll a step over sequences.

    Args:
        take_step: Takes one time step; is passed the mask of the hidden state too, if there is one.
        inputs: As for `unroll`; at least one row.
        lengths: As for `unroll`.
        reverse: As for `unroll`.
        state: The state before each sequence.
        noise: Its `recurrent` is left to `take_step`.
        clip: As for `unroll`.

    Returns:
        What `unroll` returns.
    """
    packing = pack(lengths, reverse=reverse)
    ranked = rank(lengths).to(inputs.device)
    loop = _Loop(take_step, noise, ranked, clip)
    outputs, last = loop.run(packing, inputs, tuple(s.to(inputs.device)[ranked] for s in state))
    places = torch.argsort(ranked)
    return outputs, tuple(s[places] for s in last)


class _Loop:
    """Runs each time step for all sequences at once, the longest first."""

    def __init__(
        self, take_step: TakeStep, noise: Noise, ranked: Tensor, clip: float | None
    ) -> None:
        self.noise = noise
        self.clip = clip
        self.mask = None if noise.hidden is None else noise.hidden[ranked]
        self.take_step = take_step

    def run(self, packing: Packing, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Return outputs in the order of the input, and each sequence's last state, the longest first."""
        order = packing.order.to(inputs.device)
        outputs, ended = [], []
        rest = self.noise.rows(order)
        start = 0
        for size in packing.sizes:
            ended.append(tuple(s[size:] for s in state))
            before = tuple(self._clip(s[:size], start) for s in state)
            rows = slice(start, start + size)
            output, after = self.take_step(inputs[order[rows]], before, self._mask(size))
            state = tuple(
                keep(zoneout, old, new)
                for zoneout, old, new in zip(
                    rest.rows(rows).zoneout or (None,) * len(after), before, after, strict=True
                )
            )
            outputs.append(state[0] if rest.zoneout and output is after[0] else output)
            start += size
        last = [state, *reversed(ended)]
        states = tuple(torch.cat(parts) for parts in zip(*last, strict=True))
        return torch.cat(outputs)[packing.inverse.to(inputs.device)], states

    def _mask(self, size: int) -> Tensor | None:
        return None if self.mask is None else self.mask[:size]

    def _clip(self, state: Tensor, start: int) -> Tensor:
        if self.clip is None or not start:
            return state
        clipped: Tensor = _ClipGradient.apply(state, self.clip)  # type: ignore[no-untyped-call]
        return clipped


def _stepper(cell: Cell, noise: Noise) -> TakeStep:
    """Return a function that takes one step: a call of the cell, so that its hooks and overrides run."""
    if noise.hidden is None and noise.recurrent is None:
        return lambda input, state, mask: cell(input, state)
    if not isinstance(cell, GatedCell):
        raise ConfigError(
            "`state_dropout` and `weight_dropout` are for a GatedCell, whose products are known; "
            f"{type(cell).__name__} is none"
        )
    masks = Masks(cell, noise.recurrent)

    def take_step(input: Tensor, state: State, mask: Tensor | None) -> tuple[Tensor, State]:
        output, after = masks.call(input, state, mask)
        if not masks.were_applied:
            _warn_that_masks_are_ignored(type(cell).__name__)
        return output, after

    return take_step


@functools.cache
def _warn_that_masks_are_ignored(name: str) -> None:
    _LOG.warning(
        "`state_dropout` and `weight_dropout` do nothing for %s: its `forward` doesn't call GatedCell's, "
        "which applies them",
        name,
    )


class _ClipGradient(torch.autograd.Function):
    """The identity, which clips each element of the gradient."""

    # Required by torch.func.
    generate_vmap_rule = True

    @staticmethod
    def forward(state: Tensor, bound: float) -> Tensor:
        return state.view_as(state)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        _, ctx.bound = inputs

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.clamp(-ctx.bound, ctx.bound), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, bound: None) -> Tensor:
        return tangent.view_as(tangent)
