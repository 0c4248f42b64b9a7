"""A model of the fastText library: vectors of words and, if it was trained with labels, predictions."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.formats.fasttext._args import FastTextArgs
from seqpipe.formats.fasttext._hashes import subword_hashes, word_hash, word_ngram_hashes
from seqpipe.formats.fasttext._matrix import Matrix

# From scores to the probabilities of labels, exactly as the library computes them: sigmoids come from a table of
# 512, and a small constant is added before each logarithm.

_TABLE_SIZE: Final = 512
_MAX_SCORE: Final = 8

#: What the library adds before it takes a logarithm, so that probabilities may be a bit above 1.
ADDED: Final = 1e-5

_TABLE: Final[NDArray[np.float32]] = (
    1.0
    / (1.0 + np.exp(-(np.arange(_TABLE_SIZE + 1) * 2.0 * _MAX_SCORE / _TABLE_SIZE - _MAX_SCORE)))
).astype(np.float32)


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities of labels of which one holds, `[B, L]`."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def sigmoid(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities of labels each of which holds or doesn't, `[B, L]`, from the table."""
    places = (np.clip(scores, -_MAX_SCORE, _MAX_SCORE) + _MAX_SCORE) * _TABLE_SIZE / _MAX_SCORE / 2
    found = _TABLE[places.astype(np.int64)]
    return np.where(scores < -_MAX_SCORE, 0, np.where(scores > _MAX_SCORE, 1, found)).astype(
        np.float32
    )


