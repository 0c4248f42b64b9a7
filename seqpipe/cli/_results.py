"""Prints what came out of a run."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def print_results(console: Console, report: dict[str, Any], model: Path) -> None:
    """Print the scores, and where the pipeline is."""
    for name, scores in report["embedding"].items():
        console.print(_score_line(name, scores), highlight=False, soft_wrap=True)
    _print_test(console, report.get("test", {}))
    console.print(
        f"{report['timings']['total']:.0f} s in all, {report['words_per_second'] or 0:,} words/s in "
        f"{'training' if 'test' in report else 'fitting'}",
        highlight=False,
    )
    console.print(
        f'pipeline: {model}   (nlp = spacy.load("{model}"))', highlight=False, soft_wrap=True
    )


def _print_test(console: Console, test: dict[str, Any]) -> None:
    if "classes" in test:
        console.print(_class_table(test))
        console.print(
            f"test accuracy {test['accuracy']:.4f}, macro F {test['macro_f']:.4f}", highlight=False
        )
    elif "spacy" in test:
        for name, score in test["spacy"].items():
            if isinstance(score, float):
                console.print(f"test {name} {score:.4f}", highlight=False)


def _score_line(name: str, scores: dict[str, Any]) -> str:
    """Return the numbers of a score of the embedding; what's nested stands in report.json only."""
    numbers = [
        f"{key.replace('_', ' ')} {value:.4f}"
        if isinstance(value, float)
        else f"{key.replace('_', ' ')} {value:,}"
        for key, value in scores.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    ]
    return f"{name}: {', '.join(numbers) or 'see report.json'}"


def _class_table(test: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("class")
    confusion = test["confusion"]
    columns = ["precision", "recall", "F", "texts"]
    for column in columns:
        table.add_column(column, justify="right")
    table.add_column("mistaken for" if confusion else "")
    for label, score in test["classes"].items():
        numbers = [f"{score[key]:.3f}" for key in ("precision", "recall", "f")]
        mistakes = _mistakes(label, confusion[label]) if confusion else ""
        table.add_row(label, *numbers, str(score["texts"]), mistakes)
    return table


def _mistakes(label: str, row: dict[str, int]) -> str:
    wrong = sorted(((n, other) for other, n in row.items() if n and other != label), reverse=True)
    return ", ".join(f"{other} ({n})" for n, other in wrong[:3])
