"""How predictions about words, entities, texts and pairs are scored: one function for all systems."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from word_sets import UPOS, WordSet, chunks_in

from seqpipe.parts.chunks import Chunk
from seqpipe.parts.readers import Row


@dataclass(frozen=True)
class Predicted:
    """What a system says of a text, as far as its set asks for it.

    Args:
        tags: The part of speech of each word.
        chunks: The entities, by the numbers of their words.
        label: The text's class.
        number: A pair's number.
    """

    tags: Sequence[str] = ()
    chunks: Sequence[Chunk] = ()
    label: str = ""
    number: float = 0.0


def scores(known: WordSet, predicted: Sequence[Predicted], rows: Sequence[Row]) -> list[float]:
    """Return the scores of a set, in the order of its `measures`."""
    if known.pairs:
        truths = [float(row.labels[0]) for row in rows]
        return [pearson([each.number for each in predicted], truths)]
    if known.tags == UPOS:
        return [
            tag_accuracy((each.tags for each in predicted), (row.tags[UPOS] for row in rows)),
        ]
    found = [entity_f((each.chunks for each in predicted), map(chunks_in, rows))]
    if known.labels:
        right = (each.label == row.labels[0] for each, row in zip(predicted, rows, strict=True))
        found.append(sum(right) / len(rows))
    return found


def entity_f(predicted: Iterable[Sequence[Chunk]], truths: Iterable[Sequence[Chunk]]) -> float:
    """Return F of entities over all texts: one is right if its first word, its last and its label are.

    It's the micro average of seqeval and of CoNLL's script, and 0 if nothing is found.
    """
    right = found = wanted = 0
    for mine, true in zip(predicted, truths, strict=True):
        right += len({*mine} & {*true})
        found += len({*mine})
        wanted += len({*true})
    return 2 * right / (found + wanted) if right else 0.0


def tag_accuracy(
    predicted: Iterable[Sequence[str]], truths: Iterable[Sequence[str | None]]
) -> float:
    """Return the share of words whose tag is right, of those whose tag is known."""
    right = [
        tag == true
        for mine, trues in zip(predicted, truths, strict=True)
        for tag, true in zip(mine, trues, strict=True)
        if true is not None
    ]
    return sum(right) / len(right)


def pearson(predicted: Sequence[float], truths: Sequence[float]) -> float:
    """Return Pearson's correlation, 0 if a side is constant."""
    if np.ptp(predicted) == 0 or np.ptp(truths) == 0:
        return 0.0
    return float(np.corrcoef(predicted, truths)[0, 1])
