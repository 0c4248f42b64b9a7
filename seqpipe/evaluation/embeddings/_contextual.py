"""Contextual vectors: those that a pipeline's encoder gives to words in sentences, and what they're good for.

Their score on word senses, and the uses of words in a corpus that are nearest to a use.
"""

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import to_numpy

from seqpipe.errors import DataError
from seqpipe.evaluation.embeddings._bags import SentenceVectors, mean_vectors
from seqpipe.evaluation.embeddings._lists import not_empty, read_entries
from seqpipe.evaluation.embeddings._statistics import cluster, mean_of, purity
from seqpipe.evaluation.embeddings._words import Words, unit
from seqpipe.parts.tokenizers import Tokenize

# Words in sentences: "He sat by the river [bank]".

#: A list in the package, written for it.
SENSES: Final = "package:seqpipe/evaluation/embeddings/lists/senses_en.txt"

_MARK: Final = re.compile(r"\[\s*([^\[\]]*?)\s*\]")


@dataclass(frozen=True)
class Marked:
    """A word in a sentence.

    Attributes:
        text: The sentence, without brackets.
        start: Where the word begins in it.
        end: Where it ends.
    """

    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The word."""
        return self.text[self.start : self.end]

    @property
    def around(self) -> str:
        """The sentence without the word."""
        return f"{self.text[: self.start]} {self.text[self.end :]}"


@dataclass(frozen=True)
class Use:
    """A word in a sentence, and what it means there."""

    word: str
    sense: str
    marked: Marked


def parse_marked(text: str) -> Marked:
    """Return the word that stands in brackets, and the sentence around it.

    Raises:
        DataError: There isn't exactly one in brackets.
    """
    found = list(_MARK.finditer(text))
    if len(found) != 1 or not found[0][1] or len(re.findall(r"[\[\]]", text)) != 2:
        raise DataError(
            f"{text!r} should have exactly one word in brackets, such as: He sat by the river [bank]"
        )
    mark = found[0]
    whole = text[: mark.start()] + mark[1] + text[mark.end() :]
    return Marked(whole, mark.start(), mark.start() + len(mark[1]))


def read_uses(path: str) -> list[Use]:
    """Return the uses of words that a list shows.

    Raises:
        DataError: A line isn't a word, its sense and a sentence with it in brackets, or there's none.
    """
    uses = []
    for line in read_entries(path):
        found = [cell.strip() for cell in line.text.split("\t")]
        if len(found) != 3 or not all(found):
            raise DataError(
                f"{line.where}: it should be a word, its sense here, and a sentence with it in "
                "brackets, tabs between"
            )
        word, sense, sentence = found
        try:
            uses.append(Use(word, sense, parse_marked(sentence)))
        except DataError as error:
            raise DataError(f"{line.where}: {error}") from error
    return not_empty(uses, path, "a word, its sense, and a sentence with it in brackets")


# Word senses, as a score: whether a word's vectors in sentences show which of its senses is meant.

#: Words in sentences to their vectors there, `[N, width]`.
WordVectors: TypeAlias = Callable[[Sequence[Marked]], NDArray[Any]]

# Numbers around 1 that differ by less than this are equal up to rounding.
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
    """Score ways to make vectors of words in sentences by how well they separate a word's senses.

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
        # If the use itself were part of the mean, the mean would be biased towards its own sense.
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


_BATCH: Final = 64


def has_encoder(nlp: Language) -> bool:
    """Say whether a pipeline has an encoder whose output it leaves at its docs."""
    return bool(len(nlp("word").tensor))


def encode(nlp: Language, texts: Iterable[str]) -> Iterator[tuple[Doc, NDArray[np.float32]]]:
    """Yield docs with the vectors that the encoder gives to their tokens, `[len(doc), width]`.

    Raises:
        DataError: The pipeline has no encoder.
    """
    for doc in nlp.pipe(texts, batch_size=_BATCH):
        vectors = np.asarray(to_numpy(doc.tensor), dtype=np.float32)
        if len(doc) and len(vectors) != len(doc):
            raise DataError(
                "the pipeline has no encoder whose vectors it leaves in `doc.tensor`: take one that "
                "was trained with [encoder], or one with spaCy's component tok2vec"
            )
        # The width of no vectors is unknown.
        yield doc, vectors if len(doc) else np.zeros((0, 0), dtype=np.float32)


