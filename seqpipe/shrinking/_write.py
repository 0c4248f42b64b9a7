"""Writes a pipeline in fewer bytes into a folder."""

import contextlib
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import spacy
from spacy.language import Language
from spacy.strings import StringStore
from spacy.vectors import Vectors

from seqpipe.adapters import EmbedderVectors
from seqpipe.errors import EmbedderError, SavedModelError
from seqpipe.parts.embedders import Embedder
from seqpipe.shrinking._pack import pack_files, pack_table, pack_weights, packing_components
from seqpipe.shrinking._settings import Settings

#: In meta.json: what was done to a pipeline.
META: Final = "shrunk"
_VOCABULARY: Final = "vocab"
_EMBEDDER: Final = "embedder"
_STRINGS: Final = "strings.json"
#: spaCy's components that take labels from their own files. Others may need any string of the vocabulary.
_OWN_LABELS: Final = ("tok2vec", "textcat", "textcat_multilabel")


def embedder_of(nlp: Language) -> Embedder | None:
    """Return the embedder that gives a pipeline's vectors, None for a table of spaCy's."""
    vectors = nlp.vocab.vectors
    return vectors.embedder if isinstance(vectors, EmbedderVectors) else None


def check_embedder(nlp: Language, settings: Settings) -> None:
    """Check that a pipeline has an embedder if settings ask for something to be done to it.

    Raises:
        EmbedderError: It has none.
    """
    if embedder_of(nlp) is None and (settings.quantize or settings.prunes):
        raise EmbedderError(
            "the pipeline has no embedder of seqpipe's, so there's no table to quantise and there are no words to leave out: "
            "choose a `dtype` alone"
        )


def write_shrunk(nlp: Language, folder: Path, settings: Settings) -> None:
    """Write a pipeline in fewer bytes, and load it once to see that it's whole.

    Args:
        nlp: The pipeline, which stays as it is.
        folder: Where to; it exists, and is empty.
        settings: How.

    Raises:
        SavedModelError: What's written can't be read, as by a plugin that doesn't read arrays by `seqpipe.storage`.
        EmbedderError: Words can't be left out.
    """
    strings = _strings(nlp)
    packing = packing_components(nlp, settings.dtype)
    with _pruned(nlp, settings), _described(nlp, settings), packing:
        nlp.to_disk(folder)
    vocabulary = folder / _VOCABULARY
    if embedder_of(nlp) is not None:
        # The same vectors once more, for other pipelines to begin with.
        Vectors(strings=StringStore(), name="seqpipe").to_disk(vocabulary, exclude=["strings"])
        strings.to_disk(vocabulary / _STRINGS)
    pack_files(vocabulary / _EMBEDDER, partial(pack_table, settings=settings))
    for component in nlp.component_names:
        pack_files(folder / component, partial(pack_weights, dtype=settings.dtype))
    _check(folder)


@contextlib.contextmanager
def _pruned(nlp: Language, settings: Settings) -> Iterator[None]:
    """Give a pipeline a smaller embedder for a while."""
    embedder = embedder_of(nlp)
    if embedder is None or not settings.prunes:
        yield
        return
    words = len(embedder.vocabulary)
    vectors = nlp.vocab.vectors
    vectors.embedder = embedder.pruned(
        words if settings.vocabulary is None else settings.vocabulary, settings.subwords
    )
    try:
        yield
    finally:
        vectors.embedder = embedder


@contextlib.contextmanager
def _described(nlp: Language, settings: Settings) -> Iterator[None]:
    nlp.meta[META] = settings.to_json()
    try:
        yield
    finally:
        del nlp.meta[META]


def _strings(nlp: Language) -> StringStore:
    """Return the strings that a pipeline needs: where no component may refer to others, those of its labels.

    The vocabulary has every word that a training has seen, and finds the texts of new ones by itself.
    """
    embedder = embedder_of(nlp)
    names = [nlp.get_pipe_meta(name).factory for name in nlp.component_names]
    if embedder is None or not all(n in _OWN_LABELS or n.startswith("seqpipe_") for n in names):
        strings: StringStore = nlp.vocab.strings
        return strings
    return StringStore([label for labels in nlp.pipe_labels.values() for label in labels])


def _check(folder: Path) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            spacy.load(folder)
    # Of any part, which may be a plugin's.
    except Exception as error:
        reason = " ".join(str(error).split()).replace(str(folder), "the new model")
        raise SavedModelError(
            f"the shrunk model couldn't be loaded, so it wasn't saved: {reason}"
        ) from error
