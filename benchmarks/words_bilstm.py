"""A BiLSTM-CRF in plain torch, as one would write it by hand: the peer of seqpipe's pipelines for words."""

import copy
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from accuracy_systems import label_names
from numpy.typing import NDArray
from text_sets import Parts
from torch.nn.utils.rnn import pad_sequence
from word_sets import UPOS
from words_bilstm_model import PADDING, UNKNOWN_TAG, Batch, BiLstmTagger
from words_glove import glove_for
from words_scores import Predicted, scores
from words_systems import TrainedWords, WordsJob, words_of

from seqpipe.parts.chunks import read_chunks
from seqpipe.parts.readers import Row

_RATE: Final = 1e-3
_BATCH: Final = 32
_EPOCHS: Final = 50
#: Epochs without a better score on dev after which training stops; those before the first entity is found don't count.
_PATIENCE: Final = 8
#: As many batches are drawn at a time and sorted by length, so that a batch has little padding.
_SORTED: Final = 20
#: The norm that gradients are cut to.
_CLIP: Final = 5.0
#: Words without a vector of GloVe's are known from so many occurrences in training on.
_LEAST: Final = 2
#: Characters of a word; the rest of a longer one isn't read.
_LONGEST: Final = 30
_UNKNOWN: Final = 1


class Numbers:
    """Words, characters, tags and classes as numbers, by what's in training and what GloVe knows."""

    def __init__(self, job: WordsJob, parts: Parts) -> None:
        self.set = job.known
        rows = parts["train"]
        counts = Counter(word for row in rows for word in words_of(row))
        given, self._given = glove_for(job, parts)
        self._width = self._given.shape[1]
        own = [word for word, n in counts.items() if n >= _LEAST and word not in {*given}]
        self.words = _numbered([*given, *own])
        self.characters = _numbered(sorted({character for word in counts for character in word}))
        tags = {tag for row in rows for tag in row.tags[str(self.set.tags)] if tag is not None}
        self.tags = sorted(tags)
        self.labels = label_names(rows)

    def vectors(self, seed: int) -> NDArray[np.float32]:
        """Return what the words' vectors begin with: GloVe's, or at random with about the scale of these."""
        shape = (len(self.words) + 2, self._width)
        vectors = np.random.default_rng(seed).normal(0, 0.4, shape).astype(np.float32)
        vectors[_UNKNOWN + 1 : _UNKNOWN + 1 + len(self._given)] = self._given
        vectors[PADDING] = 0
        return vectors

    def batch(self, rows: Sequence[Row]) -> Batch:
        """Return rows as numbers."""
        texts = [words_of(row) for row in rows]
        longest = max(len(words) for words in texts)
        spelled = np.full((len(texts), longest, _LONGEST), PADDING)
        for text, words in enumerate(texts):
            for place, word in enumerate(words):
                known = [self.characters.get(each, _UNKNOWN) for each in word[:_LONGEST]]
                spelled[text, place, : len(known)] = known
        used = int((spelled != PADDING).sum(axis=2).max())
        tags = {tag: number for number, tag in enumerate(self.tags)}
        classes = {label: number for number, label in enumerate(self.labels)}
        own = [[tags.get(str(tag), UNKNOWN_TAG) for tag in self._tags_of(row)] for row in rows]
        return Batch(
            _padded([[self.words.get(word, _UNKNOWN) for word in words] for words in texts]),
            torch.from_numpy(spelled[:, :, :used]),
            torch.tensor([len(words) for words in texts]),
            _padded(own, UNKNOWN_TAG),
            torch.tensor([classes.get(row.labels[0], 0) if row.labels else 0 for row in rows]),
        )

    def _tags_of(self, row: Row) -> Sequence[str | None]:
        return row.tags[str(self.set.tags)]


def _numbered(values: Sequence[str]) -> dict[str, int]:
    return {value: number for number, value in enumerate(values, start=_UNKNOWN + 1)}


def _padded(texts: Sequence[Sequence[int]], padding: int = PADDING) -> torch.Tensor:
    return pad_sequence(
        [torch.tensor(text) for text in texts], batch_first=True, padding_value=padding
    )


def fit_bilstm_crf(job: WordsJob, parts: Parts) -> TrainedWords:
    """Train it with Adam, and stop by the score on dev."""
    torch.manual_seed(job.seed)
    torch.set_num_threads(job.threads)
    numbers = Numbers(job, parts)
    model = BiLstmTagger(
        numbers.vectors(job.seed),
        len(numbers.characters) + 2,
        len(numbers.tags),
        len(numbers.labels),
        crf=job.known.tags != UPOS,
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=_RATE)
    draw = random.Random(job.seed)
    best: tuple[float, int, dict[str, Any]] = (0.0, -1, copy.deepcopy(model.state_dict()))
    for epoch in range(_EPOCHS):
        _train_epoch(model, optimizer, numbers, parts["train"], draw)
        # Of several measures, their mean.
        found = scores(job.known, _predict(model, numbers, parts["dev"]), parts["dev"])
        score = sum(found) / len(found)
        if score > best[0]:
            best = score, epoch, copy.deepcopy(model.state_dict())
        elif best[0] and epoch - best[1] >= _PATIENCE:
            break
    model.load_state_dict(best[2])
    return TrainedWords(
        lambda rows: _predict(model, numbers, rows),
        lambda folder: _save(model, numbers, folder),
        {"dev": best[0], "epochs": best[1] + 1, "words": len(numbers.words)},
    )


def _save(model: BiLstmTagger, numbers: Numbers, folder: Path) -> None:
    torch.save(model.state_dict(), folder / "model.pt")
    known = [numbers.words, numbers.characters, numbers.tags, numbers.labels]
    with (folder / "numbers.json").open("w", encoding="utf-8") as file:
        json.dump(known, file, ensure_ascii=False)


def _train_epoch(
    model: BiLstmTagger,
    optimizer: torch.optim.Optimizer,
    numbers: Numbers,
    rows: Sequence[Row],
    draw: random.Random,
) -> None:
    model.train()
    for batch in _batches(rows, draw):
        optimizer.zero_grad()
        torch.autograd.backward(model.loss(numbers.batch(batch)))
        torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        optimizer.step()


def _batches(rows: Sequence[Row], draw: random.Random) -> Iterator[Sequence[Row]]:
    """Yield all rows in batches of texts about as long as each other."""
    order = draw.sample(list(rows), len(rows))
    batches = []
    for start in range(0, len(order), _BATCH * _SORTED):
        drawn = sorted(order[start : start + _BATCH * _SORTED], key=lambda row: len(words_of(row)))
        batches += [drawn[at : at + _BATCH] for at in range(0, len(drawn), _BATCH)]
    draw.shuffle(batches)
    yield from batches


@torch.inference_mode()
def _predict(model: BiLstmTagger, numbers: Numbers, rows: Sequence[Row]) -> list[Predicted]:
    model.eval()
    order = sorted(range(len(rows)), key=lambda number: len(words_of(rows[number])))
    predicted = [Predicted()] * len(rows)
    for start in range(0, len(order), _BATCH):
        places = order[start : start + _BATCH]
        tags, labels = model.decide(numbers.batch([rows[place] for place in places]))
        for at, place in enumerate(places):
            names = [numbers.tags[tag] for tag in tags[at]]
            predicted[place] = Predicted(
                tags=names,
                # Nothing keeps the model from tags that break the scheme; as seqeval does it, they begin an entity.
                chunks=() if numbers.set.tags == UPOS else read_chunks(names, "IOB1"),
                label=numbers.labels[labels[at]] if labels else "",
            )
    return predicted
