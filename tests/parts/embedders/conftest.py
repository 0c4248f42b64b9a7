import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from seqpipe.parts.embedders import FastText, Word2Vec
from seqpipe.parts.embedders.fasttext import _fit
from seqpipe.parts.fasttext import _worker

# So many that every word is trained, so few that training takes no time.
SMALL: dict[str, Any] = {"width": 8, "epochs": 2, "min_count": 2, "subsample": 1.0}


def make_sequences() -> list[list[str]]:
    plain = ["the", "cat", "sat", "on", "a", "mat", "running", "runner", "walked", "walking"]
    words = [*plain, "naïve", "Straße", "日本語", "emoji😀"]
    draw = random.Random(5)
    sequences = [draw.choices(words, k=12) for _ in range(40)]
    return [*sequences, ["rare", "the", "cat"]]


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    return SMALL


@pytest.fixture(scope="session")
def sequences() -> list[list[str]]:
    return make_sequences()


@pytest.fixture(scope="session")
def fasttext(sequences: list[list[str]]) -> FastText:
    embedder = FastText(**SMALL)
    embedder.fit(sequences, seed=1)
    return embedder


@pytest.fixture(scope="session")
def word2vec(sequences: list[list[str]]) -> Word2Vec:
    embedder = Word2Vec(**SMALL)
    embedder.fit(sequences, seed=1)
    return embedder


class Reference(NamedTuple):
    """The library's own model, and the job that it was trained on."""

    model: Any
    settings: dict[str, Any]
    corpus: str

    def subwords(self, word: str) -> tuple[list[str], list[int]]:
        return self.model.getSubwords(word, "replace")

    def mean(self, ids: list[int]) -> np.ndarray:
        matrix = np.asarray(self.model.getInputMatrix())
        return matrix[ids].mean(axis=0) if ids else np.zeros(matrix.shape[1], dtype=np.float32)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> list[Reference]:
    """Have trainings run in this process, and keep the library's model of each."""
    models: list[Reference] = []

    def train(module: str, folder: Path, *, on_line: Callable[[str], bool]) -> None:
        here = Path.cwd()
        os.chdir(folder)
        try:
            settings = json.loads(Path(_worker.SETTINGS).read_text())
            model = _worker.train(settings)
            _worker.save(model, buckets=settings["bucket"])
            models.append(Reference(model, settings, Path(_worker.CORPUS).read_text()))
        finally:
            os.chdir(here)

    monkeypatch.setattr(_fit, "run_module", train)
    return models
