"""Measures one pipeline, or two in turn."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from seqpipe import storage
from seqpipe.benchmarking._process import Process
from seqpipe.benchmarking._statistics import Interval, mean_of, percentile, ratio_of
from seqpipe.devices import check_names
from seqpipe.errors import ConfigError, DataError
from seqpipe.messages import plural, show
from seqpipe.reporting import escaped

#: The numbers of texts in the batches whose latency is measured, if there are as many.
_LATENCY_BATCHES: Final = (1, 32)
PERCENTILES: Final = (50, 90, 99)
#: So many batches of a size are measured in each repeat.
_MOST_BATCHES: Final = 50

#: Called with what's being done, and the part of all that's done.
OnProgress = Callable[[str, float], None]


@dataclass
class Measured:
    """What was measured of a pipeline.

    Attributes:
        model: Its folder or name.
        load_seconds: How long loading took, once, in a fresh process that had imported the libraries.
        size: How many bytes its files have; None if it has no folder.
        speeds: Words per second in each repeat.
        latencies: Seconds that batches took, by the number of their texts.
        peak_memory: The most memory that its process had, in bytes; None where the system doesn't say.
        memory_before: The same before it was loaded: Python and the libraries.
    """

    model: str
    load_seconds: float
    size: int | None
    speeds: list[float] = field(default_factory=list)
    latencies: dict[int, list[float]] = field(default_factory=dict)
    peak_memory: int | None = None
    memory_before: int | None = None

    @property
    def words_per_second(self) -> Interval:
        """The mean over the repeats."""
        return mean_of(self.speeds)

    def percentiles(self, batch: int) -> dict[int, float]:
        """Return the 50th, 90th and 99th percentile of the latency of batches with so many texts, in seconds."""
        return {percent: percentile(self.latencies[batch], percent) for percent in PERCENTILES}

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON has them."""
        return {
            "model": self.model,
            "words_per_second": self.words_per_second._asdict(),
            "speeds": self.speeds,
            "latency_seconds": {
                str(batch): {f"p{p}": value for p, value in self.percentiles(batch).items()}
                for batch in self.latencies
            },
            "load_seconds": self.load_seconds,
            "bytes": self.size,
            "peak_memory": self.peak_memory,
            "memory_before_loading": self.memory_before,
        }


@dataclass(frozen=True)
class Benchmark:
    """What was measured of a pipeline, and of another one beside it.

    Attributes:
        measured: The pipeline, and the other one, if there is one.
        texts: How many texts were measured with.
        words: How many tokens they have for the pipeline.
        is_drawn: Whether the texts are of words drawn from those that the pipeline knows.
        unusable: What's wrong with texts that were left out.
    """

    measured: Sequence[Measured]
    texts: int
    words: int
    is_drawn: bool
    unusable: Sequence[str]

    @property
    def ratio(self) -> Interval | None:
        """By what factor the pipeline is faster than the other one, in words per second."""
        if len(self.measured) == 1:
            return None
        one, other = self.measured
        return ratio_of(one.speeds, other.speeds)

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON has them."""
        return {
            "texts": self.texts,
            "words": self.words,
            "drawn": self.is_drawn,
            "unusable": list(self.unusable),
            "models": [each.to_json() for each in self.measured],
            "ratio": None if self.ratio is None else self.ratio._asdict(),
        }


def benchmark(
    model: str,
    records: Sequence[Any] | None = None,
    *,
    against: str | None = None,
    text: Sequence[str] = (),
    pair: str | None = None,
    repeats: int = 10,
    threads: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    on_progress: OnProgress | None = None,
) -> Benchmark:
    """Measure how fast a pipeline predicts, in a process of its own, whose warm-up isn't counted.

    Args:
        model: The folder of a saved pipeline, or the name of an installed one; any of spaCy's.
        records: Records as a `Predictor` takes them; None for texts of 100 words, drawn from those that the pipeline knows.
        against: Another pipeline, which is measured on the same texts: both in turn, in each repeat.
        text: Where records have their text; see `Predictor`.
        pair: Where they have the second one.
        repeats: How often everything is measured, at least twice.
        threads: In how many threads they compute; None for one on each core.
        device: Where torch computes; see `Predictor`. A pipeline of spaCy's that isn't made of our parts stays on the CPU.
        precision: In which precision, likewise.
        on_progress: Called from time to time.

    Raises:
        ConfigError: There are too few repeats.
        DataError: No record can be used, or those that can have no words.
        SavedModelError: A pipeline can't be loaded or used.
    """
    if repeats < 2:
        raise ConfigError(f"`repeats` is {repeats}; it must be at least 2", setting="repeats")
    if records is not None and not records:
        raise DataError("there are no texts to measure with")
    report = on_progress or _ignore
    names = [model] if against is None else [model, against]
    check_names(device, precision)
    computing = {"threads": threads, "device": device, "precision": precision}
    settings: dict[str, Any] = {"text": tuple(text), "pair": pair, **computing}
    with contextlib.ExitStack() as stack:
        processes, measured = [], []
        for name in names:
            report(f"loading {name}", 0.0)
            process = stack.enter_context(Process({"model": name, **settings}))
            measured.append(Measured(name, process.ask("load"), _size(process.ask("path"))))
            processes.append(process)
        report("warming up", 0.0)
        given = processes[0].ask("draw") if records is None else list(records)
        usable, unusable = _usable(processes, given)
        words = 0
        for repeat in range(repeats):
            report("measuring", repeat / repeats)
            turns = list(zip(processes, measured, strict=True))
            # Neither is always the first.
            for process, each in turns if repeat % 2 == 0 else turns[::-1]:
                found = _measure(process, each, repeat, len(usable))
                words = found if each is measured[0] else words
        for process, each in zip(processes, measured, strict=True):
            each.peak_memory, each.memory_before = process.ask("memory")
    return Benchmark(measured, len(usable), words, records is None, unusable)


def _measure(process: Process, measured: Measured, repeat: int, texts: int) -> int:
    """Measure everything once, and return the number of words."""
    seconds, words = process.ask("throughput")
    measured.speeds.append(words / seconds)
    for batch in _batches(texts):
        latencies = process.ask("latencies", batch, repeat * _MOST_BATCHES, _MOST_BATCHES)
        measured.latencies.setdefault(batch, []).extend(latencies)
    found: int = words
    return found


def _usable(processes: Sequence[Process], records: list[Any]) -> tuple[list[Any], list[str]]:
    """Give processes the records that all of them can use; return these, and what's wrong with the others."""
    problems: dict[int, str] = {}
    for process in processes:
        problems = {**process.ask("check", records), **problems}
    usable = [record for place, record in enumerate(records) if place not in problems]
    if not usable:
        first = escaped(next(iter(problems.values())))
        raise DataError(f"none of {plural(len(records), 'text')} can be measured with: {first}")
    for process in processes:
        process.ask("take", usable)
        # Once more, by what's measured.
        _, words = process.ask("throughput")
        if not words:
            raise DataError(
                f"{show(process.model)} finds no words in {plural(len(usable), 'text')}: measure with others"
            )
        for batch in _batches(len(usable)):
            process.ask("latencies", batch, 0, 2)
    return usable, list(problems.values())


def _batches(texts: int) -> list[int]:
    return [batch for batch in _LATENCY_BATCHES if batch <= texts]


def _size(path: str | None) -> int | None:
    return None if path is None else sum(storage.sizes_of(Path(path)).values())


def _ignore(what: str, fraction: float) -> None:
    pass
