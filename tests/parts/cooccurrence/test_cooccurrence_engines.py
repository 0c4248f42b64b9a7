"""Training by another engine than the processor: torch, here on the CPU, with many slices in a round."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqpipe.errors import EmbedderError
from seqpipe.kernels.cooccurrence import RoundsInTorch
from seqpipe.native import Cooccurrence, Rounds, begin_rounds
from seqpipe.parts.cooccurrence import (
    Corpus,
    Engine,
    Training,
    checkpoints_in,
    read_corpus,
    read_known,
    train,
)

TRAINING = Training(width=16, epochs=2, subsample=1.0, learning_rate=0.1)


def in_torch(model: Cooccurrence, threads: int) -> Rounds:
    return RoundsInTorch(model, "cpu")


def sentences(count: int = 600, seed: int = 0) -> list[list[str]]:
    generator = np.random.default_rng(seed)
    return [[f"w{number}" for number in generator.integers(0, 40, 8)] for _ in range(count)]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus(sentences(), io.BytesIO(), min_count=lambda words: 1)


@pytest.fixture(autouse=True)
def _several_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a small corpus trained in rounds of several slices."""
    monkeypatch.setattr("seqpipe.parts.cooccurrence._trainer._ROUNDS", 10)


@pytest.mark.parametrize(
    "given",
    [{}, {"architecture": "cbow", "position_weights": True}, {"loss": "hierarchical"}],
)
def test_the_same_rounds_by_another_engine_give_the_same_vectors(
    corpus: Corpus, given: dict[str, Any]
) -> None:
    training = replace(TRAINING, **given)
    held_out = read_known(sentences(50, seed=1), corpus, io.BytesIO())
    here, there = (
        train(corpus, training, seed=1, held_out=held_out, engine=Engine(begin, slices=6))
        for begin in (begin_rounds, in_torch)
    )
    np.testing.assert_allclose(there.inputs, here.inputs, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(there.outputs, here.outputs, rtol=1e-3, atol=1e-5)
    for one, other in zip(there.losses, here.losses, strict=True):
        assert one.train == pytest.approx(other.train, rel=1e-4)
        assert one.held_out == pytest.approx(other.held_out, rel=1e-4)
    assert there.slowed == here.slowed


@pytest.mark.parametrize(("slices", "found"), [(1, 1), (6, 6), (10_000, 10)])
def test_a_small_corpus_has_rounds_of_fewer_slices(corpus: Corpus, slices: int, found: int) -> None:
    seen = []

    def begin(model: Cooccurrence, threads: int) -> Rounds:
        seen.append((model.slices, model.capacity <= 2 * 50, threads))
        return begin_rounds(model, threads)

    train(corpus, TRAINING, seed=1, threads=3, engine=Engine(begin, slices=slices))
    assert seen == [(found, True, 3)]


def test_a_checkpoint_has_the_tables_of_its_time(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqpipe.parts.cooccurrence._trainer._AT_ONCE", 500)
    engine = Engine(in_torch, slices=6)
    whole = train(corpus, TRAINING, seed=1, engine=engine)
    calls = []

    def stop(fraction: float, loss: float | None) -> None:
        calls.append(fraction)
        if fraction > 0.3:
            raise KeyboardInterrupt

    with checkpoints_in(tmp_path / "saved", every=0) as checkpoints:
        with pytest.raises(KeyboardInterrupt):
            train(
                *(corpus, TRAINING),
                **{"seed": 1, "engine": engine, "checkpoints": checkpoints, "on_progress": stop},
            )
        with pytest.raises(EmbedderError, match="another training, which hasn't ended"):
            train(corpus, TRAINING, seed=1, checkpoints=checkpoints)
        again = train(corpus, TRAINING, seed=1, engine=engine, checkpoints=checkpoints)
    np.testing.assert_allclose(again.inputs, whole.inputs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(again.outputs, whole.outputs, rtol=1e-5, atol=1e-6)
