"""What is promised of seqpipe's speed, and whether the rows keep it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from recurrent_cases import Case
from recurrent_peers import PACKED, PADDED, PLAIN, SEQPIPE
from recurrent_timing import Row

#: What seqpipe is compared with: the time of it, given a row and all rows of the run.
Peer: TypeAlias = Callable[[Row, Sequence[Row]], float | None]

_LSTMS: Final = ("lstm", "peephole", "coupled")


@dataclass(frozen=True)
class Target:
    """A promise.

    Attributes:
        name: What it says.
        limit: The greatest time allowed, relative to the peer's, in a case.
        covers: Whether it's about a case.
        peer: The time of the peer.
    """

    name: str
    limit: Callable[[Case], float]
    covers: Callable[[Case], bool]
    peer: Peer


@dataclass(frozen=True)
class Verdict:
    """Whether a row keeps a promise; the figure is seqpipe's time relative to the peer's."""

    target: str
    case: Case
    limit: float
    figure: float | None

    @property
    def word(self) -> str:
        """Return "met", "missed", or "not measured" if one of the two wasn't."""
        if self.figure is None:
            return "not measured"
        return "met" if self.figure <= self.limit else "missed"

    def as_dict(self) -> dict[str, Any]:
        """Return what goes into a file."""
        return {
            "target": self.target,
            "row": str(self.case),
            "limit": self.limit,
            "figure": self.figure,
            "verdict": self.word,
        }


def _fastest_nn(row: Row, rows: Sequence[Row]) -> float | None:
    return row.median(PADDED, PACKED)


def _packed(row: Row, rows: Sequence[Row]) -> float | None:
    return row.median(PACKED)


def _plain(row: Row, rows: Sequence[Row]) -> float | None:
    return row.median(PLAIN)


def _fastest_dtype(row: Row, rows: Sequence[Row]) -> float | None:
    """The fastest of torch's on the same sizes, in any dtype."""
    times = [_fastest_nn(r, rows) for r in rows if _sizes(r.case) == _sizes(row.case)]
    return min((time for time in times if time is not None), default=None)


def _sizes(case: Case) -> tuple[object, ...]:
    return case.cell, case.shape, case.mode, case.ragged, case.device


def _training(device: str, *cells: str, **fields: object) -> Callable[[Case], bool]:
    """Cover training on a device with these cells, all if none is named, and these fields."""

    def covers(case: Case) -> bool:
        fitting = all(getattr(case, name) == value for name, value in fields.items())
        one_of = not cells or case.cell in cells
        return (case.device, case.mode) == (device, "train") and one_of and fitting

    return covers


def _single(case: Case) -> bool:
    return (case.device, case.mode) == ("cpu", "infer") and case.cell in _LSTMS


def _always(limit: float) -> Callable[[Case], float]:
    return lambda case: limit


TARGETS: Final = (
    Target("LSTMs, beside nn.LSTM", _always(1.1), _training("cpu", *_LSTMS), _fastest_nn),
    Target("GRU, beside nn.GRU", _always(0.6), _training("cpu", "gru"), _fastest_nn),
    Target("all cells, beside the plain loop", _always(0.45), _training("cpu"), _plain),
    Target("LSTMs, inference at batch 1, beside nn.LSTM", _always(1.0), _single, _fastest_nn),
    Target(
        "LSTMs in bfloat16, beside cuDNN's LSTM in bfloat16",
        _always(0.3),
        _training("cuda", *_LSTMS, dtype="bfloat16", ragged=False),
        _fastest_nn,
    ),
    Target(
        "LSTMs in bfloat16, beside cuDNN's LSTM in its fastest number format",
        lambda case: 0.5 if case.shape.width >= 256 else 1.0,
        _training("cuda", *_LSTMS, dtype="bfloat16", ragged=False),
        _fastest_dtype,
    ),
    Target("all cells, beside the plain loop", _always(0.05), _training("cuda"), _plain),
    Target(
        "ragged, beside torch.nn on a PackedSequence",
        _always(0.2),
        _training("cuda", "rnn", *_LSTMS, "gru", ragged=True),
        _packed,
    ),
)


def check_targets(rows: Sequence[Row]) -> Iterator[Verdict]:
    """Hold all rows to all targets that are about them."""
    for target in TARGETS:
        for row in rows:
            if target.covers(row.case):
                ours, peer = row.median(SEQPIPE), target.peer(row, rows)
                figure = None if ours is None or peer is None else ours / peer
                yield Verdict(target.name, row.case, target.limit(row.case), figure)
