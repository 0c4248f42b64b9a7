"""Embedders that break one sentence of the contract each."""

import json
import os
from collections import Counter

import numpy as np

from seqpipe.errors import EmbedderError, SavedModelError
from seqpipe.parts.embedders import Embedder, FitProgress


class Good(Embedder):
    """Draws a vector for each word."""

    def __init__(self, *, width: int = 4) -> None:
        self.width = width
        self._vectors = {}

    @property
    def vocabulary(self):
        return list(self._vectors)

    def fit(self, sequences, *, seed=0, on_progress=None):
        self._fit(self._count(sequences), np.random.default_rng(seed))
        if on_progress:
            self._report(on_progress)

    def _count(self, sequences):
        return Counter(word for sequence in sequences for word in sequence)

    def _fit(self, counts, random):
        if not counts:
            raise EmbedderError("there are no words")
        self._vectors = {}
        for word, _ in counts.most_common():
            self._vectors[word] = random.normal(size=self.width).astype(np.float32)

    def _report(self, on_progress):
        on_progress(FitProgress(0.5))
        on_progress(FitProgress(1.0))

    def embed(self, words):
        self._check()
        rows = [self._row(word) for word in words]
        return np.array(rows, np.float32).reshape(len(words), self.width)

    def _check(self):
        if not self._vectors:
            raise EmbedderError("not fitted")

    def _row(self, word):
        return self._vectors.get(word, np.zeros(self.width, np.float32))

    def to_disk(self, path):
        self._check()
        text = json.dumps({word: row.tolist() for word, row in self._vectors.items()})
        self._write(path / "vectors.json", text)

    def _write(self, path, text):
        path.write_text(text, encoding="utf-8")

    def from_disk(self, path):
        try:
            self._vectors = self._read(path)
        except (OSError, ValueError, AttributeError) as error:
            raise SavedModelError(f"{path}: {error}") from error

    def _read(self, path):
        saved = json.loads((path / "vectors.json").read_text(encoding="utf-8"))
        if not saved:
            raise ValueError("no words")
        return {word: np.array(row, np.float32) for word, row in saved.items()}


class NoEmbedder:
    """Isn't an embedder at all."""


class WidthUnknown(Good):
    """Learns its width when it's fitted."""

    def __init__(self) -> None:
        super().__init__()
        self.width = None


class Undocumented(Good):
    def _row(self, word):
        return -super()._row(word)


class ZerosBefore(Good):
    """Returns zeros before it's fitted."""

    def _check(self):
        pass


class WordsBefore(Good):
    """Has a word before it's fitted."""

    @property
    def vocabulary(self):
        return super().vocabulary or ["<unknown>"]


class FitsOnNothing(Good):
    """Takes no words for words."""

    def _fit(self, counts, random):
        super()._fit(counts or Counter(["<nothing>"]), random)


class Doubles(Good):
    """Returns float64."""

    def embed(self, words):
        return super().embed(words).astype(np.float64)


class Lists(Good):
    """Returns lists."""

    def embed(self, words):
        return super().embed(words).tolist()


class Infinite(Good):
    """Takes the logarithm of 0 for the rarest word."""

    def _row(self, word):
        row = super()._row(word)
        return row - np.inf if word == self.vocabulary[-1] else row


class Sorted(Good):
    """Returns the vectors in the order of the alphabet."""

    def embed(self, words):
        return super().embed(sorted(words))


class Centred(Good):
    """Takes the mean of all words that it's asked for off."""

    def embed(self, words):
        vectors = super().embed(words)
        return vectors - vectors.mean(0) if len(vectors) else vectors


class KnownOnly(Good):
    """Fails at a word that it doesn't know."""

    def _row(self, word):
        return self._vectors[word]


class RandomForUnknown(Good):
    """Draws a new vector each time for a word that it doesn't know."""

    def _row(self, word):
        known = self._vectors.get(word)
        return np.random.default_rng().normal(size=self.width) if known is None else known


class NotANumber(Good):
    """Has no numbers for words that it doesn't know."""

    def _row(self, word):
        return self._vectors.get(word, np.full(self.width, np.nan))


class NeedsAWord(Good):
    """Can't do without a word."""

    def embed(self, words):
        self._check()
        return np.stack([self._row(word) for word in words])


class ByAlphabet(Good):
    """Sorts its vocabulary by the alphabet."""

    @property
    def vocabulary(self):
        return sorted(self._vectors)


class WithUnknown(Good):
    """Counts a mark for unknown words as a word."""

    def _fit(self, counts, random):
        super()._fit(counts, random)
        self._vectors["<unknown>"] = np.zeros(self.width, np.float32)


class ReadsTwice(Good):
    """Counts in one pass and looks in another."""

    def fit(self, sequences, *, seed=0, on_progress=None):
        counts = Counter(word for sequence in sequences for word in sequence)
        seen = {word for sequence in sequences for word in sequence}
        self._fit(
            Counter({w: n for w, n in counts.items() if w in seen}), np.random.default_rng(seed)
        )
        if on_progress:
            self._report(on_progress)

    def _fit(self, counts, random):
        super()._fit(counts, random)