class Tree:
    """The tree of labels of the hierarchical softmax (Huffman 1952, Morin and Bengio 2005).

    Args:
        counts: How often each label occurs, the most frequent first: `[L]`.
    """

    def __init__(self, counts: NDArray[np.int64]) -> None:
        self._labels = len(counts)
        self._levels = _levels(_merge(counts.tolist()), self._labels)

    def probabilities(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of the labels, `[B, L]`.

        Args:
            scores: Of the inner nodes, `[B, L]`; the last one belongs to none.
        """
        # A large negative score overflows to infinity, and then the right branch has probability 0.
        with np.errstate(over="ignore"):
            right = 1 / (1 + np.exp(-scores))
        logs = np.zeros((len(scores), 2 * self._labels - 1))
        for parents, left_children, right_children in self._levels:
            right_probability = right[:, parents - self._labels]
            logs[:, left_children] = logs[:, parents] + np.log(1 - right_probability + ADDED)
            logs[:, right_children] = logs[:, parents] + np.log(right_probability + ADDED)
        return np.exp(logs[:, : self._labels]).astype(np.float32)


def _merge(counts: list[int]) -> list[tuple[int, int]]:
    """Return the children of each inner node; inner nodes are numbered after the leaves."""
    weights = counts.copy()
    leaf, node = len(counts) - 1, len(counts)
    children = []
    for _ in range(len(counts) - 1):
        pair = []
        for _ in range(2):
            # Of equally rare ones the inner node comes first.
            if leaf >= 0 and (node >= len(weights) or weights[leaf] < weights[node]):
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        children.append((pair[0], pair[1]))
        weights.append(weights[pair[0]] + weights[pair[1]])
    return children


_Level = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]


def _levels(children: list[tuple[int, int]], labels: int) -> list[_Level]:
    """Return the inner nodes with their children, level by level from the root."""
    levels: list[_Level] = []
    parents = [2 * labels - 2] if children else []
    while parents:
        pairs = np.array([children[parent - labels] for parent in parents], dtype=np.intp)
        levels.append((np.array(parents, dtype=np.intp), pairs[:, 0], pairs[:, 1]))
        parents = [child for child in pairs.ravel().tolist() if child >= labels]
    return levels


#: What the library reads at the end of each line.
END_OF_LINE: Final = "</s>"

_SEPARATORS: Final = re.compile("[ \n\r\t\v\f\0]+")
_CACHED_WORDS: Final = 50_000


@dataclass(frozen=True, eq=False)
class FastTextModel:
    """What a file of the fastText library holds.

    Words and labels are as in the file; bytes that aren't of its encoding are lone surrogates in them.

    Attributes:
        args: The settings that it was trained with.
        words: The known words, most frequent first: `[V]`.
        word_counts: How often each occurred, `[V]`, int64.
        labels: The labels, with their prefix, most frequent first: `[L]`. Vectors that were trained on labelled
            texts have some too, and no use for them.
        label_counts: How often each occurred, `[L]`, int64.
        input: The rows of the words, and behind them those that sub-words and n-grams of words share.
        output: The rows of the labels, `[L, width]`, in a supervised model, or of the words, `[V, width]`.
        tokens: How many words and labels the texts had.
        pruned: Which of the shared rows are left, as pairs of a hash, modulo the number of buckets, and a row:
            `[P, 2]`, int32; None for all.
        encoding: How the file's words are encoded.
        label_prefix: What distinguishes a label from a word in a text. No file says it.
    """

    args: FastTextArgs
    words: tuple[str, ...]
    word_counts: NDArray[np.int64]
    labels: tuple[str, ...]
    label_counts: NDArray[np.int64]
    input: Matrix
    output: Matrix
    tokens: int = 0
    pruned: NDArray[np.int32] | None = None
    encoding: str = "utf-8"
    label_prefix: str = "__label__"
    _subwords: dict[str, list[int]] = field(init=False, repr=False, default_factory=dict)

    @property
    def width(self) -> int:
        """The width of a vector."""
        return self.args.width

    @property
    def is_supervised(self) -> bool:
        """Whether it predicts labels."""
        return self.args.kind == "supervised"

    def word_id(self, word: str) -> int:
        """Return a word's place in `words`; -1 if it isn't known."""
        return self._ids.get(word, -1)

    def subword_ids(self, word: str) -> list[int]:
        """Return the rows of `input` whose mean is a word's vector.

        They're the word's own, if it's known, and those of its sub-words, in the library's order.
        """
        found = self._subwords.get(word)
        if found is None:
            if len(self._subwords) >= _CACHED_WORDS:
                self._subwords.clear()
            found = self._subwords[word] = list(self._find_rows(word))
        return found

    def vector(self, word: str) -> NDArray[np.float32]:
        """Return the vector of a word, known or not: `[width]`; zeros if none of its sub-words has a row.

        It's the mean of the rows of `input`, not normalised.
        """
        return self._mean(self.subword_ids(word))

    def vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words, `[N, width]`; see `vector`."""
        found = np.zeros((len(words), self.width), dtype=np.float32)
        for place, word in enumerate(words):
            found[place] = self.vector(word)
        return found

    def line_ids(self, text: str | Sequence[str]) -> list[int]:
        """Return the rows of `input` whose mean a prediction is made from.

        Args:
            text: A text, split at ASCII white space, or words as they are. As in the library, labels in it count
                for nothing, and its end counts as a word.

        Raises:
            EmbedderError: The file is from before there were versions, and uses n-grams of words, which were
                hashed in another way then.
        """
        if self.args.version == 0 and self.args.word_ngrams > 1:
            raise EmbedderError(
                "this model of n-grams of words is from before fastText's files had versions, and hashes them "
                "in a way of its own: train it anew"
            )
        words = _SEPARATORS.split(text) if isinstance(text, str) else text
        tokens = [word for word in words if word and not self._is_label(word)]
        if END_OF_LINE in tokens:
            tokens = tokens[: tokens.index(END_OF_LINE)]
        tokens.append(END_OF_LINE)
        return [row for token in tokens for row in self.subword_ids(token)] + self._word_ngrams(
            tokens
        )

    def probabilities(self, texts: Sequence[str | Sequence[str]]) -> NDArray[np.float32]:
        """Return the probability of each label for each text, `[B, L]`.

        A text of which nothing is known has zeros. See `line_ids` for what a text is.

        Raises:
            EmbedderError: The model isn't a supervised one, or its numbers are too large to compute with.
        """
        return self._probabilities([self.line_ids(text) for text in texts])

    def predict(
        self, text: str | Sequence[str], k: int = 1, threshold: float = 0.0
    ) -> list[tuple[str, float]]:
        """Return the most probable labels of a text with the library's probabilities, most probable first.

        These are higher than those of `probabilities` by 0.00001, so that they may exceed 1. A text of which
        nothing is known has no labels.

        Args:
            text: A text or its words; see `line_ids`.
            k: How many labels at most; -1 means all.
            threshold: How probable a label must be.

        Raises:
            EmbedderError: As `probabilities`, or `k` is something else.
        """
        if k < 1 and k != -1:
            raise EmbedderError(f"`k` is {k}; it must be at least 1, or -1 for all labels")
        ids = self.line_ids(text)
        probabilities = self._probabilities([ids])[0]
        if not ids:
            return []
        best = np.argsort(-probabilities, kind="stable")[: None if k == -1 else k]
        # The hierarchical softmax has it in its sums already.
        by_tree = self.args.loss == "hs"
        least, added = (threshold + ADDED, 0.0) if by_tree else (threshold, ADDED)
        return [
            (self.labels[label], float(probabilities[label]) + added)
            for label in best.tolist()
            if probabilities[label] >= np.float32(least) or threshold <= 0
        ]

    def with_words(self, ids: NDArray[np.intp]) -> "FastTextModel":
        """Return the model with some of its words only, in the order given; what's shared stays."""
        shared = np.arange(len(self.words), self.input.shape[0])
        return replace(
            self,
            words=tuple(self.words[place] for place in ids.tolist()),
            word_counts=self.word_counts[ids],
            input=self.input.take(np.concatenate([ids, shared])),
            output=self.output if self.is_supervised else self.output.take(ids),
        )

    def encoded(self, word: str) -> bytes:
        """Return a word as the file has it, or would."""
        try:
            return word.encode(self.encoding, "surrogateescape")
        except UnicodeEncodeError:
            return word.encode("utf-8", "surrogatepass")

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    @cached_property
    def _row_of_hash(self) -> dict[int, int] | None:
        return None if self.pruned is None else dict(self.pruned.tolist())

    @cached_property
    def _label_set(self) -> frozenset[str]:
        return frozenset(self.labels)

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self.label_counts)

    @cached_property
    def _output_rows(self) -> NDArray[np.float32]:
        return self.output.dense()

    def _find_rows(self, word: str) -> Iterator[int]:
        place = self._ids.get(word, -1)
        if place >= 0:
            yield place
        # The first files gave it sub-words as to any other word.
        if word == END_OF_LINE and self.args.version:
            return
        limits = {"min_n": self.args.min_n, "max_n": self.args.max_n}
        if self.args.max_n:
            yield from self._shared(subword_hashes(self.encoded(word), **limits))

    def _shared(self, hashes: Iterator[int]) -> Iterator[int]:
        first, buckets, left = len(self.words), self.args.buckets, self._row_of_hash
        for value in hashes:
            row = value % buckets if left is None else left.get(value % buckets, -1)
            if row >= 0:
                yield first + row

    def _is_label(self, token: str) -> bool:
        if token in self._ids:
            return False
        return token.startswith(self.label_prefix) or token in self._label_set

    def _word_ngrams(self, tokens: Sequence[str]) -> list[int]:
        if self.args.word_ngrams < 2:
            return []
        hashes = np.array([word_hash(self.encoded(token)) for token in tokens], dtype=np.uint32)
        found = word_ngram_hashes(hashes, most=self.args.word_ngrams)
        return list(self._shared(iter(found.tolist())))

    def _mean(self, ids: Sequence[int]) -> NDArray[np.float32]:
        if not len(ids):
            return np.zeros(self.width, dtype=np.float32)
        rows = self.input.rows(np.array(ids, dtype=np.intp))
        # Values of a damaged file may be so large that their sum overflows, while their mean never does.
        with np.errstate(over="ignore", invalid="ignore"):
            mean: NDArray[np.float32] = rows.mean(axis=0, dtype=np.float32)
        if not np.isfinite(mean).all():
            mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        return mean

    def _probabilities(self, lines: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        if not self.is_supervised:
            raise EmbedderError(f"a {self.args.kind} model has no labels to predict")
        hidden = np.zeros((len(lines), self.width), dtype=np.float32)
        for place, ids in enumerate(lines):
            hidden[place] = self._mean(ids)
        found = self._from_hidden(hidden)
        found[[not ids for ids in lines]] = 0
        return found

    def _from_hidden(self, hidden: NDArray[np.float32]) -> NDArray[np.float32]:
        with np.errstate(over="ignore", invalid="ignore"):
            scores = hidden @ self._output_rows.T
        if not np.isfinite(scores).all():
            raise EmbedderError("the model's numbers are too large to compute with: it's damaged")
        if self.args.loss == "hs":
            return self._tree.probabilities(scores)
        return softmax(scores) if self.args.loss == "softmax" else sigmoid(scores)
