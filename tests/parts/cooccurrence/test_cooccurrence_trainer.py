"""The training of tables on a corpus."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seqpipe.errors import ConfigError, EmbedderError
from seqpipe.parts.cooccurrence import (
    Corpus,
    Start,
    Trained,
    Training,
    read_corpus,
    read_known,
    train,
)
from seqpipe.parts.cooccurrence._trainer import slice_bounds

TRAINING = Training(width=16, epochs=3, subsample=1.0, learning_rate=0.1)
TOPICS = [
    "stars planet orbit comet moon",
    "bread oven flour yeast crust",
    "goal team ball match net",
]


def sentences(count: int = 400, seed: int = 0) -> list[list[str]]:
    """Return sentences whose words are of one topic each."""
    generator = np.random.default_rng(seed)
    topics = [each.split() for each in TOPICS]
    return [generator.choice(topics[number % 3], 6).tolist() for number in range(count)]


def corpus_of(sequences: Any) -> Corpus:
    return read_corpus(sequences, io.BytesIO(), min_count=lambda words: 1)


def trained(training: Training = TRAINING, sequences: Any = None, **options: Any) -> Trained:
    corpus = corpus_of(sentences() if sequences is None else sequences)
    return train(corpus, training, seed=options.pop("seed", 1), **options)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"architecture": "cbow", "epochs": 6},
        {"architecture": "cbow", "position_weights": True, "epochs": 6},
        {"loss": "hierarchical", "epochs": 6},
        {"architecture": "cbow", "loss": "hierarchical", "epochs": 6},
    ],
)
def test_words_of_a_topic_become_alike(given: dict[str, Any]) -> None:
    corpus = corpus_of(sentences(800))
    result = train(corpus, replace(TRAINING, **given), seed=1)
    vectors = result.inputs / np.linalg.norm(result.inputs, axis=1, keepdims=True)
    topic = np.array([next(t for t, ws in enumerate(TOPICS) if w in ws) for w in corpus.words])
    alike = vectors @ vectors.T
    same = (topic[:, None] == topic) & ~np.eye(len(topic), dtype=bool)
    assert alike[same].mean() > alike[topic[:, None] != topic].mean() + 0.3
    assert result.losses[-1].train < result.losses[0].train


def test_threads_and_the_form_of_the_input_do_not_matter() -> None:
    first = trained()
    again = trained(sequences=iter(sentences()), threads=3)
    assert first.inputs.tobytes() == again.inputs.tobytes()
    assert first.outputs.tobytes() == again.outputs.tobytes()


def test_how_much_is_read_at_once_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained()
    monkeypatch.setattr("seqpipe.parts.cooccurrence._trainer._AT_ONCE", 300)
    calls: list[float] = []
    pieces = trained(on_progress=lambda done, loss: calls.append(done))
    assert whole.inputs.tobytes() == pieces.inputs.tobytes()
    assert len(calls) > 3 * TRAINING.epochs
    assert calls == sorted(calls)
    assert calls[-1] == pytest.approx(1)


def test_another_seed_gives_other_vectors() -> None:
    assert not np.allclose(trained().inputs, trained(seed=2).inputs, atol=1e-3)


def test_vectors_begin_where_they_are_told_to_and_frozen_ones_stay() -> None:
    rows = np.array([0, 3])
    vectors = np.random.default_rng(0).normal(size=(2, 16)).astype(np.float32)
    frozen = trained(start=Start(rows, vectors, frozen=True))
    assert np.array_equal(frozen.inputs[rows], vectors)
    moved = trained(replace(TRAINING, learning_rate=1e-3), start=Start(rows, vectors))
    assert not np.array_equal(moved.inputs[rows], vectors)
    np.testing.assert_allclose(moved.inputs[rows], vectors, atol=0.3)


def test_the_loss_before_anything_is_learnt_is_that_of_a_coin() -> None:
    """Outputs begin as zeros: each of a pair's 1 + 5 decisions is even."""
    corpus = corpus_of(sentences())
    held_out = read_known(sentences(30, seed=9), corpus, io.BytesIO())
    result = train(
        corpus, replace(TRAINING, learning_rate=1e-9, epochs=1), seed=1, held_out=held_out
    )
    # A negative that is the word itself isn't contrasted with it, here one of 15.
    assert result.losses[0].held_out == pytest.approx(np.log(2) * (1 + 5 * 14 / 15), rel=0.02)


