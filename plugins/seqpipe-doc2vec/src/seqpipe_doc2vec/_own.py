"""doc2vec by seqpipe's own trainer."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from seqpipe.errors import ConfigError, EmbedderError
from seqpipe.parts.embedders import FitProgress, OnProgress
from seqpipe.workers import Tables

from seqpipe_doc2vec._base import Doc2Vec, Infers
from seqpipe_doc2vec._settings import Settings

if TYPE_CHECKING:
    from seqpipe.parts.cooccurrence import Inference, Training

#: What the trainer has room for.
_MOST: Final = {"negatives": 61, "window": 1_000_000}


class OwnDoc2Vec(Doc2Vec):
    """Trains and infers by seqpipe's own trainer, in this process.

    Args:
        settings: The settings of the training.
        threads: How many threads train; None for all there are.
    """

    def __init__(self, settings: Settings, threads: int | None) -> None:
        super().__init__(settings)
        for name, most in _MOST.items():
            if (value := getattr(settings, name)) > most:
                raise ConfigError(
                    f"the embedder's `{name}` is {value!r}; it may be at most {most:,}",
                    setting=name,
                )
        self._threads = threads

    def _train(
        self, sequences: Iterable[Sequence[str]], seed: int, on_progress: OnProgress | None
    ) -> Tables:
        # It takes a second to import, and those who only read vectors of words can do without.
        from seqpipe.parts.cooccurrence import fit_tables, read_corpus, told_of_disks

        settings = self._settings
        with tempfile.TemporaryFile() as file:
            with told_of_disks():
                corpus = read_corpus(
                    sequences,
                    file,
                    min_count=lambda _: settings.min_count,
                    form=str.lower if settings.lower else str,
                )
            try:
                trained = fit_tables(
                    corpus,
                    _training(settings),
                    seed=seed,
                    threads=self._threads,
                    on_progress=on_progress,
                )
            except MemoryError as error:
                raise EmbedderError(
                    f"there isn't enough memory to train vectors of the width {settings.width}: "
                    "set a smaller `width` or a larger `min_count`"
                ) from error
        if on_progress:
            on_progress(FitProgress(1.0, trained.losses[-1].train))
        arrays = {"words": trained.inputs, "outputs": trained.outputs}
        arrays = {name: np.ascontiguousarray(each) for name, each in arrays.items()}
        return Tables(corpus.words, asdict(settings), {**arrays, "counts": corpus.counts})

    def _make_inference(self, tables: Tables) -> Infers:
        from seqpipe.parts.cooccurrence import Inference

        arrays, settings = tables.arrays, self._settings
        inference = Inference(
            arrays["words"],
            arrays["outputs"],
            arrays["counts"],
            _training(settings),
            settings.inference_epochs,
        )
        return _ByWords(inference, self._rows)


class _ByWords:
    """Infers from words what the trainer infers from numbers."""

    def __init__(self, inference: "Inference", rows: Mapping[str, int]) -> None:
        self._inference, self._rows = inference, rows

    def infer(self, words: Sequence[str]) -> NDArray[np.float32]:
        known = [self._rows[word] for word in words if word in self._rows]
        return self._inference.infer(np.array(known, dtype=np.int32))


def _training(settings: Settings) -> "Training":
    from seqpipe.parts.cooccurrence import Training

    return Training(
        width=settings.width,
        architecture="cbow" if settings.memory else "skipgram",
        epochs=settings.epochs,
        window=settings.window,
        negatives=settings.negatives,
        learning_rate=settings.learning_rate,
        subsample=settings.subsample,
        documents=True,
        train_words=settings.train_words,
    )
