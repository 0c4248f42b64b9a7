"""Measure language models beside a loop written by hand with `nn.LSTM`: ``python benchmarks/language_models.py``.

Both have the same units, width, optimizer, learning rates and time, and are trained in turns, on the same number of threads.
A test text is read as one stream, with the state carried on, by the same code for both.
"""

import argparse
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from statistics import mean
from typing import Any, Final, cast

import torch
from embeddings_corpus import read_texts
from machine import describe_machine
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from seqpipe import __version__
from seqpipe.native import usable_threads
from seqpipe.parts.language_models import (
    Fitting,
    LanguageModel,
    Streams,
    TrainedModel,
    Units,
    Vocabulary,
    choose_cutoffs,
    join,
)
from seqpipe.training import computing

_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
#: Of so many texts, one is for the test.
_ONE_IN: Final = 20
#: How many units of the test are read at once.
_CHUNK: Final = 1_000
#: How many characters and words are read, by the unit.
_AMOUNTS: Final = {"character": 1_000_000, "word": 2_000_000}
_MIN_COUNT: Final = {"character": 2, "word": 3}

#: Reads units `[T]` on from a state; returns what they cost when they're to be `[T]` others, and the state after.
Read = Callable[[Tensor, Tensor, Any], tuple[Tensor, Any]]


@dataclass(frozen=True)
class Task:
    """What is learned.

    Attributes:
        unit: "character" or "word".
        vocabulary: The units.
        train: The texts to learn from.
        test: The texts that are measured.
    """

    unit: str
    vocabulary: Vocabulary
    train: Sequence[Units]
    test: Sequence[Units]

    def stream(self, texts: Sequence[Units]) -> Tensor:
        """Return the numbers of all units of texts, `[N]`."""
        return join(self.vocabulary.encode(text.units) for text in texts)


@dataclass(frozen=True)
class Result:
    """How good a model was after its time.

    Attributes:
        system: Whose it is.
        seed: What it was initialised with.
        units_per_second: How fast it was trained.
        perplexity: Of a unit of the test.
        bits_per_character: Of the test.
    """

    system: str
    seed: int
    units_per_second: float
    perplexity: float
    bits_per_character: float


def make_task(unit: str, amount: int) -> Task:
    """Read so many characters or words, and divide them."""
    texts: list[Units] = []
    count = 0
    for text in read_texts():
        units = text if unit == "character" else _TOKEN.findall(text)
        texts.append(Units(units, len(text) + 1))
        count += len(units) + 1
        if count >= amount:
            break
    train = [text for i, text in enumerate(texts) if i % _ONE_IN]
    vocabulary = Vocabulary.of(
        (text.units for text in train), min_count=_MIN_COUNT[unit], most=None
    )
    return Task(unit, vocabulary, train, texts[::_ONE_IN])


