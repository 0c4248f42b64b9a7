"""Vectors of items."""

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Final, final

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders import OnProgress
from seqpipe.workers import train_out_of_process

from seqpipe_item2vec._embedder import ItemEmbedder
from seqpipe_item2vec._settings import Settings

_WORKER: Final = "seqpipe_item2vec._worker"


@final
class Item2Vec(ItemEmbedder):
    """Vectors of items that occur together: item2vec (Barkan and Koenigstein 2016).

    A sequence is a basket, a session or a user's history. Skip-gram with negative sampling trains the vector of
    each item to predict the others of its basket, wherever they stand in it. Items have similar vectors
    that occur beside the same others, such as two brands of one thing, whether or not they occur together;
    `predict` says which items will be added to a basket.

    The gensim library trains, in a process of its own. Baskets may come from a stream larger than memory:
    they're kept in a temporary file. The same baskets, settings and seed give the same vectors, to the
    bit, on the same kind of processor, as long as one thread trains. The time grows with the square
    of a basket's length up to 1,000 items; longer ones are shuffled anew in each epoch and cut into baskets of
    that length.

    An unknown item has the zero vector.

    Args:
        width: The width of a vector.
        window: The most items to either side that an item predicts, near ones more often, for sessions,
            where the order says something. None means all of the basket.
        epochs: How often the baskets are gone through.
        negatives: How many random items each prediction is contrasted with.
        negative_exponent: How often these are drawn: as often as their count to this power. 1 draws popular
            items as often as they occur, 0 all alike, -1 rare ones more often. It's among what
            matters most, and the best value depends on the data (Caselles-Dupré et al. 2018): try
            some. The default is that for words (Mikolov et al. 2013).
        min_count: How often an item must occur to be trained and known.
        learning_rate: At the beginning; it falls to 0.0001.
        subsample: Items whose share of all is above this are skipped at random; 1 skips none.
        threads: How many threads train. Only 1 is reproducible.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        width: int = 100,
        window: int | None = None,
        epochs: int = 20,
        negatives: int = 5,
        negative_exponent: float = 0.75,
        min_count: int = 5,
        learning_rate: float = 0.05,
        subsample: float = 1.0,
        threads: int = 1,
    ) -> None:
        super().__init__(
            Settings(
                width=width,
                window=window,
                epochs=epochs,
                negatives=negatives,
                negative_exponent=negative_exponent,
                min_count=min_count,
                learning_rate=learning_rate,
                subsample=subsample,
                threads=threads,
            )
        )

    def fit(
        self,
        sequences: Iterable[Sequence[str]],
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Fit on baskets; see `Embedder.fit`.

        Raises:
            EmbedderError: As there; or gensim isn't installed.
        """
        if importlib.util.find_spec("gensim") is None:
            raise EmbedderError(
                "gensim, which trains item2vec.Item2Vec.v1, isn't installed: pip install 'seqpipe-item2vec[gensim]', or "
                "name item2vec.Item2Vec.v2, which seqpipe trains"
            )
        settings = asdict(self._settings)
        self._keep(
            train_out_of_process(
                _WORKER, sequences, settings=settings, seed=seed, on_progress=on_progress
            )
        )
