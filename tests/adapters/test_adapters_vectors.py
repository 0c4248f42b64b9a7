"""An embedder as the vectors of a vocabulary."""

import pickle

import numpy as np
import pytest
import spacy
import srsly
from adapter_examples import Letters
from spacy.training import Example
from spacy.vectors import Vectors

from seqpipe import storage
from seqpipe.adapters import (
    EmbedderVectors,
    keeping_vectors,
    make_fit_embedder,
    make_vectors,
    watch_fit,
)
from seqpipe.errors import ConfigError, DataError, SavedModelError
from seqpipe.parts.embedders import Word2Vec

TEXTS = ["a good film", "a bad  film", ""]


def corpus(nlp):
    for text in TEXTS:
        doc = nlp.make_doc(text)
        yield Example(doc, doc.copy())


def nlp_with(embedder):
    nlp = spacy.blank("xx")
    nlp.vocab.vectors = make_vectors(embedder)(nlp.vocab)
    return nlp


@pytest.fixture
def nlp():
    return make_fit_embedder(corpus)(nlp_with(Letters()))


@pytest.fixture
def vectors(nlp):
    return nlp.vocab.vectors


def test_words_are_asked_for_by_text_or_hash(nlp, vectors):
    hashes = [nlp.vocab.strings.add(word) for word in ("good", "unheard")]
    expected = Letters().embed(["good", "unheard"])
    np.testing.assert_array_equal(vectors.get_batch(["good", "unheard"]), expected)
    np.testing.assert_array_equal(vectors.get_batch(np.array(hashes, dtype="uint64")), expected)
    np.testing.assert_array_equal(vectors[hashes[1]], expected[1])
    assert vectors.get_batch([]).shape == (0, 4)


def test_white_space_has_zeros(vectors):
    batch = vectors.get_batch(["good", " ", "\n\t", ""])
    assert batch[0].any() and not batch[1:].any()


def test_zeros_of_white_space_do_not_reach_the_embedder():
    class Shared(Letters):
        def embed(self, words):
            return table[: len(words)]

    table = np.ones((3, 4), dtype="float32")
    vectors = EmbedderVectors(strings=spacy.blank("en").vocab.strings, embedder=Shared())
    assert not vectors.get_batch(["a", " "])[1].any()
    assert table.all()


def test_sizes_are_those_of_the_embedder(vectors):
    # Words of the texts: a, bad, film, good.
    assert vectors.shape == (4, 4)
    assert (len(vectors), vectors.n_keys, vectors.size, vectors.vectors_length) == (4, 4, 16, 4)
    assert vectors.is_full()
    assert "anything" in vectors and 17 in vectors


def test_vectors_of_spacys_objects_are_those_of_the_embedder(nlp):
    doc = nlp("good unheard")
    good, unheard = Letters().embed(["good", "unheard"])
    np.testing.assert_array_equal(doc[0].vector, good)
    np.testing.assert_array_equal(nlp.vocab["unheard"].vector, unheard)
    np.testing.assert_array_equal(nlp.vocab.get_vector("unheard"), unheard)
    np.testing.assert_allclose(doc.vector, (good + unheard) / 2, rtol=1e-6)
    np.testing.assert_allclose(doc[:2].vector, (good + unheard) / 2, rtol=1e-6)
    assert doc[1].has_vector and doc.has_vector
    assert doc.similarity(nlp("good unheard")) == pytest.approx(1.0)
    assert not nlp("").vector.any() and nlp("").vector.shape == (4,)
    assert not doc[0:0].vector.any()


def test_single_vectors_cannot_be_changed(nlp):
    with pytest.raises(ConfigError, match="embedder"):
        nlp.vocab.set_vector("good", np.zeros(4))


def test_unknown_words_have_vectors_after_reloading(nlp, tmp_path):
    before = nlp.vocab.get_vector("unheard")
    nlp.vocab.to_disk(tmp_path / "vocab")
    other = nlp_with(Letters())
    other.vocab.from_disk(tmp_path / "vocab")
    np.testing.assert_array_equal(other("unheard")[0].vector, before)
    assert other.vocab.vectors.embedder.words == ["a", "bad", "film", "good"]