def train_ours(
    task: Task, seed: int, width: int, fitting: Fitting, threads: int
) -> tuple[float, Read]:
    """Train our model; return its units per second, and the model."""
    torch.manual_seed(seed)
    network = LanguageModel(len(task.vocabulary), width=width)
    trained = TrainedModel(task.vocabulary, network, direction="forward")
    start, units = time.monotonic(), 0
    with computing(threads):
        for step in trained.fit(task.train, [], fitting):
            units += step.units
    speed = units / (time.monotonic() - start)
    network.eval()

    def read(units: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        hidden, state = network(units, torch.tensor([len(units)]), state)
        return network.output.losses(hidden, targets), state

    return speed, read


class Plain(nn.Module):
    """Torch's own modules: an embedding, `nn.LSTM`, and a softmax with the embedding's weights, or an adaptive one."""

    def __init__(self, size: int, width: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, width)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        cutoffs = choose_cutoffs("auto", size)
        self.output = nn.Linear(width, size)
        self.adaptive = (
            nn.AdaptiveLogSoftmaxWithLoss(width, size, list(cutoffs), head_bias=True)
            if cutoffs
            else None
        )
        if cutoffs:
            del self.output
        else:
            self.output.weight = self.embedding.weight

    def forward(self, units: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Return what the targets cost, `[B * T]`, and the state after the units, `[B, T]`."""
        outputs, state = self.lstm(self.dropout(self.embedding(units)), state)
        rows = self.dropout(outputs).flatten(0, 1)
        if self.adaptive is not None:
            return -cast(Tensor, self.adaptive(rows, targets).output), state
        return nn.functional.cross_entropy(self.output(rows), targets, reduction="none"), state


def train_plain(
    task: Task, seed: int, width: int, fitting: Fitting, threads: int
) -> tuple[float, Read]:
    """Train torch's modules by a plain loop; return its units per second, and the model."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    model = Plain(len(task.vocabulary), width)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.99), fused=True)
    start, units = time.monotonic(), 0
    state: Any = None
    assert fitting.seconds is not None
    for window, first in _endless(task, fitting):
        done = (time.monotonic() - start) / fitting.seconds
        if done >= 1:
            break
        state = None if first else tuple(each.detach() for each in state or ())
        shape = len(window.lengths), -1
        costs, state = model(window.units.view(shape), window.targets, state)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(costs.mean())
        nn.utils.clip_grad_norm_(model.parameters(), fitting.grad_clip)
        optimizer.param_groups[0]["lr"] = fitting.rate(done)
        optimizer.step()
        units += len(window.units)
    speed = units / (time.monotonic() - start)
    model.eval()

    def read(units: Tensor, targets: Tensor, state: Any) -> tuple[Tensor, Any]:
        costs, state = model(units[None], targets, state)
        return costs, state

    return speed, read


def _endless(task: Task, fitting: Fitting) -> Iterator[tuple[Any, bool]]:
    """Yield the windows of the train part over and over, and whether each is the first."""
    stream = task.stream(task.train)
    streams = Streams(stream, count=fitting.batch_size, steps=fitting.sequence_length)
    while True:
        yield from ((window, i == 0) for i, window in enumerate(streams))


@torch.no_grad()
def measure(task: Task, read: Read) -> tuple[float, float]:
    """Return the perplexity and the bits per character of the test."""
    stream = task.stream(task.test)
    nats = 0.0
    state: Any = None
    pieces = zip(stream[:-1].split(_CHUNK), stream[1:].split(_CHUNK), strict=True)  # type: ignore[no-untyped-call]
    for units, targets in pieces:
        costs, state = read(units, targets, state)
        nats += float(costs.double().sum())
    characters = sum(text.characters for text in task.test)
    return math.exp(nats / (len(stream) - 1)), nats / math.log(2) / characters


SYSTEMS: Final = {"seqpipe": train_ours, "nn.LSTM": train_plain}


def compare(
    unit: str, *, seeds: int, width: int, seconds: float, amount: int, threads: int
) -> Iterator[Result]:
    """Train both systems in turns, once for each seed."""
    task = make_task(unit, amount)
    fitting = Fitting(seconds=seconds, epochs=10**6)
    # Compiled before its time is taken.
    train_ours(task, 0, width, Fitting(seconds=0.5, epochs=1), threads)
    for seed in range(seeds):
        # Whoever is first finds the machine as it was left: that's each of them in turn.
        for name in sorted(SYSTEMS, reverse=bool(seed % 2)):
            speed, read = SYSTEMS[name](task, seed, width, fitting, threads)
            yield Result(name, seed, speed, *measure(task, read))


def _print(console: Console, unit: str, results: Sequence[Result]) -> None:
    table = Table(title=f"{unit}s", box=None, title_justify="left")
    for column in ("system", "units/s", "perplexity", "bits per character", "each seed's bits"):
        table.add_column(column, justify="left" if column == "system" else "right")
    for name in SYSTEMS:
        own = [each for each in results if each.system == name]
        bits = [each.bits_per_character for each in own]
        figures = (
            f"{mean(each.units_per_second for each in own):,.0f}",
            f"{mean(each.perplexity for each in own):.2f}",
            f"{mean(bits):.4f}",
            " ".join(f"{each:.4f}" for each in bits),
        )
        table.add_row(name, *figures)
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print tables, and write a JSON file if one is named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--unit", choices=[*_AMOUNTS], action="append", help="by default both")
    parser.add_argument("--seconds", type=float, default=180.0, help="of training, for each model")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--amount", type=int, help="of characters or words, instead of 1M or 2M")
    parser.add_argument("--threads", type=int, default=usable_threads())
    parser.add_argument("--output", type=Path, help="a JSON file for the results")
    given = parser.parse_args(arguments)
    found = {}
    for unit in given.unit or _AMOUNTS:
        results = compare(
            unit,
            seeds=given.seeds,
            width=given.width,
            seconds=given.seconds,
            amount=given.amount or _AMOUNTS[unit],
            threads=given.threads,
        )
        found[unit] = list(results)
        _print(Console(), unit, found[unit])
    if given.output:
        rows = [{"unit": unit, **asdict(each)} for unit in found for each in found[unit]]
        settings = {k: v for k, v in vars(given).items() if k != "output"}
        report = {
            "date": datetime.now(timezone.utc).date().isoformat(),
            "seqpipe": __version__,
            "machine": describe_machine(),
            "settings": settings,
            "results": rows,
        }
        given.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
