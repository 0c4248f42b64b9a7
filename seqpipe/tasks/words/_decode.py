"""From the scores of each word's labels to the labels: each by itself, or all of a text by what may stand side by side."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc

from seqpipe.kernels import Chain, best_sequences
from seqpipe.parts.readers import Allowed


def decode(
    docs: Sequence[Doc], scores: NDArray[np.float32], allowed: Allowed | None
) -> list[NDArray[np.int64]]:
    """Return the numbers of the labels of each doc's words.

    Args:
        docs: The docs.
        scores: The probability of each label of each word of all docs, `[N, L]`.
        allowed: What may stand where; None: anything. Of the sequences that are allowed it's the one whose probabilities
            have the highest product.
    """
    lengths = torch.tensor([len(doc) for doc in docs], dtype=torch.int64)
    if allowed is None:
        best = scores.argmax(1) if len(scores) else np.zeros(0, dtype=np.int64)
    else:
        chain = Chain(*(torch.from_numpy(np.where(each, 0.0, -np.inf)) for each in allowed))
        # As logarithms in double precision even the smallest of them is finite.
        logits = torch.from_numpy(scores).double().clamp(min=1e-300).log()
        best = best_sequences(logits, lengths, chain).numpy()
    return np.split(best, np.cumsum(lengths.numpy())[:-1]) if docs else []
