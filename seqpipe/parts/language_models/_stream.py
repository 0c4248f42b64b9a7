"""Texts as one long stream, cut into parallel ones that are read in windows."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seqpipe.parts.language_models._vocabulary import END


class Window(NamedTuple):
    """The next piece of all parallel streams.

    Attributes:
        units: `[B * T]`, int64: what's read, stream by stream.
        targets: `[B * T]`, int64: what comes after each.
        lengths: `[B]`, int64: T for each stream.
    """

    units: Tensor
    targets: Tensor
    lengths: Tensor


class Pieces(NamedTuple):
    """A window cut where a text begins with a fresh state.

    Attributes:
        lengths: `[P]`, int64, on the CPU: how many units each piece has; they lie one behind the other in the window.
        streams: `[P]`, int64: the stream that each piece is of.
        carried: `[P]`, bool: whether it goes on with the stream's state.
    """

    lengths: Tensor
    streams: Tensor
    carried: Tensor

    @property
    def last(self) -> Tensor:
        """The last piece of each stream, `[B]`."""
        return torch.cat(
            [self.streams[1:] != self.streams[:-1], self.carried.new_ones(1)]
        ).nonzero()[:, 0]


def cut(window: Window, share: float) -> Pieces | None:
    """Draw which of the texts that begin in a window do so with a fresh state.

    Args:
        window: The window.
        share: The probability of each.

    Returns:
        The window's pieces; None if it's whole.
    """
    is_fresh = window.units == END
    if share < 1:
        is_fresh &= torch.rand(len(window.units)) < share
    if not is_fresh.any():
        return None
    steps = int(window.lengths[0])
    is_first = torch.arange(len(window.units)) % steps == 0
    starts = (is_fresh | is_first).nonzero()[:, 0]
    ends = torch.cat([starts[1:], torch.tensor([len(window.units)])])
    return Pieces(ends - starts, starts // steps, ~is_fresh[starts])


def join(texts: Iterable[Sequence[int]]) -> Tensor:
    """Join texts to a stream with the end of a text before, between and after them: `[N]`, int64."""
    joined = [END]
    for text in texts:
        joined.extend(text)
        joined.append(END)
    return torch.tensor(joined, dtype=torch.int64)


class Streams:
    """One stream as parallel ones of the same length; fewer units than there are streams are left over at the end.

    Args:
        stream: `[N]`, int64, with N at least 2.
        count: How many there are to be; fewer if there are fewer units.
        steps: The number of units in a window of each; the last one may be shorter.
    """

    def __init__(self, stream: Tensor, *, count: int, steps: int) -> None:
        self._count = min(count, len(stream) - 1)
        self._steps = steps
        length = (len(stream) - 1) // self._count
        self._units = stream[: self._count * length].view(self._count, length)
        self._targets = stream[1 : self._count * length + 1].view(self._count, length)

    def __len__(self) -> int:
        return -(-self._units.shape[1] // self._steps)

    def __iter__(self) -> Iterator[Window]:
        for start in range(0, self._units.shape[1], self._steps):
            units = self._units[:, start : start + self._steps]
            targets = self._targets[:, start : start + self._steps]
            lengths = torch.full((self._count,), units.shape[1], dtype=torch.int64, device="cpu")
            yield Window(units.reshape(-1), targets.reshape(-1), lengths)
