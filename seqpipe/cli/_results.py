"""Prints what came out of a run."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from seqpipe.reporting import escaped

_SHOWN_CLASSES: Final = 40


def print_results(console: Console, report: dict[str, Any], model: Path) -> None:
    """Print the scores, and where the pipeline is."""
    for name, scores in report.get("embedding", {}).items():
        for line in _score_lines(name, scores):
            console.print(escaped(line), highlight=False, soft_wrap=True)
    _print_test(console, report.get("test", {}))
    console.print(
        f"{report['timings']['total']:.0f} s in all, {report['words_per_second'] or 0:,} words/s in "
        f"{'training' if 'test' in report else 'fitting'}",
        highlight=False,
    )
    path = escaped(model)
    console.print(
        f'pipeline: {path}   (nlp = spacy.load("{path}"))', highlight=False, soft_wrap=True
    )


def _print_test(console: Console, test: dict[str, Any]) -> None:
    if "classes" in test:
        console.print(_class_table(test))
        if (left := len(test["classes"]) - _SHOWN_CLASSES) > 0:
            console.print(f"and {left:,} rarer classes: see report.json", highlight=False)
        for k, score in (test["ranked"] or {}).items():
            numbers = f"P@{k} {score['precision']:.4f}, R@{k} {score['recall']:.4f}"
            console.print(f"test {numbers}", highlight=False)
        console.print(
            f"test accuracy {test['accuracy']:.4f}, macro F {test['macro_f']:.4f}", highlight=False
        )
    elif "spacy" in test:
        for name, score in test["spacy"].items():
            if isinstance(score, float):
                console.print(f"test {escaped(name)} {score:.4f}", highlight=False)


def _score_lines(name: str, scores: Mapping[str, Any], depth: int = 1) -> Iterator[str]:
    """Yield a line for the numbers of a score, and for each part of it; what's deeper is in report.json."""
    numbers = [f"{key} {_number(value)}" for key, value in scores.items() if _is_number(value)]
    if numbers:
        yield f"{name}: {', '.join(numbers)}"
    for key, part in scores.items():
        if depth and isinstance(part, Mapping):
            yield from _score_lines(f"{name}, {key}", part, depth - 1)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _class_table(test: dict[str, Any]) -> Table:
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


def _most_frequent(classes: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the classes that are shown, in their order."""
    by_texts = sorted(classes.items(), key=lambda item: -item[1]["texts"])
    shown = {label for label, _ in by_texts[:_SHOWN_CLASSES]}
    return [item for item in classes.items() if item[0] in shown]


def _mistakes(label: str, row: dict[str, int]) -> str:
    wrong = sorted(((n, other) for other, n in row.items() if n and other != label), reverse=True)
    return ", ".join(f"{other} ({n})" for n, other in wrong[:3])
