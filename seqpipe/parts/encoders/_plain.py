"""The plain loop: what every engine must equal."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from seqpipe.kernels import Packing, pack
from seqpipe.parts.cells import Cell, GatedCell, State
from seqpipe.parts.encoders._check import check_batch
from seqpipe.parts.encoders._noise import NO_NOISE, Noise, keep


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
    """Do what `unroll` does in a loop of calls of the cell: the truth that engines are tested against."""
    check_batch(cell, inputs, lengths)
    first = cell.initial_state(len(lengths), inputs) if state is None else state
    if not len(inputs):
        return inputs.new_zeros(0, cell.width), first
    packing = pack(lengths, reverse=reverse)
    ranked = torch.argsort(lengths, descending=True, stable=True).to(inputs.device)
    walk = _Walk(cell, noise, ranked, clip)
    outputs, last = walk.run(packing, inputs, tuple(s.to(inputs.device)[ranked] for s in first))
    return outputs, tuple(torch.empty_like(s).index_copy(0, ranked, s) for s in last)


class _Walk:
    """Walks through the steps of all sequences at once, the longest first."""

    def __init__(self, cell: Cell, noise: Noise, ranked: Tensor, clip: float | None) -> None:
        self.noise = noise
        self.clip = clip
        self.mask = None if noise.hidden is None else noise.hidden[ranked]
        self.take_step = _stepper(cell, noise)

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


def _stepper(
    cell: Cell, noise: Noise
) -> Callable[[Tensor, State, Tensor | None], tuple[Tensor, State]]:
    """Return what takes one step: the cell itself, or a gated one's maths between products with noise."""
    if noise.hidden is None and noise.recurrent is None:
        return lambda input, state, mask: cell(input, state)
    assert isinstance(cell, GatedCell)
    gated = cell
    weight: Tensor = gated.recurrent_weight
    weight = weight if noise.recurrent is None else weight * noise.recurrent

    def take_step(input: Tensor, state: State, mask: Tensor | None) -> tuple[Tensor, State]:
        hidden = state[0] if mask is None else state[0] * mask
        x = nn.functional.linear(input, gated.input_weight, gated.bias)
        h = nn.functional.linear(hidden, weight, gated.recurrent_bias)
        after = gated.advance(x, h, state)
        return after[0], after

    return take_step


class _ClipGradient(torch.autograd.Function):
    """Lets a state through, and bounds each number of its gradient."""

    @staticmethod
    def forward(ctx: Any, state: Tensor, bound: float) -> Tensor:
        ctx.bound = bound
        return state.view_as(state)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.clamp(-ctx.bound, ctx.bound), None
