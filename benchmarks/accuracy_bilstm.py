"""A bidirectional LSTM in plain torch, as one would write it by hand: the peer of seqpipe's default."""

import copy
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from accuracy_systems import Job, Trained, Words, label_names, share_right, texts_of
from text_sets import Parts
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

_EMBEDDING: Final = 100
_WIDTH: Final = 128
_DROPOUT: Final = 0.5
_RATE: Final = 1e-3
_BATCH: Final = 32
_EPOCHS: Final = 20
#: Epochs without a better score on dev after which training stops.
_PATIENCE: Final = 3
#: Words of a text; the rest of a longer one isn't read.
_LONGEST: Final = 400
#: A word that occurs once in training shares the vector of unknown ones, which is trained by that.
_LEAST: Final = 2
_PADDING, _UNKNOWN = 0, 1


class BiLstm(nn.Module):
    """Word vectors that begin at random, an LSTM in both directions, mean and maximum over the words, a linear layer."""

    def __init__(self, words: int, labels: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, _EMBEDDING, padding_idx=_PADDING)
        self.lstm = nn.LSTM(_EMBEDDING, _WIDTH, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(_DROPOUT)
        self.output = nn.Linear(4 * _WIDTH, labels)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Return the scores of texts.

        Args:
            words: Numbers of words, of shape (texts, words), padded at the end.
            lengths: How many words each text has, 1 at least.

        Returns:
            Of shape (texts, labels).
        """
        vectors = self.dropout(self.embedding(words))
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        within = (torch.arange(states.shape[1]) < lengths[:, None])[:, :, None]
        mean = (states * within).sum(dim=1) / lengths[:, None]
        highest = states.masked_fill(~within, -torch.inf).amax(dim=1)
        scores: Tensor = self.output(self.dropout(torch.cat([mean, highest], dim=1)))
        return scores


class _Numbers:
    """Words to numbers, by what occurs in training."""

    def __init__(self, job: Job, texts: Sequence[str]) -> None:
        self._words = Words(job.lang)
        counts = Counter(word for words in self._words(texts) for word in words)
        known = [word for word, count in counts.items() if count >= _LEAST]
        self.numbers = {word: number for number, word in enumerate(known, start=_UNKNOWN + 1)}

    def __len__(self) -> int:
        return len(self.numbers) + 2

    def __call__(self, texts: Sequence[str]) -> list[Tensor]:
        found = ([self.numbers.get(word, _UNKNOWN) for word in each] for each in self._words(texts))
        # A text without words is one unknown word.
        return [torch.tensor(each[:_LONGEST] or [_UNKNOWN]) for each in found]


def fit_bilstm(job: Job, parts: Parts) -> Trained:
    """Train it with Adam, and stop by the score on dev."""
    torch.manual_seed(job.seed)
    torch.set_num_threads(job.threads)
    labels = label_names(parts["train"])
    numbers = _Numbers(job, texts_of(parts["train"]))
    model = BiLstm(len(numbers), len(labels))
    truths = torch.tensor(
        [[float(label in row.labels) for label in labels] for row in parts["train"]]
    )
    texts, dev = (numbers(texts_of(parts[part])) for part in ("train", "dev"))
    optimizer = torch.optim.Adam(model.parameters(), lr=_RATE)
    best: tuple[float, int, dict[str, Any]] = (-1.0, -1, {})
    for epoch in range(_EPOCHS):
        _train_epoch(model, optimizer, texts, truths, exclusive=job.exclusive)
        score = share_right(_predict(model, dev, labels), parts["dev"])
        if score > best[0]:
            best = score, epoch, copy.deepcopy(model.state_dict())
        elif epoch - best[1] >= _PATIENCE:
            break
    model.load_state_dict(best[2])

    def save(folder: Path) -> None:
        torch.save(model.state_dict(), folder / "model.pt")
        with (folder / "words.json").open("w", encoding="utf-8") as file:
            json.dump([labels, numbers.numbers], file, ensure_ascii=False)

    return Trained(
        lambda texts: _predict(model, numbers(texts), labels),
        save,
        {"dev": best[0], "epochs": best[1] + 1, "words": len(numbers)},
    )


def _train_epoch(
    model: BiLstm,
    optimizer: torch.optim.Optimizer,
    texts: Sequence[Tensor],
    truths: Tensor,
    *,
    exclusive: bool,
) -> None:
    model.train()
    order = torch.randperm(len(texts))
    for batch in torch.split(order, _BATCH):
        scores = model(*_pad([texts[number] for number in batch.tolist()]))
        wanted = truths[batch]
        if exclusive:
            loss = cross_entropy(scores, wanted)
        else:
            # Summed over labels: each of hundreds has next to no weight in the mean.
            loss = binary_cross_entropy_with_logits(scores, wanted, reduction="sum") / len(batch)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()


@torch.inference_mode()
def _predict(model: BiLstm, texts: Sequence[Tensor], labels: Sequence[str]) -> list[str]:
    model.eval()
    # Texts of about the same length together: less padding.
    order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    predicted = [""] * len(texts)
    for batch in _batches(order):
        scores = model(*_pad([texts[number] for number in batch]))
        for number, best in zip(batch, scores.argmax(dim=1).tolist(), strict=True):
            predicted[number] = labels[best]
    return predicted


def _batches(order: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(order), _BATCH):
        yield order[start : start + _BATCH]


def _pad(texts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(text) for text in texts])
    return pad_sequence(list(texts), batch_first=True, padding_value=_PADDING), lengths
