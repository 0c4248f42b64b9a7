"""Whether a word's vectors in sentences tell which of its meanings is meant."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqpipe.evaluation.embeddings._clusters import cluster, purity
from seqpipe.evaluation.embeddings._marked import Marked, Use
from seqpipe.evaluation.embeddings._sif import mean_vectors
from seqpipe.evaluation.embeddings._statistics import mean_of
from seqpipe.evaluation.embeddings._words import Words, unit
from seqpipe.parts.tokenizers import Tokenize

#: Words in sentences to their vectors there, `[N, width]`.
WordVectors: TypeAlias = Callable[[Sequence[Marked]], NDArray[Any]]

# Numbers around 1 that are nearer to each other than this are equal but for rounding.
_SAME: Final = 1e-5


def without_encoder(words: Words, tokenize: Tokenize) -> dict[str, WordVectors]:
    """Return what there is without an encoder.

    Returns:
        "static", the word's own vector, which is the same in every sentence; and "around", the mean of
        the vectors of the other words in the sentence.
    """

    def around(uses: Sequence[Marked]) -> NDArray[np.float64]:
        return mean_vectors([tokenize(use.around) for use in uses], words.embed)

    return {"static": lambda uses: words.embed(use.word for use in uses), "around": around}


def score_senses(
    uses: Sequence[Use], ways: Mapping[str, WordVectors], *, seed: int = 0
) -> dict[str, Any]:
    """Score ways to make vectors of words in sentences by how well they tell a word's senses apart.

    Args:
        uses: Words in sentences, and what they mean there.
        ways: Each makes the vectors of words in sentences.
        seed: For the draws of the clustering.

    Returns:
        Under "words" for each word: the number of its "uses", its "senses" with the number of uses of
        each, the "chance" of guessing the most frequent one, and by way the scores that `score_vectors`
        returns; under "mean" the means of these over all words.
    """
    by_word = {word: [use for use in uses if use.word == word] for word in _words(uses)}
    scores = {word: _score_word(theirs, ways, seed=seed) for word, theirs in by_word.items()}
    return {"words": scores, "mean": _means(list(scores.values()), ways)}


def score_vectors(
    vectors: NDArray[Any], senses: Sequence[str], *, seed: int = 0
) -> dict[str, float | None]:
    """Score the vectors of a word's uses, by what each has beside what all of them share.

    Returns:
        "accuracy": the share of uses that lie in the direction of the other uses of the same sense, seen
            from the mean of all other uses, where a tie of n senses counts as 1 / n.
        "purity": that of as many clusters as there are senses; see `purity`.

        None of a word that has one sense, or a sense with one use.
    """
    counts = Counter(senses)
    if len(counts) < 2 or min(counts.values()) < 2:
        return {"accuracy": None, "purity": None}
    units = unit(vectors).astype(np.float64)
    groups = cluster(_direction(units - units.mean(axis=0)), len(counts), seed=seed).tolist()
    return {"accuracy": _accuracy(units, senses), "purity": purity(senses, groups)}


def _words(uses: Sequence[Use]) -> list[str]:
    return list(dict.fromkeys(use.word for use in uses))


def _score_word(
    uses: Sequence[Use], ways: Mapping[str, WordVectors], *, seed: int
) -> dict[str, Any]:
    senses = [use.sense for use in uses]
    counts = Counter(senses)
    return {
        "uses": len(uses),
        "senses": dict(counts),
        "chance": max(counts.values()) / len(uses),
        **{
            name: score_vectors(vectors([use.marked for use in uses]), senses, seed=seed)
            for name, vectors in ways.items()
        },
    }


def _means(scores: Sequence[Mapping[str, Any]], ways: Mapping[str, WordVectors]) -> dict[str, Any]:
    return {
        "chance": mean_of([score["chance"] for score in scores]),
        **{
            name: {
                key: mean_of([score[name][key] for score in scores])
                for key in ("accuracy", "purity")
            }
            for name in ways
        },
    }


def _accuracy(units: NDArray[np.float64], senses: Sequence[str]) -> float:
    names = sorted(set(senses))
    which = np.array([names.index(sense) for sense in senses])
    right = 0.0
    for place, sense in enumerate(which.tolist()):
        others = np.arange(len(units)) != place
        # Were the use itself part of what's shared, it would lean towards its own sense.
        seen = units - units[others].mean(axis=0)
        sums = [seen[others & (which == each)].sum(axis=0) for each in range(len(names))]
        cosines = _direction(np.stack(sums)) @ _direction(seen[place])
        best = cosines >= cosines.max() - _SAME
        right += float(best[sense]) / float(best.sum())
    return right / len(units)


def _direction(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return vectors of length 1 in the same directions; zeros for what rounding has left."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit(np.where(lengths > _SAME, vectors, 0))