class NeverReports(Good):
    """Keeps its progress to itself."""

    def _report(self, on_progress):
        pass


class StopsHalfway(Good):
    """Never says that it has ended."""

    def _report(self, on_progress):
        on_progress(FitProgress(0.5))


class Rounds(Good):
    """Writes too few digits."""

    def to_disk(self, path):
        self._check()
        rows = {word: [round(float(x), 2) for x in row] for word, row in self._vectors.items()}
        self._write(path / "vectors.json", json.dumps(rows))


class WordsOfLines(Good):
    """Writes a word a line, so that some can't be distinguished after."""

    def to_disk(self, path):
        self._check()
        rows = [
            " ".join([word, *map(repr, map(float, row))]) for word, row in self._vectors.items()
        ]
        self._write(path / "vectors.txt", "\n".join([*rows, ""]))

    def _read(self, path):
        lines = (path / "vectors.txt").read_text(encoding="utf-8").splitlines()
        if len({len(line.split(" ")) for line in lines}) != 1 or not lines:
            raise ValueError("lines of different lengths")
        rows = {line.split(" ")[0]: np.array(line.split(" ")[1:], np.float32) for line in lines}
        if len(rows) < 10 or {len(row) for row in rows.values()} != {self.width}:
            raise ValueError("lines are missing")
        if not (path / "vectors.txt").read_text(encoding="utf-8").endswith("\n"):
            raise ValueError("the end is missing")
        return rows


class LeaksErrors(Good):
    """Lets errors of the JSON library through."""

    def from_disk(self, path):
        self._vectors = self._read(path)


class TakesAnything(Good):
    """Begins anew where it can't read."""

    def from_disk(self, path):
        try:
            self._vectors = self._read(path)
        except Exception:
            self._vectors = {"": np.zeros(self.width, np.float32)}


class Crashes(Good):
    """Takes the process along."""

    def from_disk(self, path):
        try:
            super().from_disk(path)
        except SavedModelError:
            os._exit(11)


class ByHash(Good):
    """Makes the vectors of unknown words of what Python calls their hash, another one in each process."""

    def _row(self, word):
        known = self._vectors.get(word)
        return np.full(self.width, hash(word) % 1000) if known is None else known


class OneSeed(Good):
    """Takes one seed only."""

    def fit(self, sequences, *, seed=0, on_progress=None):
        super().fit(sequences, seed=seed, on_progress=on_progress)
        if seed:
            self._vectors = {word: np.random.rand(self.width) for word in self._vectors}


class View(Good):
    """Hands out its own memory where it can."""

    def _row(self, word):
        return super()._row(word)

    def embed(self, words):
        if len(words) == 1 and words[0] in self._vectors:
            return self._vectors[words[0]].reshape(1, self.width)
        return super().embed(words)


class Unseeded(Good):
    """Doesn't care about the seed."""

    def _fit(self, counts, random):
        super()._fit(counts, np.random.default_rng())


class AddsUp(Good):
    """Remembers what it was fitted on before."""

    def __init__(self, *, width: int = 4) -> None:
        super().__init__(width=width)
        self._seen = Counter()

    def _fit(self, counts, random):
        self._seen += counts
        super()._fit(self._seen, random)


BROKEN = {
    "can_be_made": [NoEmbedder, WidthUnknown],
    "is_documented": [Undocumented],
    "asks_to_be_fitted": [ZerosBefore, WordsBefore],
    "refuses_to_fit_on_nothing": [FitsOnNothing],
    "vectors_have_their_shape": [Doubles, Lists],
    "vectors_are_finite": [Infinite],
    "rows_are_their_words_own": [Sorted, Centred],
    "unknown_words_have_vectors": [KnownOnly, RandomForUnknown, NotANumber],
    "no_words_have_no_vectors": [NeedsAWord],
    "vocabulary_is_by_frequency": [ByAlphabet, WithUnknown],
    "reads_its_input_once": [ReadsTwice],
    "reports_its_progress": [NeverReports, StopsHalfway],
    "reads_what_it_wrote": [Rounds],
    "odd_words_are_words": [WordsOfLines],
    "refuses_damaged_files": [LeaksErrors, TakesAnything, Crashes],
    "same_seed_same_vectors": [Unseeded, OneSeed],
    "same_vectors_in_another_process": [ByHash],
    "results_are_the_callers": [View],
    "fits_anew": [AddsUp],
}


class Capped(Good):
    """Keeps the most frequent words, writes a file each below a folder, and wants them often."""

    def _fit(self, counts, random):
        often = Counter({word: n for word, n in counts.items() if n >= 3})
        super()._fit(Counter(dict(often.most_common(50))), random)

    def _write(self, path, text):
        (path.parent / "parts").mkdir()
        super()._write(path.parent / "parts" / path.name, text)

    def _read(self, path):
        return super()._read(path / "parts")


class ForLargeTexts(Good):
    """Wants words more often than there are any here, so that little can be tried."""

    def _fit(self, counts, random):
        super()._fit(Counter({word: n for word, n in counts.items() if n >= 10**6}), random)


GOOD = [Good, Capped, ForLargeTexts]
HELPERS = set()
