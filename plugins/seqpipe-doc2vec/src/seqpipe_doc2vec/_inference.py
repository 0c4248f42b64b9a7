"""Vectors of documents that weren't trained on."""

import hashlib
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from gensim.models.doc2vec import train_document_dbow, train_document_dm
from numpy.typing import NDArray
from seqpipe.workers import Tables

from seqpipe_doc2vec._library import make_model, pieces
from seqpipe_doc2vec._settings import Settings


class Inference:
    """Trains the vectors of documents one by one, while all else stays as it is.

    The library's own `infer_vector` isn't used, as what it draws depends on the process. Here it hangs on
    the words alone. Can be used in several threads, one at a time.

    Args:
        settings: The settings of the training.
        tables: What it left.
    """

    def __init__(self, settings: Settings, tables: Tables) -> None:
        self._settings = settings
        self._rows = {word: str(row) for row, word in enumerate(tables.words)}
        counts = {str(row): int(count) for row, count in enumerate(tables.arrays["counts"])}
        self._model: Any = make_model(settings, counts)
        self._model.wv.vectors = tables.arrays["words"]
        self._model.syn1neg = tables.arrays["outputs"]
        self._train = train_document_dm if settings.memory else train_document_dbow
        # The library would make these itself, and drop them while it still uses their memory.
        names = ("work", "neu1") if settings.memory else ("work",)
        self._room = {name: np.zeros(settings.width, dtype=np.float32) for name in names}
        self._unlocked = np.ones(1, dtype=np.float32)
        self._lock = threading.Lock()

    def infer(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vector of a document, `[width]`; zeros if no word of it is known."""
        rows = [self._rows[word] for word in words if word in self._rows]
        if not rows:
            return np.zeros(self._settings.width, dtype=np.float32)
        draw = np.random.RandomState(_seed(rows))
        width = self._settings.width
        vector = ((draw.random_sample((1, width)) - 0.5) / width).astype(np.float32)
        with self._lock:
            self._model.random = draw
            for rate in self._rates():
                for piece in pieces(rows):
                    self._step(vector, piece, float(rate))
        inferred: NDArray[np.float32] = vector[0]
        return inferred

    def _rates(self) -> NDArray[np.float64]:
        # From the first epoch's to the last one's, as the library has them fall.
        return np.linspace(
            self._model.alpha, self._model.min_alpha, self._settings.inference_epochs
        )

    def _step(self, vector: NDArray[np.float32], rows: Sequence[str], rate: float) -> None:
        self._train(
            self._model,
            rows,
            [0],
            rate,
            learn_words=False,
            learn_hidden=False,
            doctag_vectors=vector,
            doctags_lockf=self._unlocked,
            **self._room,
        )


def _seed(rows: Sequence[str]) -> int:
    digest = hashlib.blake2b(" ".join(rows).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")
