"""The words of docs, and from the scores of their labels to the labels: each by itself, or all of a text by what may stand side by side."""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc

from seqpipe.errors import DataError
from seqpipe.kernels import Chain, viterbi
from seqpipe.parts.chunks import Allowed
from seqpipe.parts.readers import Row


def words_in(doc: Doc) -> list[int]:
    """Return the places of a doc's tokens that aren't white space, which no data has labels for."""
    return [token.i for token in doc if not token.is_space]


def check_words(doc: Doc, row: Row) -> None:
    """Check that a doc has the words of its row.

    Raises:
        DataError: It hasn't.
    """
    if row.words is None:
        return
    found = [token.text for token in doc]
    pairs = enumerate(zip_longest(row.words, found), start=1)
    differing = next(((n, word, token) for n, (word, token) in pairs if word != token), None)
    if differing is not None:
        number, word, token = differing
        raise DataError(
            f"{row.source}: its word {number} is {word!r}, and its doc has {token!r} there: docs of rows with words are made of these"
        )


def decode(
    docs: Sequence[Doc],
    scores: NDArray[np.float32],
    allowed: Allowed | None,
    weights: NDArray[np.float64] | None = None,
) -> list[tuple[list[int], NDArray[np.int64], NDArray[np.float32]]]:
    """Find the labels of each doc's words.

    Args:
        docs: The docs.
        scores: The probability of each label of each token of all docs, `[N, L]`.
        allowed: What may stand where; None: anything. Of the sequences that are allowed, it's the one whose probabilities
            have the highest product.
        weights: What the probability of each label is multiplied by when labels are chosen, `[L]`; None for nothing.

    Returns:
        For each doc the places of its words, the numbers of their labels and the probabilities of these.
    """
    places = [words_in(doc) for doc in docs]
    starts = np.cumsum([0, *map(len, docs)])
    rows = [
        start + np.array(each, dtype=np.int64) for start, each in zip(starts, places, strict=False)
    ]
    of_words = scores[np.concatenate(rows)] if rows else scores[:0]
    lengths = torch.tensor([len(each) for each in places], dtype=torch.int64)
    weighted = of_words if weights is None else of_words * weights
    if allowed is None:
        best = weighted.argmax(1)
    else:
        chain = Chain(*(torch.from_numpy(np.where(each, 0.0, -np.inf)) for each in allowed))
        # As logarithms in double precision even the smallest of them is finite.
        logits = torch.from_numpy(weighted).double().clamp(min=1e-300).log()
        best = viterbi(logits, lengths, chain).numpy()
    chosen = of_words[np.arange(len(best)), best]
    ends = np.cumsum(lengths.numpy())[:-1]
    return list(zip(places, np.split(best, ends), np.split(chosen, ends), strict=False))
