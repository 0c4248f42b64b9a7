"""Word order, as a score of sentence vectors: what a bag of words can't represent."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from seqpipe.errors import DataError
from seqpipe.evaluation._fitted import Fitted
from seqpipe.evaluation.embeddings._bags import SentenceVectors, bags_of_words
from seqpipe.evaluation.embeddings._lists import not_empty, read_entries
from seqpipe.evaluation.embeddings._words import unit
from seqpipe.parts.tokenizers import Regex, Tokenize

#: A list in the package, written for it.
WORD_ORDER: Final = "package:seqpipe/evaluation/embeddings/lists/word_order_en.txt"

# What rounding may do to two vectors of length 1.
_SAME: Final = 1e-5


class WordOrder:
    """Asks whether sentences that differ in nothing but the order of their words have different vectors.

    "The dog bit the man" and "the man bit the dog" have the same mean, so that no bag of words can
    distinguish them; an encoder can.

    Args:
        path: A list of pairs: two sentences of the same words, with a tab between. By default one of
            23 English pairs, written for seqpipe.
        tokenizer: A sentence to words; by default `seqpipe.Regex.v1`.

    Raises:
        DataError: The list can't be read.
    """

    def __init__(self, *, path: str = WORD_ORDER, tokenizer: Tokenize | None = None) -> None:
        self._tokenize = tokenizer or Regex()
        self._pairs = read_order(path, self._tokenize)

    def __call__(self, fitted: Fitted) -> dict[str, Any]:
        """Return what `score_order` does, of the vectors that an embedding gives to sentences."""
        return score_order(self._pairs, bags_of_words(fitted, self._tokenize))


def read_order(path: str, tokenize: Tokenize) -> list[tuple[str, str]]:
    """Return the pairs of sentences of a list.

    Raises:
        DataError: A line isn't two sentences, or they aren't made of the same words in another order;
            or there's no line.
    """
    pairs = []
    for line in read_entries(path):
        found = line.text.split("\t")
        words = [tokenize(sentence) for sentence in found]
        if len(found) != 2:
            raise DataError(f"{line.where}: it should be two sentences with a tab between")
        if Counter(words[0]) != Counter(words[1]) or words[0] == words[1]:
            raise DataError(
                f"{line.where}: the two sentences should be made of the same words, in another order"
            )
        pairs.append((found[0], found[1]))
    return not_empty(pairs, path, "two sentences with a tab between")


def score_order(
    pairs: Sequence[tuple[str, str]], ways: Mapping[str, SentenceVectors]
) -> dict[str, Any]:
    """Say how different the vectors are of sentences that differ only in the order of their words.

    Returns:
        The number of "pairs", and by way: "told_apart", the share of them with different vectors (in
        direction, by more than rounding does), and the largest and the mean "distance", 1 - cosine.
    """
    sentences = [sentence for pair in pairs for sentence in pair]
    scores: dict[str, Any] = {"pairs": len(pairs)}
    for name, vectors in ways.items():
        units = unit(vectors(sentences)).reshape(len(pairs), 2, -1).astype(np.float64)
        differences = np.linalg.norm(units[:, 0] - units[:, 1], axis=1)
        # Of vectors of length 1, half of the distance squared: exact where the cosine is nearly 1.
        distances = differences**2 / 2
        scores[name] = {
            "told_apart": float((differences > _SAME).mean()),
            "largest_distance": float(distances.max()),
            "mean_distance": float(distances.mean()),
        }
    return scores
