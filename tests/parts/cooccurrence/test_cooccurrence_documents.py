"""Vectors of documents: trained with those of words, and inferred."""

import io
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seqpipe.errors import EmbedderError
from seqpipe.parts.cooccurrence import (
    Corpus,
    Inference,
    Trained,
    Training,
    read_corpus,
    read_known,
    train,
)

TRAINING = Training(width=16, epochs=20, subsample=1.0, documents=True)
KINDS: dict[str, dict[str, Any]] = {
    "bag of words": {"train_words": False},
    "bag of words, with words": {},
    "distributed memory": {"architecture": "cbow", "window": 1},
}
#: Topics whose words stand apart, between those of all texts.
TOPICS = [
    ["stars", "planet", "orbit", "comet", "moon"],
    ["bread", "oven", "flour", "yeast", "crust"],
]
COMMON = ["the", "a", "of", "and", "to"]


def documents(count: int = 200) -> list[list[str]]:
    generator = np.random.default_rng(0)
    return [
        generator.permutation(
            [*generator.choice(TOPICS[n % 2], 12), *generator.choice(COMMON, 12)]
        ).tolist()
        for n in range(count)
    ]


def fitted(**given: Any) -> tuple[Corpus, Training, Trained]:
    corpus = read_corpus(documents(), io.BytesIO(), min_count=lambda words: 1)
    training = replace(TRAINING, **given)
    return corpus, training, train(corpus, training, seed=1)


def inference_of(
    corpus: Corpus, training: Training, trained: Trained, epochs: int = 20
) -> Inference:
    return Inference(trained.inputs, trained.outputs, corpus.counts, training, epochs)


def numbers(corpus: Corpus, words: list[str]) -> NDArray[np.int32]:
    return np.array([corpus.words.index(word) for word in words], dtype=np.int32)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_of_a_topic_are_inferred_alike(kind: str) -> None:
    corpus, training, trained = fitted(**KINDS[kind])
    inference = inference_of(corpus, training, trained)
    vectors = np.stack([inference.infer(numbers(corpus, words)) for words in documents()])
    vectors -= vectors.mean(axis=0)
    direction = vectors[::2].mean(axis=0) - vectors[1::2].mean(axis=0)
    right = (vectors @ direction > 0) == (np.arange(len(vectors)) % 2 == 0)
    assert right.mean() > 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_a_vector_follows_from_the_words_alone(kind: str) -> None:
    corpus, training, trained = fitted(**KINDS[kind], epochs=2)
    several = [numbers(corpus, words) for words in documents(20)]
    first, other = (inference_of(corpus, training, trained) for _ in range(2))
    vectors = [first.infer(words) for words in several]
    for words, vector in zip(several[::-1], vectors[::-1], strict=True):
        assert np.array_equal(other.infer(words), vector)
    with ThreadPoolExecutor(4) as pool:
        assert np.array_equal(list(pool.map(first.infer, several)), vectors)


@pytest.mark.parametrize("kind", KINDS)
def test_how_many_epochs_are_trained_at_once_does_not_matter(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, training, trained = fitted(**KINDS[kind], epochs=2)
    words = np.tile(numbers(corpus, documents()[0]), 60)
    inference = inference_of(corpus, training, trained, epochs=5)
    whole = inference.infer(words)
    for at_once in (1, 2 * len(words)):
        monkeypatch.setattr("seqpipe.parts.cooccurrence._inference._AT_ONCE", at_once)
        assert np.array_equal(inference.infer(words), whole)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_without_words_have_zeros(kind: str) -> None:
    corpus, training, trained = fitted(**KINDS[kind], epochs=1)
    inferred = inference_of(corpus, training, trained).infer(np.zeros(0, dtype=np.int32))
    assert inferred.shape == (16,)
    assert not inferred.any()


def test_a_bag_of_words_comes_to_the_vector_that_predicts_best() -> None:
    """Of two words, one occurs thrice as often: its logit against the other's follows from the loss."""
    counts = np.array([8, 8])
    outputs = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    training = Training(width=2, subsample=1.0, negatives=2, learning_rate=0.3, documents=True)
    inference = Inference(outputs, outputs, counts, training, epochs=2000)
    vector = inference.infer(np.array([0, 0, 0, 1], dtype=np.int32))
    # Each word is drawn as a negative once for each that's predicted, but not for itself: word 0 is right thrice, and
    # wrong once for the one other word.
    np.testing.assert_allclose(vector, [np.log(3), -np.log(3)], atol=0.15)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_do_not_matter(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqpipe.parts.cooccurrence._trainer._SLICES", ((0, 4),))
    corpus = read_corpus(documents(), io.BytesIO(), min_count=lambda words: 1)
    training = replace(TRAINING, **KINDS[kind], epochs=2)
    one, several = (train(corpus, training, seed=1, threads=count) for count in (1, 3))
    assert one.inputs.tobytes() == several.inputs.tobytes()
    assert one.outputs.tobytes() == several.outputs.tobytes()


def test_without_training_of_words_they_stay_as_chance_gave_them() -> None:
    _, _, trained = fitted(train_words=False, epochs=1)
    _, _, longer = fitted(train_words=False, epochs=2)
    assert np.array_equal(trained.inputs, longer.inputs)
    assert not np.array_equal(trained.outputs, longer.outputs)


def test_documents_change_what_words_learn() -> None:
    _, _, beside = fitted(epochs=1)
    _, _, without = fitted(epochs=1, documents=False)
    assert not np.array_equal(beside.outputs, without.outputs)


def test_a_loss_outside_is_refused() -> None:
    corpus = read_corpus(documents(), io.BytesIO(), min_count=lambda words: 1)
    held_out = read_known(documents(4), corpus, io.BytesIO())
    with pytest.raises(ValueError, match="neither held out nor in a checkpoint"):
        train(corpus, TRAINING, seed=1, held_out=held_out)


def test_a_full_disk_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    corpus = read_corpus(documents(), io.BytesIO(), min_count=lambda words: 1)
    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(EmbedderError, match="No space left on device"):
        train(corpus, TRAINING, seed=1)
