"""Tries an engine on a small walk, before it's trusted with a machine that it may never have run on."""

from typing import Final

import torch
from torch import Tensor

from seqpipe.kernels._eager import Eager
from seqpipe.kernels._pass import Engine, Layout, Pass
from seqpipe.kernels._recurrence import Recurrence

_LENGTHS: Final = (3, 0, 2)
_BOUNDS: Final = {torch.float32: 1e-3, torch.float64: 1e-9}


def find_fault(engine: Engine, recurrence: Recurrence, width: int, like: Tensor) -> str | None:
    """Walk through and back with an engine and with the eager one; return what's wrong, or None.

    Args:
        engine: The engine.
        recurrence: What to carry out.
        width: The width of each state.
        like: A tensor of the dtype and on the device.
    """
    key = (engine.name, width, like.dtype, like.device)
    if key not in recurrence.made:
        recurrence.made[key] = _try(engine, recurrence, width, like)
    fault: str | None = recurrence.made[key]
    return fault


def _try(engine: Engine, recurrence: Recurrence, width: int, like: Tensor) -> str | None:
    try:
        pairs = zip(*(_results(e, recurrence, width, like) for e in (engine, Eager())), strict=True)
        # torch's maximum is NaN if anything is.
        apart = torch.stack([_apart(a, b) for a, b in pairs if a.numel()]).max().item()
    except Exception as error:  # whatever a compiler or a driver may come up with
        return f"it fails on a small walk: {type(error).__name__}: {error}"
    bound = _BOUNDS.get(like.dtype, 5e-2)
    return None if apart <= bound else f"on a small walk it's off by {apart:.2g}"


def _apart(found: Tensor, wanted: Tensor) -> Tensor:
    return (found - wanted).abs().max() / (1 + wanted.abs().max())


def _results(engine: Engine, recurrence: Recurrence, width: int, like: Tensor) -> list[Tensor]:
    """Return what a walk of made-up numbers gives, the same ones for each engine."""
    sizes, rows = recurrence.sizes, sum(_LENGTHS)

    def made_up(*shape: int) -> Tensor:
        count = torch.Size(shape).numel()
        return torch.arange(count, device=like.device).mul(0.7).sin().view(shape).to(like.dtype)

    walk = Pass(
        recurrence,
        Layout(torch.tensor(_LENGTHS), True),
        made_up(sizes.gates * width),
        made_up(len(sizes.recurrent) * width, width) / width,
        made_up(len(sizes.recurrent) * width),
        made_up(sizes.parameters, width) if sizes.parameters else None,
        made_up(len(_LENGTHS), width),
        made_up(rows, sizes.noises * width).abs() if sizes.noises else None,
        made_up(sizes.states, len(_LENGTHS), width),
        0.5,
    )
    done = engine.forward(walk, made_up(rows, sizes.gates * width))
    assert done.saved is not None
    found = engine.backward(walk, done.saved, made_up(rows, width), made_up(*walk.initial.shape))
    gradients = [found.gates, found.recurrent, found.initial, found.parameters]
    # Copies, as the engine may use the memory of gradients again.
    return [
        each.to(torch.float64, copy=True)
        for each in (done.outputs, done.last, *gradients)
        if each is not None
    ]
