"""Semantic textual similarity, as a score: whether sentences with the same meaning have similar vectors."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from seqpipe.correlation import pearson, spearman
from seqpipe.errors import ConfigError, DataError
from seqpipe.evaluation._fitted import Fitted
from seqpipe.evaluation.embeddings._bags import SentenceVectors, bags_of_words
from seqpipe.evaluation.embeddings._lists import (
    RatedPair,
    named_lists,
    not_empty,
    number_of,
    read_rows,
)
from seqpipe.evaluation.embeddings._words import unit
from seqpipe.parts.tokenizers import Regex, Tokenize

#: The columns of the STS Benchmark: first sentence, second sentence, rating.
STS_COLUMNS: Final = (6, 7, 5)


class SentenceSimilarity:
    """Compares the cosine of two sentences' vectors with how similar people find the sentences.

    A sentence's vector is the mean of its words' vectors, their mean by smooth inverse frequency, or
    what the embedder has for documents, if it has.

    Args:
        path: A list of pairs, or several: a table with tabs between its columns, without a header and
            without quotes, such as the STS Benchmark's (Cer et al. 2017). Plain paths,
            ``package:NAME/below`` or ``data:below``.
        columns: The numbers, from 1, of the columns with the first sentence, the second one, and the
            rating; by default those of the STS Benchmark, 6, 7 and 5.
        tokenizer: A sentence to words; by default `seqpipe.Regex.v1`. It should be the one that the
            embedder's words are made by.

    Raises:
        ConfigError: The columns aren't three, or not counted from 1.
        DataError: A list can't be read.
    """

    def __init__(
        self,
        *,
        path: str | list[str],
        columns: list[int] | None = None,
        tokenizer: Tokenize | None = None,
    ) -> None:
        three = check_columns(columns or STS_COLUMNS)
        self._lists = {n: read_sentences(each, three) for n, each in named_lists(path).items()}
        self._tokenize = tokenizer or Regex()

    def __call__(self, fitted: Fitted) -> dict[str, Any]:
        """Score an embedding.

        Returns:
            For each list, by its name, what `score_sentences` returns.
        """
        ways = bags_of_words(fitted, self._tokenize)
        return {name: score_sentences(pairs, ways) for name, pairs in self._lists.items()}


def check_columns(columns: Sequence[int]) -> tuple[int, ...]:
    """Return the numbers of three columns.

    Raises:
        ConfigError: They're something else.
    """
    if len(columns) != 3 or min(columns) < 1:
        raise ConfigError(
            f"columns is {list(columns)}; it's the numbers of three, from 1: those of the first "
            "sentence, the second one, and the rating"
        )
    return tuple(columns)


def read_sentences(path: str, columns: Sequence[int] = STS_COLUMNS) -> list[RatedPair]:
    """Return the pairs of sentences of a table.

    Raises:
        DataError: A row lacks a column or its rating isn't a number, or there's no row.
    """
    pairs = []
    for line in read_rows(path):
        found = line.text.split("\t")
        if len(found) < max(columns):
            raise DataError(
                f"{line.where}: it has {len(found)} columns, and number {max(columns)} is asked for; "
                "columns are divided by tabs"
            )
        first, second, rating = (found[column - 1] for column in columns)
        number = number_of(rating)
        if number is None:
            raise DataError(f"{line.where}: the rating {rating!r} isn't a number")
        pairs.append(RatedPair(first, second, number))
    return not_empty(pairs, path, "two sentences with a number, tabs between")


def score_sentences(
    pairs: Sequence[RatedPair], ways: Mapping[str, SentenceVectors]
) -> dict[str, Any]:
    """Score ways to make vectors of sentences.

    Args:
        pairs: Rated pairs of sentences.
        ways: Each makes the vectors of all sentences at once.

    Returns:
        The number of "pairs"; and by way its "pearson", its "spearman", and the "coverage", the share
        of the pairs whose sentences both have a vector. The others count as pairs of cosine 0.
    """
    sentences = [sentence for pair in pairs for sentence in (pair.first, pair.second)]
    ratings = [pair.rating for pair in pairs]
    scores: dict[str, Any] = {"pairs": len(pairs)}
    for name, vectors in ways.items():
        units = unit(vectors(sentences)).reshape(len(pairs), 2, -1)
        cosines = np.einsum("nd,nd->n", units[:, 0], units[:, 1])
        scores[name] = {
            "pearson": pearson(cosines, ratings),
            "spearman": spearman(cosines, ratings),
            "coverage": float(np.all(np.any(units != 0, axis=2), axis=1).mean()),
        }
    return scores
