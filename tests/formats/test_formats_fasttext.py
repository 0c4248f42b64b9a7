"""Files of the fastText library are read as it reads them, and it reads what's written here."""

import numpy as np
import pytest
from formats.format_examples import (
    LABELS,
    TEXTS,
    library_predictions,
    library_vector,
    load,
    make_model,
    normalised,
    quantize,
    train,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.formats import Dense, Quantized, read_fasttext, write_fasttext

WORDS = ("wort1", "wort12", "naïve", "unbekannt", "日本", "😀😀", "a", "", "é", "x" * 300, "</s>")

#: Where the library's order of additions shows.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def expect_library_predictions(path):
    ours, theirs = read_fasttext(path), load(path)
    for text in TEXTS:
        expected = library_predictions(theirs, text)
        found = dict(ours.predict(text, k=-1))
        assert found.keys() == expected.keys()
        for label, probability in expected.items():
            assert found[label] == pytest.approx(probability, rel=1e-4, abs=1e-5)


@pytest.fixture(scope="module")
def both(vectors_file):
    return read_fasttext(vectors_file), load(vectors_file)


def test_vectors_are_the_library_s(both):
    ours, theirs = both
    assert ours.words == tuple(theirs.getVocab("strict")[0])
    np.testing.assert_array_equal(ours.word_counts, theirs.getVocab("strict")[1])
    np.testing.assert_array_equal(ours.input.dense(), np.asarray(theirs.getInputMatrix()))
    np.testing.assert_array_equal(ours.output.dense(), np.asarray(theirs.getOutputMatrix()))
    for word in (*WORDS, *ours.words[:50]):
        expected = library_vector(theirs, word, ours.width)
        np.testing.assert_allclose(normalised(ours.vector(word)), expected, rtol=1e-4, atol=1e-6)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12))
def test_subwords_are_the_library_s(both, word):
    ours, theirs = both
    assert ours.subword_ids(word) == list(theirs.getSubwords(word, "replace")[1])


@pytest.mark.parametrize("loss", ["softmax", "ova", "hs", "ns"])
@pytest.mark.parametrize("parts", [{}, {"wordNgrams": 3, "bucket": 300, "minn": 2, "maxn": 3}])
def test_predictions_are_the_library_s(texts, loss, parts):
    name = f"{loss}{len(parts)}.bin"
    expect_library_predictions(train(texts, name, model="supervised", loss=loss, **parts))


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"qnorm": True},
        {"cutoff": 300, "qnorm": True},
        {"cutoff": 300, "retrain": True, "dsub": 4},
    ],
)
def test_quantised_models_are_read(texts, how):
    parts = {"wordNgrams": 2, "bucket": 400, "minn": 3, "maxn": 4}
    path = train(texts, "parts.bin", model="supervised", loss="softmax", **parts)
    small = quantize(path, texts, **how)
    model = read_fasttext(small)
    assert isinstance(model.input, Quantized)
    assert (model.pruned is not None) == ("cutoff" in how)
    expect_library_predictions(small)


