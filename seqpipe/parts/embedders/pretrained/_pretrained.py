"""An embedder whose vectors come from a file."""

import copy
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError, DataError, EmbedderError, SavedModelError
from seqpipe.formats import (
    FastTextModel,
    FloretTable,
    Format,
    Options,
    SavedEmbedder,
    Undecodable,
    VectorFile,
    check_readable,
    find_vectors,
    read_vectors,
    read_width,
)
from seqpipe.parts.embedders._contract import Embedder, FitProgress, OnProgress
from seqpipe.parts.embedders.pretrained._lookup import Floret, KnownWords, Lookup, Subwords, Trained
from seqpipe.parts.readers import locate
from seqpipe.storage.part_files import check_settings, read_any_settings, write_settings

_SETTINGS: Final = "embedder.json"
_KIND: Final = "Pretrained"
_FORMS: Final[dict[str, type[Lookup]]] = {
    each.form: each for each in (KnownWords, Subwords, Floret, Trained)
}


@final
class Pretrained(Embedder):
    """Word vectors that were trained elsewhere.

    Reads word2vec's text and both dialects of its binary form, GloVe's text, fastText's `.vec`, `.bin` and
    `.ftz`, floret's text, tables of numpy with a list of words, and the vectors of spaCy pipelines, those of
    seqpipe's among them; all but the last compressed by gzip, bzip2, xz or zstd as well. Files of fastText and floret
    have vectors of unknown words, from parts of them, and so has a pipeline of seqpipe's whose embedder gives them
    some; with the others an unknown word has the zero vector.

    Fitting reads the file. What's saved holds the vectors themselves, so that a saved pipeline needs the file no
    more. The texts that it's fitted on matter in two cases: with `only_seen`, and for floret, whose
    vocabulary they are, as its files list no words.

    Args:
        path: The file, or the folder of a spaCy pipeline, such as the ``model-best`` of a run: a plain path;
            ``package:NAME``, the only vectors that an installed package has, or ``package:NAME/below`` in it; or
            ``data:below``, below the folder that the environment variable SEQPIPE_DATA names.
        format: "word2vec", "word2vec-binary", "glove", "fasttext", "floret", "numpy" or "spacy"; `.vec` files are
            of the first. None means to detect it by the content.
        width: The width of a vector, which the file is held to. None means to read it from there, whenever
            it's asked for first.
        most_words: How many words to take, from the file's beginning, where the most frequent ones stand by
            custom. None means all. Sub-words are all kept.
        only_seen: Whether to keep the words only that the texts have, most frequent first.
        lower: Whether words are lower-cased before they're looked up.
        encoding: How the file's words are encoded.
        undecodable: What becomes of a word whose bytes aren't of that encoding: "refuse" the file, "skip" the
            word, or "replace" those bytes.
        vocabulary_path: The words of a numpy table, one a line or as the only strings of a Parquet file, as a
            path like the other one. None means ``vectors.words.txt`` beside ``vectors.npy``, or the only
            Parquet file there.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        path: str,
        format: Format | None = None,
        width: int | None = None,
        most_words: int | None = None,
        only_seen: bool = False,
        lower: bool = False,
        encoding: str = "utf-8",
        undecodable: Undecodable = "refuse",
        vocabulary_path: str | None = None,
    ) -> None:
        if width is not None and width < 1:
            raise ConfigError(f"the embedder's `width` is {width}; it must be at least 1")
        self._path = path
        self._options = Options(
            format=format, most_words=most_words, encoding=encoding, undecodable=undecodable
        )
        self._vocabulary_path = vocabulary_path
        self._only_seen = only_seen
        self._lower = lower
        self._lookup: Lookup | None = None
        self._stated_width = width
        if width is not None:
            self.width = width

    # Read as late as can be: where a saved pipeline is read, the file needn't be.
    @cached_property
    def width(self) -> int:  # type: ignore[override]
        """The width of a vector, of the file's if no setting says it.

        Raises:
            DataError: The file isn't there.
            SavedModelError: It isn't a file of vectors.
        """
        try:
            path = self._located()
        except DataError as error:
            raise DataError(
                f"{error}; the embedder's width is read from there: state it as `width`, and the file is needed "
                "only for fitting"
            ) from error
        return read_width(path, self._options.format)

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words of the file that were taken, in its order; see `Embedder.vocabulary`."""
        return self._lookup.words if self._lookup else ()

    @property
    def source(self) -> object:
        """What the vectors come from: the model of a file of fastText's, the embedder of a pipeline, or None.

        None stands for a table, and wherever words are lower-cased before they're looked up.
        """
        return None if self._lower or self._lookup is None else self._lookup.source

    def check_sources(self) -> None:
        """Look at the beginning of the file, and whether its words are there; see `Embedder.check_sources`.

        Raises:
            DataError: The file, or the package that it's in, isn't there.
            SavedModelError: It isn't a file of vectors.
            ConfigError: No file has the words of a numpy table.
        """
        check_readable(self._located(), self._located_options())

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Read the file; see `Embedder.fit`.

        Args:
            sequences: Read only if the texts matter.
            seed: Doesn't matter.
            on_progress: Receives how much of the file has been read.

        Raises:
            DataError: The file isn't there.
            SavedModelError: It can't be read, is damaged, or has vectors of another width.
            EmbedderError: The texts matter, and hold no words, or none that the file knows.
        """
        lookup = _lookup_of(self._read(on_progress))
        if isinstance(lookup, Trained) and self._options.most_words is not None:
            lookup = lookup.only(lookup.words[: self._options.most_words])
        if lookup.width != self.width:
            raise SavedModelError(
                f"{self._path} has vectors of the width {lookup.width}, and the embedder's is {self.width}"
            )
        if self._only_seen or isinstance(lookup, Floret):
            lookup = lookup.only(self._seen(sequences))
        if not lookup.words:
            raise EmbedderError(f"{self._path} knows none of the words of the texts")
        self._lookup = lookup
        if on_progress is not None:
            on_progress(FitProgress(1.0))

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `words`; see `Embedder.embed`."""
        lookup = self._read_before()
        return lookup.embed([word.lower() for word in words] if self._lower else words)

    def pruned(self, words: int, subwords: int | None = None) -> "Pretrained":
        """Keep the first words; see `Embedder.pruned`. Parts of words stay in models of fastText's and floret's."""
        other = copy.copy(self)
        other._lookup = self._read_before().pruned(words, subwords)
        return other

    def to_disk(self, path: Path) -> None:
        """Write the vectors into the folder `path`.

        Raises:
            EmbedderError: The file hasn't been read.
            SavedModelError: A file can't be written.
        """
        lookup = self._read_before()
        settings = lookup.write(path)
        settings |= {"form": lookup.form, "lower": self._lower, "width": lookup.width}
        write_settings(path / _SETTINGS, settings, kind=_KIND)

    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote; see `Embedder.from_disk`.

        The vectors bring the settings that shaped them along; only a stated width must be the same.
        """
        saved = read_any_settings(path / _SETTINGS, kind=_KIND)
        stored = check_settings(path / _SETTINGS, saved, {"form": str, "lower": bool})
        form = _FORMS.get(stored["form"])
        if form is None:
            raise SavedModelError(f"{path / _SETTINGS} is of a form that isn't known")
        lookup = form.read(path, check_settings(path / _SETTINGS, saved, form.settings))
        if self._stated_width not in (None, lookup.width):
            raise SavedModelError(
                f"{path} holds vectors of the width {lookup.width}, and the embedder's is "
                f"{self._stated_width}"
            )
        self._lookup, self._lower, self.width = lookup, stored["lower"], lookup.width

    def _located(self) -> Path:
        path = locate(self._path)
        # Only a package is searched: any other folder may be of any size.
        if self._path.startswith("package:") and path.is_dir():
            return find_vectors(path, self._path.rstrip("/"))
        return path

    def _located_options(self) -> Options:
        if self._vocabulary_path is None:
            return self._options
        return replace(self._options, vocabulary=locate(self._vocabulary_path))

    def _read(self, on_progress: OnProgress | None) -> VectorFile:
        def on_fraction(fraction: float) -> None:
            if on_progress is not None and fraction < 1:
                on_progress(FitProgress(fraction))

        options = replace(self._located_options(), on_fraction=on_fraction)
        return read_vectors(self._located(), options)

    def _seen(self, sequences: Iterable[Sequence[str]]) -> list[str]:
        counts: Counter[str] = Counter()
        for number, sequence in enumerate(sequences, start=1):
            if isinstance(sequence, str):
                raise EmbedderError(
                    f"sequence {number} is a string, {sequence[:40]!r}, where words are needed: "
                    "split it by a tokenizer first"
                )
            counts.update([word.lower() for word in sequence] if self._lower else sequence)
        if not counts:
            raise EmbedderError(
                "there's nothing to fit the embedder on: the sequences hold no words"
            )
        return [word for word, _ in counts.most_common()]

    def _read_before(self) -> Lookup:
        if self._lookup is None:
            raise EmbedderError(
                "the embedder has no vectors yet: fit it, which reads its file, or read a saved one, first"
            )
        return self._lookup


def _lookup_of(file: VectorFile) -> Lookup:
    if isinstance(file, FastTextModel):
        return Subwords(file)
    if isinstance(file, SavedEmbedder):
        return Trained(file)
    return Floret(file) if isinstance(file, FloretTable) else KnownWords(file)