def test_the_epoch_with_the_lowest_loss_outside_is_kept_and_training_ends_after_it() -> None:
    corpus = corpus_of(sentences(60))
    held_out = read_known(sentences(60, seed=5), corpus, io.BytesIO())
    training = replace(TRAINING, epochs=60, learning_rate=0.3, patience=2)
    result = train(corpus, training, seed=1, held_out=held_out)
    outside = [each.held_out for each in result.losses if each.held_out is not None]
    assert len(outside) == len(result.losses) < 60
    assert result.epoch == int(np.argmin(outside)) + 1 == len(outside) - 2
    shorter = train(corpus, replace(training, patience=None), seed=1, held_out=held_out)
    assert shorter.epoch <= len(shorter.losses) == 60


@pytest.mark.parametrize("rate", [0.001, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("width", [1, 7, 1000])
@pytest.mark.parametrize(
    "sequences",
    [[["a"] * 50, ["b"]], [["a", "b"]], [["a", "b", "c"] * 3000], [["a"], ["b"]]],
    ids=["one word", "one sentence", "one long line", "no pairs"],
)
def test_vectors_are_always_finite(rate: float, width: int, sequences: list[list[str]]) -> None:
    training = Training(width=width, epochs=2, subsample=1.0, learning_rate=rate)
    result = trained(training, sequences)
    assert np.isfinite(result.inputs).all()
    assert np.isfinite(result.outputs).all()


def test_long_vectors_to_begin_with_are_trained() -> None:
    vectors = np.random.default_rng(0).normal(size=(2, 16)).astype(np.float32) * 100
    result = trained(start=Start(np.array([0, 3]), vectors))
    assert result.slowed == 0
    assert not np.array_equal(result.inputs[[0, 3]], vectors)


def test_what_is_held_out_must_have_pairs() -> None:
    corpus = corpus_of(sentences())
    held_out = read_known([["unknown"], ["star"]], corpus, io.BytesIO())
    with pytest.raises(EmbedderError, match="nothing can be measured on what's held out"):
        train(corpus, TRAINING, seed=1, held_out=held_out)


def test_a_window_that_is_wider_than_texts_is_trained_with_weights_of_positions() -> None:
    training = replace(TRAINING, architecture="cbow", position_weights=True, window=300, epochs=1)
    result = trained(training, [sentence * 60 for sentence in sentences(8)])
    assert np.isfinite(result.inputs).all()


def test_steps_that_were_made_smaller_are_counted() -> None:
    assert trained().slowed == 0
    assert trained(replace(TRAINING, learning_rate=50.0)).slowed > 0.1


def test_whole_sequences_are_never_cut() -> None:
    corpus = corpus_of([["a", "b"] * 700, *sentences(10)])
    cut = slice_bounds(corpus, 250)
    whole = slice_bounds(corpus, 250, whole_sequences=True)
    assert len(np.setdiff1d(cut, [0, *corpus.ends])) > 0
    assert set(whole) <= {0, *corpus.ends.tolist()}
    assert whole[-1] == corpus.size


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 0),
        ("epochs", 0),
        ("window", 2_000_000),
        ("negatives", 62),
        ("loss", "softmax"),
        ("learning_rate", float("nan")),
        ("subsample", 0),
        ("negative_exponent", float("inf")),
    ],
)
def test_settings_that_cant_be_used_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"`{name}` is"):
        replace(TRAINING, **{name: value})
