"""Prints the progress and the results of a run."""

import itertools
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import mean
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column, Table
from rich.text import Text

from seqpipe.reporting import Progress, Reporter, Silent, escaped, escaped_lines

_MAX_CLASSES: Final = 40
#: From the least to the greatest value of a curve, and for encodings without blocks.
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BLOCKS: Final = "_.-~:=+#"
#: A curve has at most so many characters; more values are averaged.
_CURVE_WIDTH: Final = 40
#: What evaluations measure, by its name in the history, and on the screen.
_CURVES: Final = {"loss": "loss", "score": "dev score", "perplexity": "dev perplexity"}
#: From here on, numbers are printed with an exponent: the perplexity of a training that diverged has up to 309 digits.
_MAX_PLAIN: Final = 1e6


def print_results(console: Console, report: dict[str, Any], model: Path) -> None:
    """Print the curves of the training, the scores, and where the pipeline is."""
    _print_curves(console, report.get("history", ()))
    for name, scores in report.get("embedding", {}).items():
        for line in _score_lines(name, scores):
            console.print(escaped(line), highlight=False, soft_wrap=True)
    if "sample" in report:
        _print_language_model(console, report, model)
        return
    _print_test(console, report.get("test", {}))
    if not report.get("test") and "score" in report.get("dev", {}):
        console.print(f"dev score {report['dev']['score']:.4f}", highlight=False)
    # What's fitted at once may not say how fast it is.
    speed = report["words_per_second"]
    stage = "training" if "test" in report else "fitting"
    console.print(
        f"{report['timings']['total']:.0f} s in all"
        + (f", {speed:,} words/s in {stage}" if speed else ""),
        highlight=False,
    )
    _print_path(console, model)


def _print_curves(console: Console, history: Sequence[Mapping[str, Any]]) -> None:
    """Print the loss and the dev score of each evaluation as a line of blocks, the best model's place beside it."""
    curves: list[tuple[str, str, str]] = []
    best: Mapping[str, Any] = next((each for each in reversed(history) if each.get("is_best")), {})
    for key, name in _CURVES.items():
        values = [line[key] for line in history if _is_finite(line.get(key))]
        if len(values) < 2:
            continue
        told = f"{_number(values[0])} → {_number(values[-1])}"
        if key != "loss" and _is_finite(best.get(key)):
            told += f", best {_number(best[key])} in epoch {best['epoch']}"
        if not _can_encode("→", console.encoding):
            told = told.replace("→", "->")
        curves.append((name, sparkline(values, encoding=console.encoding), told))
    width = max((len(name) for name, _, _ in curves), default=0)
    for name, curve, told in curves:
        console.print(f"{name:<{width}}  {curve}  {told}", highlight=False, soft_wrap=True)


