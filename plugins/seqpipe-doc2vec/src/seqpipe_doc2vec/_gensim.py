"""doc2vec by gensim."""

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Final

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders import OnProgress
from seqpipe.workers import Tables, train_out_of_process

from seqpipe_doc2vec._base import Doc2Vec, Infers

_WORKER: Final = "seqpipe_doc2vec._worker"


class GensimDoc2Vec(Doc2Vec):
    """Trains by gensim, in a process of its own, and infers by it."""

    def _train(
        self, sequences: Iterable[Sequence[str]], seed: int, on_progress: OnProgress | None
    ) -> Tables:
        _check_installed()
        settings = asdict(self._settings)
        return train_out_of_process(
            _WORKER, sequences, settings=settings, seed=seed, on_progress=on_progress
        )

    def _make_inference(self, tables: Tables) -> Infers:
        _check_installed()
        # The library takes seconds to import, and vectors of words don't need it.
        from seqpipe_doc2vec._inference import Inference

        return Inference(self._settings, tables)


def _check_installed() -> None:
    """Say how to install gensim where it's needed and isn't there.

    Raises:
        EmbedderError: It isn't.
    """
    if importlib.util.find_spec("gensim") is None:
        raise EmbedderError(
            "gensim, which trains version 1 of doc2vec and infers vectors of documents, isn't installed: pip install "
            "'seqpipe-doc2vec[gensim]', or name version 2, which seqpipe trains"
        )
