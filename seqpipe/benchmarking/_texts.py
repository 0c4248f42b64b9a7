"""Texts to measure with, where none are given."""

import itertools
import random
from collections.abc import Sequence
from typing import Final

from seqpipe.errors import DataError
from seqpipe.inference import Predictor

_TEXTS: Final = 256
_WORDS: Final = 100


def draw_records(predictor: Predictor, *, seed: int = 0) -> list[str | dict[str, str]]:
    """Return records of 100 words each, drawn from those that a pipeline knows.

    The word of the rank r is drawn in proportion to 1 / r (Zipf's law), as known words stand in the order of their frequency.

    Raises:
        DataError: The pipeline knows no words.
    """
    chance = random.Random(seed)
    words = _known_words(predictor)
    weights = list(itertools.accumulate(1 / rank for rank in range(1, len(words) + 1)))

    def draw() -> str:
        return " ".join(chance.choices(words, cum_weights=weights, k=_WORDS))

    columns = predictor.columns
    if columns.pair is None:
        return [draw() for _ in range(_TEXTS)]
    return [{columns.text[0]: draw(), columns.pair: draw()} for _ in range(_TEXTS)]


def _known_words(predictor: Predictor) -> Sequence[str]:
    """Return the words that have vectors, or else those of the vocabulary's strings."""
    vocab = predictor.nlp.vocab
    embedder = getattr(vocab.vectors, "embedder", None)
    known = (
        [vocab.strings[key] for key in vocab.vectors] if embedder is None else embedder.vocabulary
    )
    found = [word for word in known or vocab.strings if word.isalpha()]
    if not found:
        raise DataError(
            "the pipeline knows no words, of which texts could be drawn: name a file of texts"
        )
    return found
