"""doc2vec by gensim."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Final

from seqpipe.parts.embedders import OnProgress
from seqpipe.workers import Tables, train_out_of_process

from seqpipe_doc2vec._base import Doc2Vec, Infers

_WORKER: Final = "seqpipe_doc2vec._worker"


class GensimDoc2Vec(Doc2Vec):
    """Trains by gensim, in a process of its own, and infers by it."""

    def _train(
        self, sequences: Iterable[Sequence[str]], seed: int, on_progress: OnProgress | None
    ) -> Tables:
        settings = asdict(self._settings)
        return train_out_of_process(
            _WORKER, sequences, settings=settings, seed=seed, on_progress=on_progress
        )

    def _make_inference(self, tables: Tables) -> Infers:
        # The library takes seconds to import, and vectors of words don't need it.
        from seqpipe_doc2vec._inference import Inference

        return Inference(self._settings, tables)