def sparkline(values: Sequence[float], *, encoding: str = "utf-8") -> str:
    """Return a curve of one line: a block for each value, from the least to the greatest.

    Args:
        values: Finite numbers. Neighbours of more than 40 are averaged.
        encoding: That of the stream; blocks are ASCII characters if it lacks them.
    """
    width = min(len(values), _CURVE_WIDTH)
    ends = [len(values) * n // width for n in range(width + 1)]
    shown = [mean(values[start:end]) for start, end in itertools.pairwise(ends)]
    low, high = min(shown), max(shown)
    blocks = _BLOCKS if _can_encode(_BLOCKS, encoding) else _ASCII_BLOCKS
    last = len(blocks) - 1
    # Halved first, as the difference of two numbers may be infinite. That of the smallest numbers may be 0 then.
    scale = high / 2 - low / 2
    if not scale > 0:
        return blocks[last // 2] * width
    return "".join(blocks[round((value / 2 - low / 2) / scale * last)] for value in shown)


def _can_encode(text: str, encoding: str) -> bool:
    return len(text.encode(encoding, "ignore").decode(encoding)) == len(text)


def _is_finite(value: Any) -> bool:
    return _is_number(value) and math.isfinite(value)


def _print_path(console: Console, model: Path) -> None:
    path, page = escaped(model), model.parent / "report.html"
    if page.exists():
        console.print(f"report: {escaped(page)}", highlight=False, soft_wrap=True)
    console.print(
        f'pipeline: {path}   (nlp = spacy.load("{path}"))', highlight=False, soft_wrap=True
    )


def _print_language_model(console: Console, report: Mapping[str, Any], model: Path) -> None:
    """Print how well texts are predicted, and one that the model has written."""
    for part in ("dev", "test"):
        if part in report:
            perplexity, bits = (report[part][n] for n in ("perplexity", "bits_per_character"))
            figures = (
                f"{part} perplexity {_number(perplexity, 2)}, {_number(bits)} bits per character"
            )
            console.print(figures, highlight=False)
    console.print("a sample:", highlight=False)
    sample = escaped_lines(report["sample"])
    console.print(f"  {sample}", highlight=False, markup=False, soft_wrap=True)
    speed = report["units_per_second"]
    console.print(
        f"{report['timings']['total']:.0f} s in all"
        + (f", {speed:,} units/s in training" if speed else ""),
        highlight=False,
    )
    _print_path(console, model)


#: Figures of several runs that a table of 80 columns has no room for.
_NOT_SHOWN: Final = ("test micro_f", "test calibration_error")


def print_summary(console: Console, summary: Mapping[str, Any], folder: Path) -> None:
    """Print the figures of each of several runs, by seeds or by folds, and their mean and spread."""
    # The others are in the file.
    figures = {k: v for k, v in summary["figures"].items() if k not in _NOT_SHOWN}
    kind = next(kind for kind in ("seeds", "folds") if kind in summary)
    one = kind.removesuffix("s")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in (one, *figures):
        table.add_column(escaped(column), justify="right" if column != one else "left")
    for name, found in summary[kind].items():
        table.add_row(name.removeprefix("fold-"), *(_number(found[name]) for name in figures))
    for row in ("mean", "min", "max", "deviation"):
        table.add_row(row, *(_number(figure[row]) for figure in figures.values()))
    console.print(table)
    console.print(
        f"pipelines: {escaped(folder)}/{one}-*/model-best", highlight=False, soft_wrap=True
    )


def _print_test(console: Console, test: dict[str, Any]) -> None:
    if "heads" in test:
        for name, of_head in test["heads"].items():
            console.print(f"\n{escaped(name)}:", style="bold", highlight=False)
            _print_test(console, of_head)
        return
    if {"classes", "confusion", "ranked"} <= test.keys():
        console.print(class_table(test))
        if (left := len(test["classes"]) - _MAX_CLASSES) > 0:
            console.print(f"and {left:,} rarer classes: see report.json", highlight=False)
        for k, score in (test["ranked"] or {}).items():
            numbers = f"P@{k} {score['precision']:.4f}, R@{k} {score['recall']:.4f}"
            console.print(f"test {numbers}", highlight=False)
        console.print(
            f"test accuracy {test['accuracy']:.4f}, macro F {test['macro_f']:.4f}", highlight=False
        )
        return
    if isinstance(labels := test.get("labels"), Mapping) and labels:
        console.print(label_table(labels))
    # What a task says, or spaCy's own components.
    figures = {name: score for name, score in test.items() if isinstance(score, float)}
    for name, score in (figures or test.get("spacy", {})).items():
        if isinstance(score, float):
            console.print(f"test {escaped(name)} {score:.4f}", highlight=False)


def _score_lines(name: str, scores: Mapping[str, Any], depth: int = 1) -> Iterator[str]:
    """Yield a line for the numbers of a score and one for each of its parts, but no deeper."""
    numbers = [f"{key} {_number(value)}" for key, value in scores.items() if _is_number(value)]
    if numbers:
        yield f"{name}: {', '.join(numbers)}"
    for key, part in scores.items():
        if depth and isinstance(part, Mapping):
            yield from _score_lines(f"{name}, {key}", part, depth - 1)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: float, digits: int = 4) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.{digits}f}" if abs(value) < _MAX_PLAIN else f"{value:.4g}"


def class_table(test: Mapping[str, Any]) -> Table:
    """Return the figures of classes of texts: the most frequent ones, with what they're mistaken for."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("class")
    confusion = test["confusion"]
    columns = ["precision", "recall", "F", "texts"]
    for column in columns:
        table.add_column(column, justify="right")
    table.add_column("mistaken for" if confusion else "")
    for label, score in _most_frequent(test["classes"]):
        numbers = [f"{score[key]:.3f}" for key in ("precision", "recall", "f")]
        mistakes = _mistakes(label, confusion[label]) if confusion else ""
        table.add_row(escaped(label), *numbers, str(score["texts"]), escaped(mistakes))
    return table


def label_table(labels: Mapping[str, Any]) -> Table:
    """Return the figures of labels of words, or of entities: the most frequent ones."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("label")
    for column in ("precision", "recall", "F", "count"):
        table.add_column(column, justify="right")
    for label, score in _most_frequent(labels, "count"):
        numbers = [f"{score[key]:.3f}" for key in ("precision", "recall", "f")]
        table.add_row(escaped(label), *numbers, str(score["count"]))
    if (left := len(labels) - _MAX_CLASSES) > 0:
        table.caption = f"and {left:,} rarer ones: see report.json"
    return table


def _most_frequent(classes: Mapping[str, Any], counted: str = "texts") -> list[tuple[str, Any]]:
    """Return the most frequent classes, in the order of the report."""
    by_count = sorted(classes.items(), key=lambda item: -item[1][counted])
    shown = {label for label, _ in by_count[:_MAX_CLASSES]}
    return [item for item in classes.items() if item[0] in shown]


def _mistakes(label: str, row: dict[str, int]) -> str:
    wrong = sorted(((n, other) for other, n in row.items() if n and other != label), reverse=True)
    return ", ".join(f"{other} ({n})" for n, other in wrong[:3])


# Progress: a bar on a terminal, plain lines elsewhere.

