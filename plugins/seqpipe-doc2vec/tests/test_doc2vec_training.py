"""What the library learns, and that it's the library's own."""

import numpy as np
import pytest
from doc2vec_examples import GARDEN, MUSIC
from gensim.models import doc2vec as library
from seqpipe.errors import ConfigError, EmbedderError
from seqpipe.workers import _training

from seqpipe_doc2vec import _library, _worker
from seqpipe_doc2vec._bag import BagOfWords, BagOfWords2
from seqpipe_doc2vec._memory import DistributedMemory, DistributedMemory2

KINDS = [DistributedMemory, BagOfWords, DistributedMemory2, BagOfWords2]
SMALL = {"width": 8, "epochs": 3, "min_count": 1}


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("kind", [DistributedMemory, BagOfWords])
def test_vectors_are_those_that_gensim_trains(kind, monkeypatch):
    models = []

    def keep(*args, **kwargs):
        models.append(_library.make_model(*args, **kwargs))
        return models[-1]

    monkeypatch.setattr(_worker, "make_model", keep)
    # No two words are equally frequent: such ones are in another order there.
    documents = [[f"w{n}" for n in range(20) if place % (n + 1) == 0] for place in range(300)]
    embedder = kind(**SMALL, negatives=3, window=2, subsample=0.01, learning_rate=0.03)
    embedder.fit(documents, seed=4)
    (mine,) = models
    tagged = [library.TaggedDocument(words, [n]) for n, words in enumerate(documents)]
    other = library.Doc2Vec(
        dm=int(kind is DistributedMemory),
        dbow_words=1,
        vector_size=8,
        epochs=3,
        min_count=1,
        negative=3,
        window=2,
        sample=0.01,
        alpha=0.03,
        min_alpha=1e-4,
        workers=1,
        seed=mine.seed,
    )
    other.build_vocab(tagged)
    other.dv.vectors[:] = first_vectors(len(documents), mine.seed)
    other.train(tagged, total_examples=len(tagged), epochs=3)
    assert other.wv.index_to_key == list(embedder.vocabulary)
    assert np.array_equal(other.wv.vectors, embedder.embed(embedder.vocabulary))
    assert np.array_equal(other.syn1neg, mine.syn1neg)
    assert np.array_equal(other.dv.vectors, mine.dv.vectors)


def first_vectors(rows, seed):
    draw = np.random.default_rng(seed + 1)
    return (2 * draw.random((rows, 8), dtype=np.float32) - 1) / 8


def test_documents_of_a_topic_are_alike(fitted, documents):
    vectors = np.stack([fitted.embed_document(words) for words in documents])
    vectors -= vectors.mean(axis=0)
    direction = vectors[::2].mean(axis=0) - vectors[1::2].mean(axis=0)
    garden = vectors @ direction > 0
    assert (garden == (np.arange(len(documents)) % 2 == 0)).mean() > 0.97


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("train_words", [True, False])
@pytest.mark.parametrize("kind", [BagOfWords, BagOfWords2])
def test_words_of_a_topic_are_alike(documents, kind, train_words):
    embedder = kind(width=12, epochs=60, min_count=1, subsample=1.0, train_words=train_words)
    embedder.fit(documents)
    vectors = embedder.embed([*GARDEN, *MUSIC])
    vectors -= vectors.mean(axis=0)
    alike = vectors @ vectors.T
    assert alike[:6, :6].mean() > 0 > alike[:6, 6:].mean()


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("kind", [DistributedMemory, DistributedMemory2])
def test_every_word_of_a_long_document_is_trained(kind):
    embedder = kind(**SMALL)
    embedder.fit([["early"] * 12_000 + ["late"] * 12_000, ["other"] * 5])
    # Nothing but having been predicted moves an output vector from zero.
    assert embedder._tables.arrays["outputs"].any(axis=1).all()
    long, cut = ["early"] * 10_000 + ["late"] * 5, ["early"] * 10_000
    assert not np.array_equal(embedder.embed_document(long), embedder.embed_document(cut))


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("kind", [BagOfWords, BagOfWords2])
def test_words_are_lower_cased_and_counted(kind):
    embedder = kind(width=4, epochs=1, min_count=2, lower=True)
    embedder.fit([["The", "the", "cat"], ["CAT", "THE", "once"]])
    assert list(embedder.vocabulary) == ["the", "cat"]
    assert np.array_equal(embedder.embed(["THE"]), embedder.embed(["the"]))
    assert np.array_equal(embedder.embed_document(["Cat"]), embedder.embed_document(["cat"]))


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("kind", "whole"),
    [
        (BagOfWords, {"subsample": 1, "learning_rate": 1}),
        # With such a rate there would be a warning.
        (BagOfWords2, {"subsample": 1}),
    ],
)
def test_whole_numbers_will_do_where_any_number_does(documents, tmp_path, kind, whole):
    embedders = [
        kind(**SMALL, **{k: number(v) for k, v in whole.items()}) for number in (int, float)
    ]
    for embedder in embedders:
        embedder.fit(documents)
    vectors = [embedder.embed_document(documents[0]) for embedder in embedders]
    assert np.array_equal(*vectors)
    embedders[0].to_disk(tmp_path)
    embedders[1].from_disk(tmp_path)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides(documents, kind):
    embedders = [kind(**SMALL) for _ in range(3)]
    for embedder, seed in zip(embedders, (1, 1, 2), strict=True):
        embedder.fit(iter(documents), seed=seed)
    one, same, other = (embedder.embed_document(documents[0]) for embedder in embedders)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([["a", "b"], ["a"]], "0 of the 2 words in 2 sequences occur 5 times or more"),
        (["a text"], "sequence 1 is a string"),
        ([], "nothing to fit"),
    ],
)
def test_what_cant_be_fitted_on_is_refused(sequences, message, monkeypatch):
    monkeypatch.setattr(_training, "run_module", None)
    with pytest.raises(EmbedderError, match=message):
        BagOfWords().fit(sequences)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 0) for name in ("width", "window", "epochs", "inference_epochs", "negatives")),
        *((name, 0) for name in ("min_count", "threads", "learning_rate", "subsample")),
        ("learning_rate", 1.5),
        ("subsample", 2.0),
        ("subsample", float("nan")),
    ],
)
def test_settings_that_cant_be_used_are_refused(kind, name, value):
    with pytest.raises(ConfigError, match=f"`{name}` is"):
        kind(**{name: value})
