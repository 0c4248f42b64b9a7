"""Version 2: seqpipe's own trainer, with gensim beside it."""

import random
import tempfile

import numpy as np
import pytest
from seqpipe.errors import ConfigError, EmbedderError
from seqpipe.parts.cooccurrence import Inference, Training

from seqpipe_doc2vec._bag import BagOfWords, BagOfWords2
from seqpipe_doc2vec._memory import DistributedMemory, DistributedMemory2

KINDS = [DistributedMemory2, BagOfWords2]
SMALL = {"width": 8, "epochs": 3, "min_count": 1, "subsample": 1.0}


def test_documents_are_inferred_where_gensim_infers_them(fitted_by_gensim, documents):
    memory = isinstance(fitted_by_gensim, DistributedMemory)
    assert memory or isinstance(fitted_by_gensim, BagOfWords)
    arrays, words = fitted_by_gensim._tables.arrays, fitted_by_gensim.vocabulary
    architecture = "cbow" if memory else "skipgram"
    training = Training(
        width=12, architecture=architecture, window=1, subsample=1.0, documents=True
    )
    inference = Inference(arrays["words"], arrays["outputs"], arrays["counts"], training, 20)
    rows = {word: row for row, word in enumerate(words)}
    cosines = []
    for document in documents[:20]:
        mine = inference.infer(np.array([rows[word] for word in document], dtype=np.int32))
        theirs = fitted_by_gensim.embed_document(document)
        cosines.append(mine @ theirs / np.linalg.norm(mine) / np.linalg.norm(theirs))
    assert np.mean(cosines) > 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_threads_gives_the_same_bytes(kind):
    draw = random.Random(1)
    # From half a million words on there's work for two.
    documents = [draw.choices("abcdefghijklmnopqrstuvwxyz", k=200) for _ in range(2600)]
    embedders = [kind(width=4, epochs=1, negatives=1, threads=threads) for threads in (1, 2, None)]
    for embedder in embedders:
        embedder.fit(iter(documents), seed=1)
    first, *others = ({**each._tables.arrays} for each in embedders)
    for other in others:
        assert all(first[name].tobytes() == other[name].tobytes() for name in first)


@pytest.mark.parametrize("kind", KINDS)
def test_progress_rises_to_the_end(kind, documents):
    told = []
    kind(**SMALL).fit(documents, on_progress=told.append)
    fractions = [each.fraction for each in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert told[-1].loss > 0


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_training_leaves_what_was_there(kind, documents):
    embedder = kind(**SMALL)
    embedder.fit(documents)
    before = embedder.embed_document(documents[0])

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embedder.fit(documents[::2], on_progress=interrupt)
    assert np.array_equal(embedder.embed_document(documents[0]), before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_longer_than_what_is_trained_at_once(kind, documents):
    embedder = kind(**SMALL, inference_epochs=3)
    embedder.fit(documents)
    vector = embedder.embed_document(["rose"] * 450_000)
    assert np.isfinite(vector).all()
    assert vector.any()


@pytest.mark.parametrize("kind", KINDS)
def test_empty_documents_and_those_of_one_word_can_be_fitted_on(kind):
    embedder = kind(**SMALL)
    embedder.fit([[], ["a"], [], ["b"], ["a", "b", "rare"], []])
    assert embedder.embed_document(["a"]).any()


def test_too_high_a_rate_is_told_of_and_vectors_stay_finite(documents):
    embedder = BagOfWords2(**SMALL, learning_rate=1.0)
    with pytest.warns(UserWarning, match="`learning_rate`, 1.0, is too high"):
        embedder.fit(documents)
    assert np.isfinite(embedder.embed_document(documents[0])).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "value"), [("negatives", 62), ("window", 10**7)])
def test_what_the_trainer_has_no_room_for_is_refused(kind, name, value):
    with pytest.raises(ConfigError, match=f"`{name}` is {value}; it may be at most"):
        kind(**{name: value})


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_is_told_of(kind, documents, monkeypatch):
    class Full:
        def __getattr__(self, name):
            raise OSError(28, "No space left on device")

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(EmbedderError, match=r"temporary file in .*: No space left on device"):
        kind(**SMALL).fit(documents)