#: How often a line is printed in a long stage, where there's no terminal.
_SECONDS_BETWEEN_LINES = 10.0

#: The columns that a line of progress needs besides its bar.
_TEXT_WIDTH = 73


class BarReporter(Reporter, AbstractContextManager["BarReporter"]):
    """Draws a bar for the current stage, and leaves a line for each completed one."""

    def __init__(self, console: Console) -> None:
        self._bar = Bar(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=min(max(console.width - _TEXT_WIDTH, 6), 32)),
            _Details(table_column=Column(no_wrap=True)),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("start", total=None)
        self._stage = ""
        self._since = time.monotonic()
        self._time_left = _TimeLeft()

    def __enter__(self) -> "BarReporter":
        self._bar.start()
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        if kind is None:
            self._finish()
        self._bar.stop()

    def stage(self, name: str) -> None:
        """Leave a line for the previous stage, and start a new bar."""
        self._finish()
        self._stage, self._since = name, time.monotonic()
        self._time_left = _TimeLeft()
        self._bar.reset(self._task, total=None, description=name, latest=None, left=None)

    def progress(self, progress: Progress) -> None:
        """Move the bar."""
        total = None if progress.fraction is None else 1.0
        self._bar.update(
            self._task,
            total=total,
            completed=progress.fraction or 0.0,
            latest=progress,
            left=self._time_left.estimate(progress.fraction, time.monotonic()),
        )

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(f"  {escaped(text)}", highlight=False, markup=False)

    def _finish(self) -> None:
        if self._stage:
            self._bar.console.print(_ended(self._stage, self._since), highlight=False)
        self._stage = ""


class _Details(ProgressColumn):
    """The text to the right of the bar."""

    def render(self, task: Task) -> Text:
        progress: Progress | None = task.fields.get("latest")
        parts = _details(progress) if progress else []
        if (left := task.fields.get("left")) is not None:
            parts.append(f"{_duration(left)} left")
        else:
            parts.append(_duration(task.elapsed or 0.0))
        return Text("  ".join(parts))


class LineReporter(Reporter, AbstractContextManager["LineReporter"]):
    """Prints a line for each stage, and some in between for long ones."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage = ""
        self._since = self._said = time.monotonic()
        self._time_left = _TimeLeft()
        self._score: float | None = None

    def __exit__(self, kind: object, *exception: object) -> None:
        if kind is None:
            self._finish()

    def stage(self, name: str) -> None:
        """Print that the previous stage has ended."""
        self._finish()
        self._stage = name
        self._since = self._said = time.monotonic()
        self._time_left = _TimeLeft()

    def progress(self, progress: Progress) -> None:
        """Print a line if there's a new score, or if none was printed for a while."""
        now = time.monotonic()
        seconds = self._time_left.estimate(progress.fraction, now)
        if progress.score == self._score and now - self._said < _SECONDS_BETWEEN_LINES:
            return
        self._said, self._score = now, progress.score
        share = "" if progress.fraction is None else f"{progress.fraction:4.0%}  "
        left = [] if seconds is None else [f"{_duration(seconds)} left"]
        self._print("  ".join([f"{self._stage:<10} {share}".rstrip(), *_details(progress), *left]))

    def note(self, text: str) -> None:
        """Print a line."""
        self._print(f"  {escaped(text)}")

    def _finish(self) -> None:
        if self._stage:
            self._print(_ended(self._stage, self._since))
        self._stage = ""

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class _SilentReporter(Silent, AbstractContextManager["_SilentReporter"]):
    def __exit__(self, *exception: object) -> None:
        pass


AnyReporter = BarReporter | LineReporter | _SilentReporter


def make_reporter(console: Console, *, quiet: bool) -> AnyReporter:
    """Choose how to show progress on a console; use the result as a context manager."""
    if quiet:
        return _SilentReporter()
    return BarReporter(console) if console.is_terminal else LineReporter(console)


def _details(progress: Progress) -> list[str]:
    parts = []
    if progress.epoch is not None:
        parts.append(f"epoch {progress.epoch}")
    if progress.loss is not None:
        parts.append(f"loss {_number(progress.loss)}")
    if progress.score is not None:
        parts.append(f"dev {_number(progress.score)}")
    if progress.words_per_second is not None:
        parts.append(f"{progress.words_per_second:,.0f} {progress.unit}/s")
    return parts


class _TimeLeft:
    """Estimates the remaining time of a stage from its speed since its first progress.

    Earlier work, such as tokenizing the texts that an embedder is fitted on, says nothing about that speed.
    """

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None

    def estimate(self, fraction: float | None, now: float) -> float | None:
        """Return the seconds left, or None while there's no basis for an estimate."""
        if fraction is None:
            return None
        begin, done = self._first = self._first or (now, fraction)
        return (now - begin) / (fraction - done) * (1 - fraction) if fraction > done else None


def _ended(stage: str, since: float) -> str:
    return f"{stage:<10} {_duration(time.monotonic() - since)}"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"
