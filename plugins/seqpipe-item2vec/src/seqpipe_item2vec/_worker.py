"""The process that trains: `python -m seqpipe_item2vec._worker`, which `train_out_of_process` runs."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from gensim.models.word2vec import Word2Vec
from numpy.typing import NDArray
from seqpipe.workers import Job, serve

from seqpipe_item2vec._cut import MAX_ITEMS, cut
from seqpipe_item2vec._settings import Settings, read_settings


def train(job: Job) -> Mapping[str, NDArray[Any]]:
    """Train, and return the items' vectors, `items`, and output vectors, `outputs`, each `[V, width]`."""
    settings = read_settings(job.settings)
    model = _make_model(settings, seed=job.seed)
    model.build_vocab_from_freq(dict(job.counts))
    model.train(
        corpus_iterable=_Baskets(job, shuffle=settings.window is None),
        total_words=job.tokens,
        epochs=settings.epochs,
    )
    return {"items": model.wv.vectors, "outputs": model.syn1neg}


def _make_model(settings: Settings, *, seed: int) -> Any:
    whole = settings.window is None
    return Word2Vec(
        sg=1,
        vector_size=settings.width,
        window=MAX_ITEMS if whole else settings.window,
        # The library draws a smaller window for each item, so that near ones count more.
        shrink_windows=not whole,
        epochs=settings.epochs,
        negative=settings.negatives,
        ns_exponent=settings.negative_exponent,
        alpha=settings.learning_rate,
        min_alpha=min(1e-4, settings.learning_rate),
        # A sample of 1 and more means something else to the library.
        sample=settings.subsample if settings.subsample < 1 else 0,
        workers=settings.threads,
        seed=seed,
        min_count=1,
        sorted_vocab=0,
    )


class _Baskets:
    """The baskets, gone through once for each epoch.

    Args:
        job: Has them.
        shuffle: Whether long ones are shuffled before they're cut.
    """

    def __init__(self, job: Job, *, shuffle: bool) -> None:
        self._passes = job.passes()
        self._shuffle = shuffle
        self._draw = Random(job.seed)

    def __iter__(self) -> Iterator[Sequence[str]]:
        for items in self._passes:
            if self._shuffle and len(items) > MAX_ITEMS:
                self._draw.shuffle(items)
            yield from cut(items)


if __name__ == "__main__":
    serve(train)
