"""Checks that peers compute the same, and times them in turns."""

import gc
import math
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from types import FrameType
from typing import Any, Final

import torch
from recurrent_cases import Case, Task, prepare
from recurrent_floor import Floor, Peaks, Work, floor, synchronise, work_of
from recurrent_peers import Job, Unavailable, double_reference

#: How far results may be from those in 64 bits: the norm of the difference by the norm.
TOLERANCES: Final = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}
TOLERANCE_TF32: Final = 1e-2
#: A peer is called as often in a row as takes this time, so that the clock's grain doesn't show.
_SECONDS_PER_TURN: Final = 0.005


class GaveUp(BaseException):
    """A call took too long. It's no `Exception`, as torch.compile wraps those in its own."""


Peers = Mapping[str, Callable[[Task], Job]]


@dataclass(frozen=True)
class Timing:
    """How long a peer took; all times in seconds.

    Attributes:
        seconds: Of one call, in each repeat.
        first: Of the first call, with all compiling and warming up.
        error: The largest difference from the results in 64 bits, relative; None of yardsticks.
    """

    seconds: list[float]
    first: float
    error: float | None

    @property
    def median(self) -> float:
        """The median over the repeats."""
        return statistics.median(self.seconds)

    def as_dict(self) -> dict[str, Any]:
        """Return what goes into a file."""
        figures = {"median": self.median, "min": min(self.seconds), "repeats": len(self.seconds)}
        return {**figures, **asdict(self)}


@dataclass(frozen=True)
class Row:
    """What was measured of a case; the peers that didn't run say why."""

    case: Case
    work: Work
    floor: Floor
    timings: dict[str, Timing]
    skipped: dict[str, str]

    def beside(self, peaks: Peaks) -> "Row":
        """Return the same with the floor of a machine that can do this."""
        return replace(self, floor=floor(self.work, peaks, self.case.dtype))

    def median(self, *peers: str) -> float | None:
        """Return the time of the fastest of these peers, or None if none ran."""
        return min((self.timings[p].median for p in peers if p in self.timings), default=None)


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes:
        repeats: How often each peer takes its turn.
        seconds: After which a row has no more repeats, once it has had three.
        compile_seconds: After which a first call is given up, which is when peers compile.
    """

    repeats: int = 20
    seconds: float = 6.0
    compile_seconds: float = 120.0


@dataclass
class _Ready:
    jobs: dict[str, Job] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float | None] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def measure(case: Case, peers: Peers, peaks: Peaks, effort: Effort, *, tf32: bool = False) -> Row:
    """Measure a case: check all peers against the plain loop in 64 bits, then time them in turns."""
    # What torch.compile has made for other rows counts against its limit of recompilations.
    torch.compiler.reset()
    gc.collect()
    task = prepare(case)
    ready = _make_ready(task, peers, effort, tf32=tf32)
    calls = {
        name: _repeated(job.run, _calls_per_turn(job.run, case.device), case.device)
        for name, job in ready.jobs.items()
    }
    seconds = interleave(calls, effort.repeats, effort.seconds)
    timings = {
        name: Timing(seconds[name], ready.first[name], ready.errors[name]) for name in ready.jobs
    }
    work = work_of(task)
    return Row(case, work, floor(work, peaks, case.dtype), timings, ready.skipped)


def _make_ready(task: Task, peers: Peers, effort: Effort, *, tf32: bool) -> _Ready:
    ready, reference = _Ready(), double_reference(task)
    dtype = task.case.dtype
    tolerance = TOLERANCE_TF32 if tf32 and dtype == "float32" else TOLERANCES[dtype]
    for name, make in peers.items():
        try:
            job, first, error = _try_out(make, task, reference, effort.compile_seconds)
        # Whatever stops a peer is reported in the table, and the others are still measured.
        except (Exception, GaveUp) as exception:
            ready.skipped[name] = _reason(exception)
            continue
        if error is not None and not error <= tolerance:
            ready.skipped[name] = f"wrong results: off by {error:.1e}, {tolerance:.0e} is allowed"
            continue
        ready.jobs[name], ready.first[name], ready.errors[name] = job, first, error
    return ready


def _try_out(
    make: Callable[[Task], Job], task: Task, reference: Mapping[str, torch.Tensor], limit: float
) -> tuple[Job, float, float | None]:
    with give_up_after(limit):
        start = time.perf_counter()
        job = make(task)
        results = job.results()
        synchronise(task.case.device)
        first = time.perf_counter() - start
    return job, first, difference(results, reference) if job.equal else None


def _reason(exception: BaseException) -> str:
    text = " ".join(str(exception).split())
    if isinstance(exception, Unavailable | GaveUp):
        return text
    return f"{type(exception).__name__}: {text}"[:200]


def difference(results: Mapping[str, torch.Tensor], reference: Mapping[str, torch.Tensor]) -> float:
    """Return the largest relative difference between results of the same name, by their norms.

    Raises:
        ValueError: The results lack one.
    """
    missing = [name for name in reference if name not in results]
    if missing:
        raise ValueError(f"no results for {', '.join(missing)}")
    return max(
        float((results[name].double() - exact).norm() / exact.norm().clamp_min(1e-30))
        for name, exact in reference.items()
    )


def _calls_per_turn(run: Callable[[], object], device: str) -> int:
    seconds = _repeated(run, 1, device)()
    return min(max(1, math.ceil(_SECONDS_PER_TURN / seconds)), 1000)


def _repeated(run: Callable[[], object], calls: int, device: str) -> Callable[[], float]:
    """Return a function that calls another so many times and returns the time of one call."""

    def timed() -> float:
        synchronise(device)
        start = time.perf_counter()
        for _ in range(calls):
            run()
        synchronise(device)
        return (time.perf_counter() - start) / calls

    return timed


def turns(names: Sequence[str], repeats: int) -> Iterator[list[str]]:
    """List the order of each repeat: all take one turn, and each time another one begins."""
    for repeat in range(repeats):
        first = repeat % len(names) if names else 0
        yield [*names[first:], *names[:first]]


def interleave(
    calls: Mapping[str, Callable[[], float]],
    repeats: int,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Let all take turns, so that a slow spell of the machine hits everyone.

    Args:
        calls: Each returns the time that it took.
        repeats: How many turns each has.
        seconds: After which no repeat begins, but for the first three.
        clock: Returns the time.
    """
    measured: dict[str, list[float]] = {name: [] for name in calls}
    end = clock() + seconds
    for repeat, names in enumerate(turns(list(calls), repeats)):
        if repeat >= 3 and clock() >= end:
            break
        for name in names:
            measured[name].append(calls[name]())
    return measured


@contextmanager
def give_up_after(seconds: float) -> Iterator[None]:
    """Raise `GaveUp` in what takes longer, where the system has signals for that."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise GaveUp(f"gave up after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
