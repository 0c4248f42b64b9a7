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