def test_bytes_bring_the_embedder_back(nlp):
    other = nlp_with(Letters())
    other.vocab.from_bytes(nlp.vocab.to_bytes())
    assert other.vocab.vectors.embedder.words == ["a", "bad", "film", "good"]
    assert other.vocab.vectors.to_bytes() == nlp.vocab.vectors.to_bytes()


def test_real_embedder_returns_from_bytes_to_the_bit():
    embedder = Word2Vec(width=4, epochs=1, min_count=1)
    embedder.fit([["a", "b", "c"] * 4], seed=1)
    other = nlp_with(Word2Vec(width=4))
    other.vocab.from_bytes(nlp_with(embedder).vocab.to_bytes())
    words = ["a", "c", "unheard"]
    np.testing.assert_array_equal(other.vocab.vectors.get_batch(words), embedder.embed(words))


def test_new_words_have_vectors_after_pickling(nlp):
    # An unpickled vocabulary gives its vectors another store of strings than its own.
    once = pickle.loads(pickle.dumps(nlp))
    once("first")
    twice = pickle.loads(pickle.dumps(once))
    for number, other in enumerate((once, twice)):
        word = "abc"[number] * 5
        np.testing.assert_array_equal(other(word)[0].vector, Letters().embed([word])[0])


def test_hash_that_stands_for_no_known_word_is_an_error(vectors):
    with pytest.raises(KeyError):
        vectors.get_batch([1234567])


