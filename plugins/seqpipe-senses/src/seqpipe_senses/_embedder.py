"""An embedder with several vectors for a word."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.parts.embedders import ContextualEmbedder, Embedder, FitProgress, OnProgress
from seqpipe.workers import Tables, read_tables, spool_sequences, write_tables

from seqpipe_senses._contexts import unit
from seqpipe_senses._settings import Settings

if TYPE_CHECKING:
    from seqpipe_senses._fit import Senses

#: The part of the work that fitting the embedder below is.
_SHARE: Final = 0.6
#: What of the settings shapes vectors after fitting.
_KEPT: Final = ("context", "lower")


@dataclass(frozen=True)
class Sense:
    """A sense of a word.

    Attributes:
        number: Its number among those of the word, from 0, the most frequent first.
        share: Its share of the word's occurrences.
        nearest: The words whose vectors are nearest to its own, the nearest first, with the cosine. A word stands here once,
            by the sense that's nearest.
    """

    number: int
    share: float
    nearest: tuple[tuple[str, float], ...]


@final
class MultiSense(ContextualEmbedder):
    """Several vectors for a word, one for each of its senses, chosen by the words around it.

    In the manner of multiple-sense skip-gram (Neelakantan et al. 2014), in two steps rather than at once. First the
    occurrences of each frequent word are clustered by the words around them, as the embedder below has these (Schütze
    1998), into as many senses as are far enough from each other. Then each occurrence counts as one of its sense, and
    skip-gram with negative sampling trains a vector for each sense and each word with one sense, beginning with the vectors
    of the embedder below. What predicts contexts is a sense's own too, as in Huang et al. (2012).

    In a pipeline, encoders are given the sense of each word where it stands. A word that stands alone has the mean of its senses, and
    an unknown word the zero vector. The result is the same for any number of threads.

    Args:
        embedder: Gives the vectors of words to begin with. It's fitted on the same sequences first, and isn't saved.
        most_senses: The most senses of a word.
        distance: How far senses must be from each other: one minus the cosine of the means of their contexts. The larger it is,
            the fewer words have several.
        min_share: The least share of a word's occurrences that a sense has.
        min_count: How often a word must occur for its senses to be looked for.
        max_frequency: The greatest share of all words that such a word has: words such as "of" occur everywhere.
        context: The most words to either side that a sense is chosen by.
        rarity: Words with this share of all count half as much as rare ones in a context.
        epochs: How often the sequences are trained on for the senses.
        window: The most words to either side that are a word's context in training.
        negatives: How many random words each prediction is contrasted with; 61 at most.
        learning_rate: At the beginning; it falls to 0.
        subsample: Words whose share of all words is above this are skipped in training at random; 1 skips none.
        threads: How many threads train; None for all there are.
        lower: Whether words are lower-cased, in fitting and later.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        most_senses: int = 4,
        distance: float = 0.8,
        min_share: float = 0.1,
        min_count: int = 100,
        max_frequency: float = 0.002,
        context: int = 10,
        rarity: float = 1e-4,
        epochs: int = 5,
        window: int = 5,
        negatives: int = 5,
        learning_rate: float = 0.05,
        subsample: float = 1e-3,
        threads: int | None = None,
        lower: bool = False,
    ) -> None:
        self.embedder = embedder
        self._settings = Settings(
            most_senses=most_senses,
            distance=distance,
            min_share=min_share,
            min_count=min_count,
            max_frequency=max_frequency,
            context=context,
            rarity=rarity,
            epochs=epochs,
            window=window,
            negatives=negatives,
            learning_rate=learning_rate,
            subsample=subsample,
            threads=threads,
            lower=lower,
        )
        self._senses: Senses | None = None
        self._numbers: dict[str, int] = {}
        #: Which of the words with several senses each word is; -1 for others.
        self._which = np.zeros(0, dtype=np.int64)

    # Evaluated late: the embedder below may read its width from a file, which a saved pipeline doesn't need.
    @property
    def width(self) -> int:  # type: ignore[override]
        """The width of a vector, that of the embedder below."""
        return self.embedder.width

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words of the sequences that the embedder below knew; see `Embedder.vocabulary`."""
        return self._senses.vocabulary if self._senses else ()

    @property
    def ambiguous(self) -> Sequence[str]:
        """The words that have several senses, most frequent first; empty before fitting."""
        if self._senses is None:
            return ()
        return tuple(self._senses.vocabulary[number] for number in self._senses.words.tolist())

    def check_sources(self) -> None:
        """Check those of the embedder below; see `Embedder.check_sources`."""
        self.embedder.check_sources()

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit the embedder below, then find and train senses; see `Embedder.fit`.

        Sequences may come from a stream larger than memory: they're kept in temporary files.
        """
        from seqpipe_senses._fit import fit_senses

        report = on_progress or _ignore_progress
        with tempfile.TemporaryDirectory(prefix="seqpipe-") as folder:
            spool = spool_sequences(
                sequences, Path(folder) / "sequences.txt", lower=self._settings.lower
            )
            self.embedder.fit(spool, seed=seed, on_progress=_relay(report))
            senses = fit_senses(
                spool,
                self.embedder,
                self._settings,
                seed=seed,
                on_progress=lambda done: report(FitProgress(_SHARE + (0.999 - _SHARE) * done)),
            )
        self._keep(senses)
        report(FitProgress(1.0))

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `words` that stand alone: means of their senses, zeros of unknown words; see `Embedder.embed`."""
        return self._rows(self._read(words))

    def embed_in_context(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of the senses of a text's words; see `ContextualEmbedder.embed_in_context`."""
        rows = self._read(words)
        places, chosen, _ = self._choose(rows)
        rows[places] = len(self._fitted().vocabulary) + chosen
        return self._rows(rows)

    def senses_of(self, words: Sequence[str]) -> list[int]:
        """Return the number of the sense of each word of a text; 0 where a word has one sense.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """
        senses = self._fitted()
        found = np.zeros(len(words), dtype=np.int64)
        places, chosen, which = self._choose(self._read(words))
        found[places] = chosen - senses.starts[which]
        return [int(number) for number in found]

    def sense_of(self, words: Sequence[str], place: int) -> int:
        """Return the number of the sense of one word of a text.

        Args:
            words: All words of the text.
            place: Which one, from 0.

        Raises:
            EmbedderError: The embedder hasn't been fitted, or there's no such place.
        """
        if not 0 <= place < len(words):
            raise EmbedderError(f"there's no word at place {place} of a text of {len(words)} words")
        return self.senses_of(words)[place]

    def senses(self, word: str, *, nearest: int = 8) -> list[Sense]:
        """Return the senses of a word, the most frequent first; one alone of any word without several. An unknown word has no nearest ones.

        Args:
            word: The word.
            nearest: How many of the nearest words to return with each.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """
        senses = self._fitted()
        (number,) = self._read([word]).tolist()
        first, last = self._span(number)
        counts = senses.counts[first:last]
        shares = counts / max(1, counts.sum()) if first < last else np.ones(1)
        found = self._nearest(self.vectors_of(word), number, nearest)
        return [
            Sense(number, float(share), words)
            for number, (share, words) in enumerate(zip(shares, found, strict=True))
        ]

    def vectors_of(self, word: str) -> NDArray[np.float32]:
        """Return the vectors of a word's senses, `[K, width]`, the most frequent first.

        Raises:
            EmbedderError: The embedder hasn't been fitted.
        """
        senses = self._fitted()
        (number,) = self._read([word]).tolist()
        first, last = self._span(number)
        if first == last:
            return self.embed([word])
        return np.array(senses.vectors[len(senses.vocabulary) :][first:last])

    def to_disk(self, path: Path) -> None:
        """Write everything into the folder `path`; see `Embedder.to_disk`."""
        senses = self._fitted()
        settings = asdict(self._settings)
        arrays = {name: getattr(senses, name) for name in _forms(self.width)}
        kept = {name: settings[name] for name in _KEPT}
        write_tables(Tables(senses.vocabulary, kept, arrays), path, kind=type(self).__name__)

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; see `Embedder.from_disk`.

        What a sense is chosen by comes along: `context` and `lower`.
        """
        tables = read_tables(path, kind=type(self).__name__, forms=_forms(self.width))
        senses = _check(tables, path)
        context, lower = (tables.settings.get(name) for name in _KEPT)
        if type(context) is not int or type(lower) is not bool:
            raise SavedModelError(f"{path} is damaged: its settings are those of another embedder")
        try:
            self._settings = replace(self._settings, context=context, lower=lower)
        except ConfigError as error:
            raise SavedModelError(f"{path} is damaged: {error}") from error
        self._keep(senses)

    def _read(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers of words, -1 for unknown ones."""
        self._fitted()
        forms = [word.lower() for word in words] if self._settings.lower else words
        return np.array([self._numbers.get(form, -1) for form in forms], dtype=np.int64)

    def _rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows of the table; zeros for -1."""
        vectors: NDArray[np.float32] = self._fitted().vectors[rows]
        vectors[rows < 0] = 0
        return vectors

    def _choose(
        self, numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int64]]:
        """Return where words with several senses stand, which senses they have there, and which of such words each is."""
        senses = self._fitted()
        # As in fitting, words that aren't known don't count.
        where = np.flatnonzero(numbers >= 0)
        known = numbers[where].astype(np.int32)
        which = self._which[known]
        places = np.flatnonzero(which >= 0)
        if not len(places):
            return places, which[:0], which[:0]
        ends = np.array([len(known)], dtype=np.int64)
        chosen = senses.choose(known, ends, places, which[places], self._settings.context)
        return where[places], chosen, which[places]

    def _span(self, number: int) -> tuple[int, int]:
        """Return where the senses of a word begin and end; the same twice for a word with one."""
        starts = self._fitted().starts
        which = int(self._which[number]) if number >= 0 else -1
        return (int(starts[which]), int(starts[which + 1])) if which >= 0 else (0, 0)

    def _nearest(
        self, vectors: NDArray[np.float32], number: int, count: int
    ) -> list[tuple[tuple[str, float], ...]]:
        """Return the words nearest to each of some vectors, with their cosines, but for the word of a number."""
        senses = self._fitted()
        owners = np.concatenate(
            [np.arange(len(senses.vocabulary)), np.repeat(senses.words, np.diff(senses.starts))]
        )
        table = unit(senses.vectors)
        # Of a word with several senses, the mean isn't one of them.
        is_asked = owners != number
        is_asked[senses.words] = False
        found: list[tuple[tuple[str, float], ...]] = []
        for vector in unit(vectors):
            if not vector.any():
                found.append(())
                continue
            cosines = np.where(is_asked, table @ vector, -2)
            best: dict[str, float] = {}
            for row in np.argsort(-cosines, kind="stable").tolist():
                if len(best) >= count or not is_asked[row]:
                    break
                best.setdefault(senses.vocabulary[owners[row]], float(cosines[row]))
            found.append(tuple(best.items()))
        return found

    def _keep(self, senses: "Senses") -> None:
        self._senses = senses
        self._numbers = {word: number for number, word in enumerate(senses.vocabulary)}
        self._which = np.full(len(senses.vocabulary), -1, dtype=np.int64)
        self._which[senses.words] = np.arange(len(senses.words))

    def _fitted(self) -> "Senses":
        if self._senses is None:
            raise EmbedderError(
                "the embedder hasn't been fitted: fit it, or read a saved one, first"
            )
        return self._senses


def _forms(width: int) -> dict[str, tuple[type, tuple[int | None, ...]]]:
    """Return what each array is that's saved."""
    return {
        "words": (np.int64, (None,)),
        "starts": (np.int64, (None,)),
        "vectors": (np.float32, (None, width)),
        "centres": (np.float32, (None, width)),
        "counts": (np.int64, (None,)),
        "features": (np.float32, (-1, width)),
    }


def _check(tables: Tables, path: Path) -> "Senses":
    """Return what's saved, if its arrays fit each other."""
    from seqpipe_senses._fit import Senses

    arrays = tables.arrays
    words, starts = arrays["words"], arrays["starts"]
    sizes = {
        len(arrays["vectors"]) - len(tables.words),
        len(arrays["centres"]),
        len(arrays["counts"]),
    }
    is_whole = (
        len(starts) == len(words) + 1
        and starts[0] == 0
        and sizes == {int(starts[-1])}
        and (np.diff(starts) >= 2).all()
        and (np.diff(words) > 0).all()
        and (words >= 0).all()
        and (words < len(tables.words)).all()
        and (arrays["counts"] >= 0).all()
    )
    if not is_whole:
        raise SavedModelError(f"{path} is damaged: the arrays of its senses don't fit each other")
    return Senses(vocabulary=tuple(tables.words), **arrays)


def _ignore_progress(progress: FitProgress) -> None:
    pass


def _relay(report: OnProgress) -> OnProgress:
    def relay(progress: FitProgress) -> None:
        report(FitProgress(_SHARE * progress.fraction, progress.loss, progress.words_per_second))

    return relay
