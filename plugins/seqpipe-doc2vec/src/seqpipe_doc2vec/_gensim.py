"""doc2vec by gensim."""

import importlib.metadata
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Final

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders import OnProgress
from seqpipe.workers import Tables, train_out_of_process

from seqpipe_doc2vec._base import Doc2Vec, Infers

_WORKER: Final = "seqpipe_doc2vec._worker"
#: How its version begins: `_inference.py` calls functions that aren't documented.
_GENSIM: Final = "4.4."


class GensimDoc2Vec(Doc2Vec):
    """Trains by gensim, in a process of its own, and infers by it.

    Attributes:
        extras: What a saved pipeline needs of this package.
    """

    extras = ("gensim",)

    def _train(
        self, sequences: Iterable[Sequence[str]], seed: int, on_progress: OnProgress | None
    ) -> Tables:
        _check_installed("or name version 2, which seqpipe trains")
        settings = asdict(self._settings)
        return train_out_of_process(
            _WORKER, sequences, settings=settings, seed=seed, on_progress=on_progress
        )

    def _make_inference(self, tables: Tables) -> Infers:
        _check_installed("which infers its vectors of documents too")
        # The library takes seconds to import, and vectors of words don't need it.
        from seqpipe_doc2vec._inference import Inference

        return Inference(self._settings, tables)


def _check_installed(more: str) -> None:
    """Say how to install gensim where it isn't there, or is one whose inner functions may be others.

    Raises:
        EmbedderError: It's so.
    """
    try:
        version = importlib.metadata.version("gensim")
    except importlib.metadata.PackageNotFoundError:
        version = ""
    if not version.startswith(_GENSIM):
        found = f"is {version}, not {_GENSIM}x" if version else "isn't installed"
        raise EmbedderError(
            f"gensim, which version 1 of doc2vec is trained by, {found}: pip install 'seqpipe-doc2vec[gensim]', {more}"
        )