@pytest.mark.parametrize(
    "name", ["../outside", "/tmp/outside", "deep/../../outside", "..", ".", ""]
)
def test_files_outside_of_their_folder_are_refused(vectors, name, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SavedModelError, match="outside"):
        vectors.from_bytes(srsly.msgpack_dumps({name: b"content"}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "data",
    [b"garbage", srsly.msgpack_dumps([1]), srsly.msgpack_dumps({"a": 1})],
)
def test_damaged_bytes_are_refused(vectors, data):
    with pytest.raises(SavedModelError, match="damaged"):
        vectors.from_bytes(data)


def saved(nlp, folder):
    storage.write_folder(folder, nlp.to_disk)
    assert storage.has_manifest(folder)
    return folder


def test_saving_by_spacy_itself_discards_the_manifest_of_before(nlp, tmp_path):
    folder = saved(nlp, tmp_path / "model")
    nlp.to_disk(folder)
    assert not storage.has_manifest(folder)
    nlp_with(Letters()).vocab.from_disk(folder / "vocab")


@pytest.mark.parametrize("damaged", ["vocab/embedder/deep/words.json", "config.cfg", "tokenizer"])
def test_damaged_file_is_found_before_the_embedder_is_parsed(nlp, tmp_path, damaged):
    folder = saved(nlp, tmp_path / "model")
    content = bytearray((folder / damaged).read_bytes())
    content[-3] ^= 1
    (folder / damaged).write_bytes(content)

    class Untouched(Letters):
        def from_disk(self, path):
            raise AssertionError("parsed")

    with pytest.raises(SavedModelError, match=damaged.rpartition("/")[2]):
        nlp_with(Untouched()).vocab.from_disk(folder / "vocab")


@pytest.mark.parametrize("name", ["vocab", "classifier"])
def test_writing_a_part_into_a_saved_pipeline_discards_the_manifest(tmp_path, name):
    part = {"@seqpipe_embedders": "seqpipe.Word2Vec.v1", "width": 4, "epochs": 1}
    vectors = {"@vectors": "seqpipe.Vectors.v1", "embedder": part}
    nlp = spacy.blank("en", config={"nlp": {"vectors": vectors}})
    nlp.vocab.vectors.embedder.fit([["good", "bad"]] * 9)
    part = {"@seqpipe_classifiers": "seqpipe.FastTextClassifier.v1", "width": 4, "buckets": 9}
    pipe = nlp.add_pipe("seqpipe_classifier", name="classifier", config={"classifier": part})
    docs = [(nlp.make_doc(word), {"cats": {word: 1}}) for word in ("good", "bad")]
    pipe.initialize(lambda: [Example.from_dict(*pair) for pair in docs])
    storage.write_folder(tmp_path / "model", nlp.to_disk)
    loaded = spacy.load(tmp_path / "model")
    loaded.vocab.strings.add("something new")
    changed = loaded.vocab if name == "vocab" else loaded.get_pipe(name)
    changed.to_disk(tmp_path / "model" / name)
    assert not storage.has_manifest(tmp_path / "model")
    assert spacy.load(tmp_path / "model")("good").cats == loaded("good").cats


def test_undamaged_pipeline_with_manifest_is_read(nlp, tmp_path):
    folder = saved(nlp, tmp_path / "model")
    other = nlp_with(Letters())
    other.vocab.from_disk(folder / "vocab")
    assert other.vocab.vectors.embedder.words


def test_callback_fits_on_words_without_white_space(nlp):
    embedder = nlp.vocab.vectors.embedder
    assert embedder.words == ["a", "bad", "film", "good"]
    assert embedder.seeds == [0]


def test_callback_takes_the_seed_of_the_configuration():
    nlp = nlp_with(Letters())
    nlp.config["system"]["seed"] = 7
    make_fit_embedder(corpus)(nlp)
    assert nlp.vocab.vectors.embedder.seeds == [7]


def test_callback_refuses_vectors_of_another_kind():
    with pytest.raises(ConfigError, match=r"nlp\.vectors"):
        make_fit_embedder(corpus)(spacy.blank("en"))


def test_fit_is_watched_only_inside():
    seen = []
    nlp = nlp_with(Letters())
    with watch_fit(nlp, seen.append):
        make_fit_embedder(corpus)(nlp)
    make_fit_embedder(corpus)(nlp)
    assert seen == ["fitted"]


def test_fit_is_no_longer_watched_after_an_error():
    seen = []
    nlp = nlp_with(Letters())
    with pytest.raises(KeyError), watch_fit(nlp, seen.append):
        raise KeyError
    make_fit_embedder(corpus)(nlp)
    assert seen == []


def test_configuration_names_embedder_and_callback():
    config = {
        "nlp": {
            "vectors": {
                "@vectors": "seqpipe.Vectors.v1",
                "embedder": {"@seqpipe_embedders": "seqpipe.Word2Vec.v1", "width": 6},
            }
        }
    }
    nlp = spacy.blank("en", config=config)
    assert nlp.vocab.vectors_length == 6
    assert nlp.vocab.vectors.shape == (0, 6)


def test_vectors_of_embedders_that_learnt_the_same_are_equal(vectors):
    other = make_fit_embedder(corpus)(nlp_with(Letters())).vocab.vectors
    assert vectors == other
    with pytest.raises(TypeError):
        hash(vectors)
    other.embedder.fit([["a", "bad", "film", "more"]])
    assert vectors != other


@pytest.mark.parametrize("embedder", [Letters(), Letters(width=5), Word2Vec(width=4)])
def test_vectors_of_embedders_that_learnt_otherwise_differ(vectors, embedder):
    other = nlp_with(embedder)
    assert vectors != other.vocab.vectors
    if isinstance(embedder, Letters):
        assert vectors != make_fit_embedder(lambda nlp: [])(other).vocab.vectors


def test_vectors_and_a_table_of_spacys_with_the_same_words_differ(nlp, vectors):
    table = table_of(nlp)
    assert table.shape == vectors.shape
    assert vectors != table and table != vectors


def table_of(nlp):
    """Return what the known words have, as a table of spaCy's."""
    words = nlp.vocab.vectors.embedder.vocabulary
    return Vectors(
        strings=nlp.vocab.strings, data=nlp.vocab.vectors.get_batch(words), keys=list(words)
    )


def test_keys_are_those_of_known_words_and_have_texts(nlp, vectors):
    words = ["a", "bad", "film", "good"]
    assert [nlp.vocab.strings[key] for key in vectors] == words
    assert list(vectors) == vectors.keys() == [key for key, _ in vectors.items()]
    np.testing.assert_array_equal(list(vectors.values()), Letters().embed(words))


def test_rows_and_keys_are_found_from_each_other(nlp, vectors):
    film = nlp.vocab.strings.add("film")
    assert vectors.find(key="film") == vectors.find(key=film) == 2
    assert vectors.find(key="unheard") == -1 == vectors.find(key=1234567)
    assert vectors.find(keys=["good", "unheard", film]).tolist() == [3, -1, 2]
    assert vectors.find(row=2) == film
    assert vectors.find(rows=[2, 2]).tolist() == [film, film]
    for row in (4, -1):
        with pytest.raises(KeyError, match="4 words"):
            vectors.find(row=row)
    with pytest.raises(ConfigError, match="exactly one"):
        vectors.find(key="film", row=2)


def test_most_similar_words_are_those_of_a_table_of_spacys(nlp, vectors):
    queries = Letters().embed(["good", "unheard", "words"])
    before = queries.copy()
    found = vectors.most_similar(queries, n=3, batch_size=2)
    np.testing.assert_array_equal(queries, before)
    expected = table_of(nlp).most_similar(queries.copy(), n=3)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[2], expected[2], atol=1e-4)
    with pytest.raises(DataError, match="4 words"):
        vectors.most_similar(queries, n=5)