def test_quantised_outputs_are_read(tmp_path):
    # Quantising takes 256 rows.
    lines = [f"__label__l{number} w{number} w{number % 7}" for number in range(300)]
    (tmp_path / "texts.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = train(tmp_path / "texts.txt", "m.bin", model="supervised", loss="softmax")
    small = quantize(path, tmp_path / "texts.txt", qout=True, qnorm=True, dsub=3)
    model, theirs = read_fasttext(small), load(small)
    assert isinstance(model.output, Quantized)
    expected = library_predictions(theirs, "w3 w4 w280")
    for label, probability in model.predict("w3 w4 w280", k=100):
        assert probability == pytest.approx(expected.get(label, probability), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("quantized", [False, True])
def test_what_was_read_is_written_to_the_byte(texts, classifier_file, tmp_path, quantized):
    path = quantize(classifier_file, texts, cutoff=280) if quantized else classifier_file
    write_fasttext(read_fasttext(path), tmp_path / "copy.bin")
    assert (tmp_path / "copy.bin").read_bytes() == path.read_bytes()


# The library takes a tenth of a second to read anything.
@settings(max_examples=12)
@given(
    words=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
        min_size=2,
        max_size=6,
        unique=True,
    ),
    seed=st.integers(0, 3),
    is_labelled=st.booleans(),
)
def test_library_reads_what_is_written(tmp_path_factory, words, seed, is_labelled):
    labels = ("__label__a", "__label__b") if is_labelled else ()
    loss = "softmax" if is_labelled else "ns"
    model = make_model(words, labels=labels, seed=seed, min_n=1, max_n=2, buckets=7, loss=loss)
    path = tmp_path_factory.getbasetemp() / "written.bin"
    write_fasttext(model, path)
    theirs = load(path)
    np.testing.assert_array_equal(np.asarray(theirs.getInputMatrix()), model.input.dense())
    np.testing.assert_array_equal(np.asarray(theirs.getOutputMatrix()), model.output.dense())
    for word in words:
        assert theirs.getWordId(word) == model.word_id(word)
        assert list(theirs.getSubwords(word, "strict")[1]) == model.subword_ids(word)
    again = read_fasttext(path)
    assert (again.args, again.words, again.labels) == (model.args, model.words, model.labels)


def test_prediction_takes_words_limits_and_thresholds(classifier_file):
    model = read_fasttext(classifier_file)
    everything = model.predict("sweet1 sweet0", k=-1)
    assert len(everything) == len(LABELS)
    assert everything == sorted(everything, key=lambda pair: -pair[1])
    assert model.predict(["sweet1", "sweet0"], k=2) == everything[:2]
    assert model.predict("sweet1 sweet0", k=-1, threshold=0.5) == everything[:1]
    assert model.predict("sweet1 sweet0", threshold=1.0) == []
    with pytest.raises(EmbedderError, match="`k` is 0"):
        model.predict("sweet1", k=0)


def test_probabilities_are_of_many_texts(classifier_file):
    model = read_fasttext(classifier_file)
    found = model.probabilities(["sweet1 wort3", ["wort9"]])
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    alone = model.probabilities(["sweet1 wort3"])
    np.testing.assert_allclose(found[:1], alone, **CLOSE)


def test_text_of_nothing_known_has_no_labels():
    model = make_model(("the",), labels=("__label__a",), loss="softmax")
    assert model.predict("zebra") == []
    np.testing.assert_array_equal(model.probabilities(["zebra", ""]), np.zeros((2, 1)))


def test_vectors_alone_predict_nothing(vectors_file):
    with pytest.raises(EmbedderError, match="skipgram model has no labels"):
        read_fasttext(vectors_file).predict("wort1")


def test_words_of_other_encodings_keep_their_bytes(tmp_path):
    model = make_model(("který", "ji"), min_n=2, max_n=3, buckets=9)
    latin = type(model)(**{**_fields(model), "encoding": "cp852"})
    write_fasttext(latin, tmp_path / "latin.bin")
    again = read_fasttext(tmp_path / "latin.bin", encoding="cp852")
    assert again.words == ("který", "ji")
    assert read_fasttext(tmp_path / "latin.bin").words == ("kter\udcec", "ji")
    # Neither encoding has it, and its sub-words are hashed all the same.
    assert np.isfinite(again.vector("日本語")).all()
    with pytest.raises(ConfigError, match="encoding"):
        read_fasttext(tmp_path / "latin.bin", encoding="klingon")


def _fields(model):
    return {name: getattr(model, name) for name in model.__dataclass_fields__ if name[0] != "_"}


def test_models_keep_some_words(tmp_path):
    model = make_model(("a", "b", "c"), min_n=1, max_n=1, buckets=5)
    few = model.with_words(np.array([2, 0]))
    assert few.words == ("c", "a")
    np.testing.assert_array_equal(few.vector("c"), model.vector("c"))
    np.testing.assert_array_equal(few.vector("b"), model.input.rows(_shared(model, "b"))[0])
    write_fasttext(few, tmp_path / "few.bin")
    assert read_fasttext(tmp_path / "few.bin").words == ("c", "a")


def _shared(model, word):
    return np.array(model.subword_ids(word)[1:])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"words": ("a", "a", "b")}, "twice"),
        ({"words": ("a\0", "b", "c")}, "NUL"),
        ({"word_counts": np.ones(2)}, "other counts"),
        ({"output": Dense(np.zeros((2, 3), dtype=np.float32))}, "output matrix is"),
        ({"pruned": np.zeros((0, 2), dtype=np.int32)}, "not quantised"),
    ],
)
def test_models_that_the_library_could_not_read_are_not_written(tmp_path, change, problem):
    model = make_model(("a", "b", "c"))
    changed = type(model)(**{**_fields(model), **change})
    with pytest.raises(SavedModelError, match=problem):
        write_fasttext(changed, tmp_path / "model.bin")
    assert not list(tmp_path.iterdir())


def test_file_that_is_mapped_can_be_written_anew(tmp_path):
    path = tmp_path / "model.bin"
    write_fasttext(make_model(seed=0), path)
    mapped = read_fasttext(path)
    before = mapped.vector("the").copy()
    write_fasttext(make_model(seed=1), path)
    np.testing.assert_array_equal(mapped.vector("the"), before)
    assert not np.array_equal(read_fasttext(path, mapped=False).vector("the"), before)
