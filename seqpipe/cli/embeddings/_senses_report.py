"""Scores the vectors of words in sentences, and prints the scores."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console

from seqpipe.cli.embeddings._evaluation import make_table, number, tokenizer_of
from seqpipe.cli.embeddings._model import Opened
from seqpipe.errors import DataError
from seqpipe.evaluation.embeddings import (
    SENSES,
    Use,
    Words,
    encoded_words,
    read_uses,
    score_senses,
    without_encoder,
)
from seqpipe.reporting import escaped

_WAYS: Final = ("static", "around", "encoder")


def report_senses(opened: Opened, path: str | None, words: Sequence[str]) -> dict[str, Any]:
    """Return what `score_senses` does, with the "model" and the "list".

    Raises:
        DataError: The list can't be read, or has none of the words.
    """
    uses = _chosen(read_uses(path or SENSES), words)
    ways = without_encoder(Words(opened.embedder), tokenizer_of(opened))
    if opened.encoder is not None:
        ways["encoder"] = encoded_words(opened.encoder)
    return {"model": opened.name, "list": path or SENSES, **score_senses(uses, ways)}


def print_senses(console: Console, report: Mapping[str, Any]) -> None:
    """Print a row for each word."""
    ways = [way for way in _WAYS if way in report["mean"]]
    rows = [
        (f"{word} ({', '.join(score['senses'])})", *_numbers(score, ways))
        for word, score in report["words"].items()
    ]
    rows.append(("mean", *_numbers(report["mean"], ways)))
    console.print(
        "how often a use is nearest to the other uses of its own sense; purity of clusters"
    )
    console.print(make_table("word", ("by chance", *(f"{way}" for way in ways)), rows))
    if "encoder" not in ways:
        model = escaped(report["model"])
        console.print(f"{model} has no encoder: no word's vector depends on its sentence")
    console.print(f"list: {escaped(report['list'])}")


def _numbers(score: Mapping[str, Any], ways: Sequence[str]) -> list[str]:
    of_ways = [f"{number(score[w]['accuracy'])}; {number(score[w]['purity'])}" for w in ways]
    return [number(score["chance"]), *of_ways]


def _chosen(uses: Sequence[Use], words: Sequence[str]) -> Sequence[Use]:
    there = list(dict.fromkeys(use.word for use in uses))
    lacking = [word for word in words if word not in there]
    if lacking:
        raise DataError(
            f"the list has no sentence about {', '.join(map(repr, lacking))}, only about "
            f"{', '.join(there)}; name a list by --uses"
        )
    return [use for use in uses if use.word in words] if words else uses