def encoded_words(nlp: Language) -> WordVectors:
    """Return what gives the encoder's vectors of words in sentences.

    A word that the pipeline's tokenizer divides has the mean of its tokens' vectors.
    """

    def vectors(uses: Sequence[Marked]) -> NDArray[Any]:
        encoded = encode(nlp, [use.text for use in uses])
        return np.stack([_of_word(doc, rows, use) for (doc, rows), use in _beside(encoded, uses)])

    return vectors


def encoded_sentences(nlp: Language) -> SentenceVectors:
    """Return what gives the means of the encoder's vectors of all tokens; zeros for an empty text."""

    def vectors(sentences: Sequence[str]) -> NDArray[Any]:
        means = [_mean(doc, rows) for doc, rows in encode(nlp, sentences)]
        width = max(len(mean) for mean in means)
        return np.stack([mean if len(mean) else np.zeros(width) for mean in means])

    return vectors


def _beside(encoded: Iterable[Any], uses: Iterable[Marked]) -> Iterator[Any]:
    return zip(encoded, uses, strict=True)


def _of_word(doc: Doc, rows: NDArray[np.float32], use: Marked) -> NDArray[np.float32]:
    span = doc.char_span(use.start, use.end, alignment_mode="expand")
    mean: NDArray[np.float32] = rows[span.start : span.end].mean(axis=0)
    return mean


def _mean(doc: Doc, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    words = [token.i for token in doc if not token.is_space]
    if not words:
        return np.zeros(rows.shape[1], dtype=np.float32)
    mean: NDArray[np.float32] = rows[words].mean(axis=0)
    return mean


# The nearest uses of words in a corpus.


class Found(NamedTuple):
    """A word of a corpus where it stands, and its cosine with the one that was looked for."""

    score: float
    marked: Marked


class Neighbourhood(NamedTuple):
    """What's nearest to a word where it stands.

    Attributes:
        same: Uses of the same word, the nearest first.
        others: Other words, each where it's nearest, the nearest first.
    """

    same: list[Found]
    others: list[Found]


def search_corpus(
    nlp: Language, targets: Sequence[Marked], sentences: Iterable[str], *, most: int = 10
) -> list[Neighbourhood]:
    """Find the words of a corpus whose contextual vectors are nearest to those of given words.

    The corpus is read once and isn't kept. Words are the same if they are so in lower case.

    Args:
        nlp: A pipeline with an encoder.
        targets: The words to look for, where they stand.
        sentences: The corpus.
        most: How many uses of the same word, and how many other words, are returned at most.

    Raises:
        DataError: The pipeline has no encoder.
    """
    wanted = unit(encoded_words(nlp)(targets))
    bests = [_Best(target) for target in targets]
    for doc, rows in encode(nlp, sentences):
        if not len(doc):
            continue
        for best, cosines in zip(bests, wanted @ unit(rows).T, strict=True):
            best.add(doc, cosines)
    return [best.neighbourhood(most) for best in bests]


class _Best:
    """Keeps the best uses of each word."""

    def __init__(self, target: Marked) -> None:
        self._target = target
        self._same: list[Found] = []
        self._others: dict[str, Found] = {}

    def add(self, doc: Doc, cosines: NDArray[np.float32]) -> None:
        """Look through a sentence; another one than the target's own."""
        if doc.text == self._target.text:
            return
        scores = cosines.tolist()
        for token in doc:
            if not any(character.isalnum() for character in token.text):
                continue
            word = token.lower_
            if word == self._target.word.lower():
                self._same.append(_found(scores[token.i], doc, token.i))
            elif word not in self._others or scores[token.i] > self._others[word].score:
                self._others[word] = _found(scores[token.i], doc, token.i)

    def neighbourhood(self, most: int) -> Neighbourhood:
        """Return the best."""
        return Neighbourhood(
            heapq.nlargest(most, self._same, key=lambda found: found.score),
            heapq.nlargest(most, self._others.values(), key=lambda found: found.score),
        )


def _found(score: float, doc: Doc, place: int) -> Found:
    token = doc[place]
    return Found(score, Marked(doc.text, token.idx, token.idx + len(token)))
