"""The text files that the library trains on: a text a line, its labels first."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seqpipe.errors import ClassifierError
from seqpipe.formats.fasttext import hash_subwords
from seqpipe.parts.class_weights import count_labels, label_weights, weigh_texts
from seqpipe.parts.classifiers._contract import LabelledWords
from seqpipe.parts.classifiers.fasttext._forms import PREFIX, WordForms, label_form
from seqpipe.parts.classifiers.fasttext._settings import Settings

# Weights of texts, as how often each is repeated.

_MAX_COPIES = 10_000

Labels = tuple[str, ...]


def copies(labels: Sequence[Labels], weights: Sequence[float]) -> list[int]:
    """Return how often each text is written, so that texts count by their weights.

    Those of the smallest weight above 0 are written once. Rounding errors are carried over to the next
    text that has the same labels, so that nothing is random.

    Raises:
        ClassifierError: Weights differ too much, or none is above 0.
    """
    used = [weight for weight in weights if weight > 0]
    if not used:
        raise ClassifierError("no text has a weight above 0: there's nothing to learn from")
    smallest, largest = min(used), max(used)
    if largest > _MAX_COPIES * smallest or not math.isfinite(largest):
        raise ClassifierError(
            f"the weights of texts lie between {smallest:g} and {largest:g}: texts are repeated in proportion, "
            f"and {_MAX_COPIES:,} times is the most"
        )
    owed: defaultdict[Labels, float] = defaultdict(float)
    counts = []
    for each, weight in zip(labels, weights, strict=True):
        due = owed[each] + weight / smallest
        # A sum of thirds may fall just short of an integer.
        count = math.floor(due + 1e-9)
        owed[each] = due - count
        counts.append(count)
    return counts


# The number of n-grams, from which the size of their table follows.

_PER_NGRAM = 2
#: What the library always takes.
MAX_BUCKETS = 2_000_000
_MAX_NGRAMS = MAX_BUCKETS // _PER_NGRAM

_PRIME = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


class DistinctNgrams:
    """Counts the distinct n-grams of the words of texts, up to as many as fill the largest table.

    Args:
        longest: The most words in a row.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._numbers: dict[str, int] = {}
        self._seen: set[int] = set()

    def add(self, words: Sequence[str]) -> None:
        """Count those of a text. The library sees the end of a text as a word."""
        if self._longest < 2 or len(self._seen) >= _MAX_NGRAMS:
            return
        numbers = [self._numbers.setdefault(word, len(self._numbers) + 1) for word in words]
        numbers.append(0)
        for start, value in enumerate(numbers):
            for number in numbers[start + 1 : start + self._longest]:
                value = ((value + 1) * _PRIME + number) & _MASK
                self._seen.add(value)

    @property
    def count(self) -> int:
        """How many were seen."""
        return len(self._seen)


def fitted_buckets(of_words: int, words: Iterable[str], *, min_n: int, max_n: int) -> int:
    """Return the size of the table: twice as many as there are distinct n-grams.

    Args:
        of_words: How many there are of words.
        words: The known words, whose n-grams of characters count too.
        min_n: The fewest characters.
        max_n: The most; none if it's 0.
    """
    count = of_words
    if max_n:
        count += len(np.unique(hash_subwords(words, min_n=min_n, max_n=max_n).hashes))
    return min(max(1, _PER_NGRAM * count), MAX_BUCKETS)


@dataclass
class Corpus:
    """What was written.

    Attributes:
        ngrams: The n-grams of words.
        labels: The labels of each text.
        weights: The weight of each text by itself.
        words: How often each word occurs, as it's written.
    """

    ngrams: DistinctNgrams
    labels: list[Labels] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    words: Counter[str] = field(default_factory=Counter)

    def add(self, example: LabelledWords, words: Sequence[str]) -> None:
        """Count a text."""
        self.labels.append(tuple(dict.fromkeys(example.labels)))
        self.weights.append(example.weight)
        self.words.update(words)
        self.ngrams.add(words)