def test_changes_are_refused_and_a_table_can_be_put_in_their_place(nlp, vectors):
    changes = [
        lambda: vectors.add("new", vector=np.zeros(4)),
        lambda: vectors.__setitem__("good", np.zeros(4)),
        lambda: vectors.resize((9, 4)),
    ]
    for change in changes:
        with pytest.raises(ConfigError, match=r"spacy\.vectors\.Vectors"):
            change()
    nlp.vocab.vectors = table_of(nlp)
    nlp.vocab.set_vector("new", np.ones(4))
    assert nlp("new")[0].vector.tolist() == [1, 1, 1, 1]


def test_folder_without_an_embedder_is_refused_with_what_to_do(tmp_path):
    spacy.blank("en").to_disk(tmp_path / "theirs")
    vectors = EmbedderVectors(strings=spacy.blank("en").vocab.strings, embedder=Word2Vec(width=2))
    with pytest.raises(SavedModelError, match=r"theirs has no embedder of seqpipe's .*Pretrained"):
        vectors.from_disk(tmp_path / "theirs" / "vocab")


@pytest.mark.parametrize("most", [100, 2])
def test_vectors_are_kept_for_a_while_and_not_more_than_a_few(nlp, vectors, monkeypatch, most):
    monkeypatch.setattr("seqpipe.adapters._vectors._KEPT_BYTES", 4 * vectors.shape[1] * most)
    keys = np.array([nlp.vocab.strings.add(w) for w in ["a", "bc", " ", "zz"]], dtype="uint64")
    expected = vectors.get_batch(keys)
    asked = []
    monkeypatch.setattr(
        vectors.embedder,
        "embed",
        lambda words, e=vectors.embedder.embed: asked.append(words) or e(words),
    )
    with keeping_vectors(nlp.vocab):
        for order in ([0, 1], [1, 3, 0, 2], [2, 3]):
            np.testing.assert_array_equal(vectors.of_words(keys[order]), expected[order])
    assert asked == [["a", "bc"], ["zz", " "], *([[" ", "zz"]] if most == 2 else [])]
    vectors.of_words(keys[:1])
    assert asked[-1] == ["a"]


def test_vectors_of_hashes_stay_those_of_their_words(nlp, vectors, monkeypatch):
    monkeypatch.setattr("seqpipe.adapters._strings._MOST_STRINGS", 2)
    words = ["a", "bc", " ", "zz"]
    keys = np.array([nlp.vocab.strings.add(word) for word in words], dtype="uint64")
    expected = vectors.get_batch(words)
    for order in ([0, 1], [1, 3, 0, 2], [2, 3]):
        np.testing.assert_array_equal(vectors.of_words(keys[order]), expected[order])
    copied = pickle.loads(pickle.dumps(vectors))
    np.testing.assert_array_equal(copied.of_words(keys), expected)
    with pytest.raises(KeyError):
        vectors.of_words(np.array([1234567], dtype="uint64"))


def test_table_of_spacys_is_kept_by_itself():
    with keeping_vectors(spacy.blank("en").vocab):
        pass
