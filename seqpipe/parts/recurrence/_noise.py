"""Noise that regularises a recurrent network: dropout of several kinds, and zoneout."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor

#: For one state: which values are kept from the step before, `[N, n]` of 0 and 1; or, at evaluation,
#: how much of each; None where nothing is.
Zoneout: TypeAlias = Tensor | float | None


@dataclass(frozen=True)
class Noise:
    """The noise drawn for one batch, before an engine is chosen.

    Attributes:
        hidden: `[B, width]`, multiplies the hidden state in the products of a gated cell, the same at
            every step (Gal & Ghahramani 2016).
        recurrent: `[rows, width]`, multiplies a gated cell's recurrent weight (Merity et al. 2018).
        zoneout: For each state, what's kept of it (Krueger et al. 2017); empty for nothing.
    """

    hidden: Tensor | None = None
    recurrent: Tensor | None = None
    zoneout: tuple[Zoneout, ...] = ()

    def rows(self, rows: Tensor | slice) -> "Noise":
        """Return the noise of some rows of the batch."""
        return replace(self, zoneout=tuple(_rows(each, rows) for each in self.zoneout))

    def split(self, sizes: list[int]) -> list["Noise"]:
        """Return the noise of consecutive runs of rows."""
        cut = [
            torch.split(each, sizes) if isinstance(each, Tensor) else (each,) * len(sizes)
            for each in self.zoneout
        ]
        return (
            [replace(self, zoneout=each) for each in zip(*cut, strict=True)]
            if cut
            else [self] * len(sizes)
        )


def _rows(zoneout: Zoneout, rows: Tensor | slice) -> Zoneout:
    return zoneout[rows] if isinstance(zoneout, Tensor) else zoneout


NO_NOISE = Noise()


def draw_mask(like: Tensor, rows: int, width: int, share: float) -> Tensor:
    """Draw an inverted-dropout mask, 0 or 1 / (1 - share): `[rows, width]`."""
    return torch.nn.functional.dropout(like.new_ones(rows, width), share)


def draw_zoneout(
    like: Tensor, widths: Sequence[int], shares: Sequence[float], *, training: bool
) -> tuple[Zoneout, ...]:
    """Draw which values each state keeps; at evaluation, return the expected share.

    Args:
        like: A tensor of the batch's dtype and device, with a row for each of its rows.
        widths: The width of each state.
        shares: The share of each that's kept.
        training: Whether to draw.
    """
    if not any(shares):
        return ()
    return tuple(
        _draw(like, width, share, training=training)
        for width, share in zip(widths, shares, strict=True)
    )


def _draw(like: Tensor, width: int, share: float, *, training: bool) -> Zoneout:
    if not share:
        return None
    return (
        (like.new_empty(len(like), width).uniform_() < share).to(like.dtype) if training else share
    )


def keep(zoneout: Zoneout, before: Tensor, after: Tensor) -> Tensor:
    """Apply zoneout to a state after a step."""
    return after if zoneout is None else zoneout * before + (1 - zoneout) * after
