"""Vectors of documents that weren't trained on."""

import hashlib
import threading
import weakref
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.native import Block, Cooccurrence, Documents, aligned_rows, begin_rounds
from seqpipe.parts.cooccurrence._draws import keep_probabilities, negatives
from seqpipe.parts.cooccurrence._training import Training

#: The most tokens of a slice, as in training.
_TOKENS: Final = 500
#: About how many are trained at once.
_AT_ONCE: Final = 400_000


class Inference:
    """Trains the vector of one document after another, while all else stays as it is (Le & Mikolov 2014).

    It begins as zeros: with all else fixed, a bag of words has one best vector, wherever the search for it begins. All random
    numbers follow from the words, so that the same words have the same vector, whatever was inferred before. Several threads
    may use it, one at a time.

    Args:
        inputs: The vectors of words, `[V, width]`; with skip-gram they aren't looked at.
        outputs: Those that predict them, `[V, width]`.
        counts: How often each word occurred, `[V]`, int64.
        training: How these were trained, by negative sampling and without weights of positions.
        epochs: How often a document is gone through.
    """

    def __init__(
        self,
        inputs: NDArray[np.float32],
        outputs: NDArray[np.float32],
        counts: NDArray[np.int64],
        training: Training,
        epochs: int,
    ) -> None:
        is_mean = training.architecture == "cbow"
        self._width, self._epochs = training.width, epochs
        self._row = aligned_rows(1, training.width)
        predicting = _aligned(outputs)
        model = Cooccurrence(
            inputs=_aligned(inputs) if is_mean else predicting,
            outputs=predicting,
            keep=keep_probabilities(counts, training.subsample),
            window=training.window,
            is_mean=is_mean,
            targets=negatives(counts, training.negatives, 0, training.negative_exponent),
            rate=training.learning_rate,
            slices=1,
            capacity=_TOKENS,
            seed=0,
            documents=Documents(self._row, with_words=is_mean, alone=True),
        )
        self._rounds = begin_rounds(model, 1)
        weakref.finalize(self, self._rounds.__exit__, None, None, None)
        self._lock = threading.Lock()

    def infer(self, words: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the vector of a document, `[width]`; zeros if it has no words.

        Args:
            words: The numbers of its known words, all of them in their order.
        """
        pieces = -(-len(words) // _TOKENS)
        if not pieces:
            return np.zeros(self._width, dtype=np.float32)
        bounds = np.linspace(0, len(words), pieces + 1).astype(np.int64)
        together = min(self._epochs, max(1, _AT_ONCE // len(words)))
        tokens = np.tile(words, together)
        starts = (np.arange(together)[:, None] * len(words) + bounds[:-1]).ravel()
        digest = hashlib.blake2b(words.tobytes(), digest_size=7).digest()
        key = int.from_bytes(digest, "little")
        with self._lock:
            self._row[:] = 0
            for epoch in range(0, self._epochs, together):
                count = min(together, self._epochs - epoch)
                some = starts[: count * pieces]
                block = Block(
                    tokens=tokens,
                    bounds=np.append(some, count * len(words)),
                    first=key + epoch * pieces,
                    done=some + epoch * len(words),
                    total=self._epochs * len(words),
                    documents=np.zeros(len(some), dtype=np.int64),
                )
                self._rounds.run(block)
            inferred: NDArray[np.float32] = self._row[0, : self._width].copy()
        return inferred


def _aligned(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a copy as the kernel takes it."""
    rows = aligned_rows(*vectors.shape)
    rows[:, : vectors.shape[1]] = vectors
    return rows
