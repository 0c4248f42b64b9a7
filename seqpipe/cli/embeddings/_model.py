"""Opens a source of vectors: a saved pipeline or a file of vectors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from spacy.language import Language
from spacy.util import is_package

from seqpipe.adapters import EmbedderVectors
from seqpipe.errors import DataError, NotFiniteError, SavedModelError
from seqpipe.evaluation.embeddings import SpacyTable, Words, has_encoder
from seqpipe.inference import load_pipeline
from seqpipe.parts.embedders import Embedder, Pretrained

#: The file that marks the folder of a spaCy pipeline.
_PIPELINE: Final = "meta.json"


@dataclass(frozen=True)
class Opened:
    """A source of vectors.

    Attributes:
        name: As the user named it.
        embedder: Gives the vectors.
        nlp: The pipeline; None if it's a file of vectors.
    """

    name: str
    embedder: Embedder
    nlp: Language | None

    @property
    def encoder(self) -> Language | None:
        """The pipeline, if it has an encoder."""
        return self.nlp if self.nlp is not None and has_encoder(self.nlp) else None

    def words(self) -> Words:
        """Return the vocabulary.

        Raises:
            DataError: There's none, so nothing can be looked up.
        """
        if not len(self.embedder.vocabulary):
            raise DataError(
                f"{self.name} has vectors for any word, but no vocabulary to find neighbours in "
                "(as floret tables do): use a pipeline with a vocabulary"
            )
        return Words(self.embedder)


def open_model(name: str) -> Opened:
    """Open a saved pipeline or a file of vectors.

    Raises:
        SeqpipeError: There's neither, it's damaged, or it has no vectors.
    """
    path = Path(name)
    if path.exists() and not (path / _PIPELINE).is_file():
        embedder = Pretrained(path=name)
        embedder.fit([])
        return Opened(name, embedder, None)
    if not path.exists() and not is_package(name):
        raise SavedModelError(
            f"{name} is neither a folder, nor a file, nor an installed spaCy pipeline"
        )
    nlp = load_pipeline(name)
    return Opened(name, _embedder_of(nlp, name), nlp)


def _embedder_of(nlp: Language, name: str) -> Embedder:
    vectors = nlp.vocab.vectors
    if isinstance(vectors, EmbedderVectors):
        return vectors.embedder
    if not vectors.shape[1]:
        raise DataError(f"{name} has no word vectors: use a pipeline that was trained with some")
    if not np.isfinite(vectors.data).all():
        raise NotFiniteError(
            f"{name} has word vectors with NaN or infinite numbers: train them again"
        )
    return SpacyTable(nlp.vocab)
