"""Fine-tuned vectors of words: offsets to those of the vocabulary, which stay as they are."""

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.strings import get_string_id
from spacy.vectors import Mode, Vectors
from spacy.vocab import Vocab
from torch import Tensor, nn

from seqpipe.adapters._vectors import EmbedderVectors
from seqpipe.errors import ConfigError
from seqpipe.parts.embedders import Concatenated


class Offsets(nn.Module):
    """A trained offset for the vector of each known word, zero at first.

    Args:
        words: How many words have one, K.
        columns: Which columns of the vectors are tuned.
    """

    keys: Tensor

    def __init__(self, words: int, columns: slice) -> None:
        super().__init__()
        self.columns = columns
        #: The hashes of the words, ascending, `[K]`; set by `tune_words`.
        self.register_buffer("keys", torch.zeros(words, dtype=torch.int64))
        self.weight = nn.Parameter(torch.zeros(words, columns.stop - columns.start))

    def tune_words(self, keys: NDArray[np.int64]) -> None:
        """Set which words are tuned, by their hashes."""
        self.keys.copy_(torch.from_numpy(np.sort(keys)))

    def forward(self, vectors: Tensor, keys: Tensor, lower: Tensor) -> Tensor:
        """Add to `vectors`, `[N, D]`, by the hashes of words, `[N]`, and of their lower-cased forms."""
        places, found = self._find(keys)
        lower_places, lower_found = self._find(lower)
        rows = torch.where(found, places, lower_places)
        offsets = nn.functional.embedding(rows, self.weight)
        offsets = offsets * (found | lower_found)[:, None]
        before, after = self.columns.start, vectors.shape[1] - self.columns.stop
        return vectors + nn.functional.pad(offsets, (before, after))

    def _find(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        places = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return places, self.keys[places] == keys


def tuned_columns(vocab: Vocab, tune: bool | list[str]) -> slice:
    """Return which columns of the vocabulary's vectors are tuned: all, or one embedder's.

    Raises:
        ConfigError: An embedder that's named isn't there, or other embedders stand between those named.
    """
    vectors = vocab.vectors
    if tune is True:
        return slice(0, vectors.shape[1])
    embedder = vectors.embedder if isinstance(vectors, EmbedderVectors) else None
    names = list(tune or [])
    if not isinstance(embedder, Concatenated) or not set(names) <= set(embedder.embedders):
        there = list(embedder.embedders) if isinstance(embedder, Concatenated) else "one alone"
        raise ConfigError(
            f"`tune` names the embedders {names}, and there is {there}; set it to true"
        )
    slices = [embedder.columns(name) for name in embedder.embedders if name in names]
    if any(a.stop != b.start for a, b in itertools.pairwise(slices)):
        raise ConfigError(
            f"`tune` names the embedders {names}, which don't stand side by side: change their order"
        )
    return slice(slices[0].start, slices[-1].stop)


def tuned_keys(vocab: Vocab, most: int) -> NDArray[np.int64]:
    """Return the hashes of the words that are tuned: those that the vectors know, `most` at the most.

    Raises:
        ConfigError: They know none.
    """
    vectors = vocab.vectors
    if isinstance(vectors, EmbedderVectors):
        words = vectors.embedder.vocabulary[:most]
        keys = np.fromiter((get_string_id(word) for word in words), dtype=np.uint64)
    elif isinstance(vectors, Vectors) and vectors.mode != Mode.floret:
        keys = np.array(list(vectors.keys())[:most], dtype=np.uint64)
    else:
        keys = np.zeros(0, dtype=np.uint64)
    if not len(keys):
        raise ConfigError(
            "`tune` is set, and the vocabulary's vectors know no word to tune; remove it"
        )
    return np.unique(signed(keys))


def signed(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return hashes without their last bit: torch has neither order nor modulo for unsigned numbers."""
    halves: NDArray[np.int64] = (hashes >> np.uint64(1)).astype(np.int64)
    return halves