def write_corpus(
    examples: Iterable[LabelledWords], path: Path, *, labels: Sequence[str], settings: Settings
) -> Corpus:
    """Write the texts to train on; one of twice the weight is there twice.

    Args:
        examples: The texts, which are read once. Those without a label are left out.
        path: Where to.
        labels: All labels that there are.
        settings: The training's settings.

    Raises:
        ClassifierError: An example can't be used, or there's too little to learn from.
    """
    corpus = Corpus(DistinctNgrams(settings.word_ngrams))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for example, words, line in _lines(examples, labels, lower=settings.lower):
            corpus.add(example, words)
            file.write(line)
    _check_labels(corpus)
    weights = label_weights(settings.class_weights, count_labels(corpus.labels))
    repeats = copies(corpus.labels, weigh_texts(corpus.labels, corpus.weights, weights))
    if set(repeats) != {1}:
        corpus.words = _repeat(path, repeats)
    _check_frequent(corpus, repeats, settings)
    return corpus


def write_dev(
    examples: Iterable[LabelledWords], path: Path, *, labels: Sequence[str], lower: bool
) -> None:
    """Write the texts that settings are chosen by.

    Raises:
        ClassifierError: An example can't be used, or there's none.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        lines = [file.write(line) for _, _, line in _lines(examples, labels, lower=lower)]
    if not lines:
        raise ClassifierError("there's nothing to autotune by: no text of the dev part has a label")


def _lines(
    examples: Iterable[LabelledWords], labels: Sequence[str], *, lower: bool
) -> Iterator[tuple[LabelledWords, list[str], str]]:
    """Yield each text that has a label, its words as they're written, and its line."""
    forms, label_forms = WordForms(lower=lower), _label_forms(labels)
    for number, example in enumerate(examples, start=1):
        _check_example(example, number, label_forms)
        if example.labels:
            words = forms.of(example.words)
            line = " ".join([*(label_forms[label] for label in example.labels), *words])
            yield example, words, f"{line}\n"


def _label_forms(labels: Sequence[str]) -> dict[str, str]:
    forms = {}
    for label in labels:
        form = label_form(label)
        if form is None:
            raise ClassifierError(
                f"the label {label!r} can't be written for the fastText library: it's empty, or holds half of "
                "a surrogate pair or a character from U+F0000 on; give the class another name"
            )
        forms[label] = form
    return forms


def _check_example(example: LabelledWords, number: int, known: dict[str, str]) -> None:
    if isinstance(example.words, str):
        raise ClassifierError(
            f"the words of example {number} are a string, {example.words[:40]!r}: split it by a tokenizer first"
        )
    for label in example.labels:
        if label not in known:
            some = ", ".join(list(known)[:10])
            raise ClassifierError(
                f"example {number} has the label {label!r}, which isn't among the labels to learn: {some}"
            )
    if not 0 <= example.weight < float("inf"):
        raise ClassifierError(f"example {number} has the weight {example.weight}; 0 is the least")


def _check_labels(corpus: Corpus) -> None:
    if not corpus.labels:
        raise ClassifierError("there's nothing to fit the classifier on: no text has a label")
    found = count_labels(corpus.labels)
    # With a single one the library searches for another, as a negative example, forever.
    if len(found) < 2:
        raise ClassifierError(
            f"all {len(corpus.labels)} texts have the label {next(iter(found))!r}: a classifier needs two at least"
        )


def _check_frequent(corpus: Corpus, repeats: Sequence[int], settings: Settings) -> None:
    found: Counter[str] = Counter()
    for each, count in zip(corpus.labels, repeats, strict=True):
        found.update(dict.fromkeys(each, count))
    often = sum(count >= max(1, settings.min_count_label) for count in found.values())
    if often < 2:
        raise ClassifierError(
            f"{often} of the labels occur {settings.min_count_label} times or more, and a classifier needs two at "
            "least: set a smaller `min_count_label`"
        )
    if not any(count >= settings.min_count for count in corpus.words.values()):
        raise ClassifierError(
            f"none of the {len(corpus.words)} words in {len(corpus.labels)} texts occurs {settings.min_count} times "
            "or more: give the classifier more texts, or a smaller `min_count`"
        )


def _repeat(path: Path, counts: Sequence[int]) -> Counter[str]:
    """Write each line of a file as often as its count says, in rounds; return how often each word occurs then."""
    texts = path.with_suffix(".once")
    path.rename(texts)
    words: Counter[str] = Counter()
    with path.open("wb") as repeated:
        for round_ in range(max(counts)):
            with texts.open("rb") as file:
                for line, count in zip(file, counts, strict=True):
                    if round_ < count:
                        repeated.write(line)
                        words.update(line.decode().split(" "))
    return Counter({w.rstrip("\n"): n for w, n in words.items() if not w.startswith(PREFIX)})
