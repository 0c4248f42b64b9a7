"""A bidirectional LSTM on vectors of words and of their characters, with a CRF, or a softmax, over the words' tags."""

from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torchcrf import CRF

CHARACTER_WIDTH: Final = 30
_FILTERS: Final = 30
_WINDOW: Final = 3
_WIDTH: Final = 128
_DROPOUT: Final = 0.5
PADDING: Final = 0
#: What padding has in the place of a filter's output; only words that are padding keep it, and nothing reads these.
_LOWEST: Final = -1e4
#: A tag that isn't known, and one in the padding.
UNKNOWN_TAG: Final = -100


class Batch(NamedTuple):
    """Texts of a batch as numbers, padded at the end.

    Attributes:
        words: Of shape (texts, words).
        characters: Of shape (texts, words, characters).
        lengths: How many words each text has, 1 at least.
        tags: Of shape (texts, words).
        labels: Of shape (texts,).
    """

    words: Tensor
    characters: Tensor
    lengths: Tensor
    tags: Tensor
    labels: Tensor


class BiLstmTagger(nn.Module):
    """Scores tags of words, and with `labels` classes of texts, too.

    Args:
        vectors: What the words' vectors begin with, by the words' numbers.
        characters: How many characters are known, with padding.
        tags: How many tags there are.
        labels: How many classes of texts; 0 if texts have none.
        crf: Whether tags are decided together, by a CRF.
    """

    def __init__(
        self, vectors: NDArray[np.float32], characters: int, tags: int, labels: int, *, crf: bool
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(vectors), vectors.shape[1], padding_idx=PADDING)
        self.embedding.weight.data = torch.from_numpy(vectors)
        self.characters = nn.Embedding(characters, CHARACTER_WIDTH, padding_idx=PADDING)
        self.convolution = nn.Conv1d(CHARACTER_WIDTH, _FILTERS, _WINDOW, padding=_WINDOW // 2)
        self.lstm = nn.LSTM(
            vectors.shape[1] + _FILTERS, _WIDTH, batch_first=True, bidirectional=True
        )
        self.dropout = nn.Dropout(_DROPOUT)
        self.tags = nn.Linear(2 * _WIDTH, tags)
        self.labels = nn.Linear(4 * _WIDTH, labels) if labels else None
        self.crf = CRF(tags, batch_first=True) if crf else None

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the tags' scores, which words there are, and the classes' scores."""
        inputs = torch.cat([self.embedding(batch.words), self._spelled(batch.characters)], dim=2)
        packed = pack_padded_sequence(
            self.dropout(inputs), batch.lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        states = self.dropout(states)
        within = torch.arange(states.shape[1]) < batch.lengths[:, None]
        labels = None
        if self.labels is not None:
            mean = (states * within[:, :, None]).sum(dim=1) / batch.lengths[:, None]
            highest = states.masked_fill(~within[:, :, None], -torch.inf).amax(dim=1)
            labels = self.labels(torch.cat([mean, highest], dim=1))
        return self.tags(states), within, labels

    def _spelled(self, characters: Tensor) -> Tensor:
        texts, words, longest = characters.shape
        vectors = self.dropout(self.characters(characters.reshape(texts * words, longest)))
        is_padding = (characters == PADDING).reshape(texts * words, 1, longest)
        found: Tensor = self.convolution(vectors.transpose(1, 2))
        found = found.masked_fill(is_padding, _LOWEST).amax(dim=2)
        return found.reshape(texts, words, _FILTERS)

    def loss(self, batch: Batch) -> Tensor:
        """Return the mean loss over words, or with a CRF over texts, and of the classes."""
        scores, within, labels = self(batch)
        if self.crf is None:
            loss = cross_entropy(scores.flatten(0, 1), batch.tags.flatten())
        else:
            tags = batch.tags.clamp(min=0)
            loss = -self.crf(scores, tags, mask=within, reduction="mean")
        return loss if labels is None else loss + cross_entropy(labels, batch.labels)

    def decide(self, batch: Batch) -> tuple[list[list[int]], list[int]]:
        """Return the best tags of each text, and its best class; no classes if texts have none."""
        scores, within, labels = self(batch)
        if self.crf is not None:
            tags = self.crf.decode(scores, mask=within)
        else:
            best = scores.argmax(dim=2)
            tags = [best[text, :length].tolist() for text, length in enumerate(batch.lengths)]
        return tags, [] if labels is None else labels.argmax(dim=1).tolist()
