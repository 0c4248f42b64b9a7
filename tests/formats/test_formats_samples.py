"""Files that other programs have written are read with the numbers that those programs give."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from formats.format_examples import (
    library_predictions,
    library_vector,
    load,
    normalised,
)

from seqpipe.errors import SavedModelError
from seqpipe.formats import Options, read_fasttext, read_vectors, write_fasttext

DATA = Path(os.environ.get("SEQPIPE_DATA", ""))
SAMPLES = DATA / "kv_format_samples"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason="$SEQPIPE_DATA has no kv_format_samples"),
]

#: What gensim 4.4 reads from files that the library is too new for, or that it normalises.
BY_GENSIM = [
    ("non_ascii_fasttext.bin", "který", [-0.9921107, 1.4996676]),
    ("non_ascii_fasttext.bin", "nevídaný", [-0.4118092, 0.5972485]),
    ("lee_fasttext.bin", "night", [-0.2379300, -0.7145438, 0.2307756]),
    ("lee_fasttext.bin", "nights", [-0.1920514, -0.5457456, 0.2167198]),
    ("lee_fasttext_new.bin", "hundred", [-0.0256268, -0.1144784, 0.1811554]),
    ("lee_fasttext_new.bin", "rejection", [-0.4911195, -0.1312277, -0.0210913]),
    ("toy-model-pretrained.bin", "dummy", [0.4664938, 0.5958537, 0.4465874]),
    ("toy-model-pretrained.bin", "anarchical", [0.8752858, 1.1863866, 0.8094737]),
    ("euclidean_vectors.bin", "the", [0.4214533, 0.9343559, -0.0509139]),
    ("euclidean_vectors.bin", "fly", [0.7000360, 0.8302577, -0.4966953]),
    ("high_precision.kv.txt", "kangaroo.n.01", [-7.3692441e-04, -8.2699735e-05]),
    ("high_precision.kv.bin", "horse.n.01", [-8.5449219e-04, 7.6961517e-04]),
    ("test_glove.txt", "the", [0.418, 0.24968, -0.41242]),
]


@pytest.mark.parametrize(("name", "word", "expected"), BY_GENSIM)
def test_vectors_are_gensim_s(name, word, expected):
    file = read_vectors(SAMPLES / "gensim" / name)
    is_model = hasattr(file, "vector")
    vector = file.vector(word) if is_model else file.vectors[file.words.index(word)]
    np.testing.assert_allclose(vector[: len(expected)], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["lee_fasttext", "crime-and-punishment", "toy-model"])
def test_models_have_the_vectors_that_were_written_as_text(name):
    table = read_vectors(SAMPLES / "gensim" / f"{name}.vec")
    model = read_vectors(SAMPLES / "gensim" / f"{name}.bin")
    assert model.words == table.words
    # Texts have 5 digits.
    np.testing.assert_allclose(model.vectors(model.words), table.vectors, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize(
    "name",
    ["google_no_newline.bin", "word2vec_c_newline.bin", "w2v.txt"],
)
def test_dialects_of_word2vec_hold_the_same_vectors(name):
    folder = SAMPLES / "w2v_from_glove"
    table = read_vectors(folder / f"glove2k.{name}")
    np.testing.assert_array_equal(table.vectors, np.load(folder / "expected_first2000.npy"))
    assert table.words == read_vectors(folder / "glove2k.w2v.txt").words


def test_numpy_table_has_the_words_of_a_list(tmp_path):
    folder = SAMPLES / "w2v_from_glove"
    words = read_vectors(folder / "glove2k.w2v.txt").words
    (tmp_path / "words.txt").write_text("\n".join(words), encoding="utf-8")
    options = Options(vocabulary=tmp_path / "words.txt")
    assert read_vectors(folder / "expected_first2000.npy", options).words == words


@pytest.mark.parametrize(
    "name",
    ["crime-and-punishment", "lee_fasttext_new", "toy-model", "toy-model-pretrained"],
)
def test_vectors_and_subwords_are_the_library_s(name):
    path = SAMPLES / "gensim" / f"{name}.bin"
    ours, theirs = read_fasttext(path), load(path)
    for word in (*ours.words, "unbekannt", "преступный", "日本語", "a"):
        if word:
            assert ours.subword_ids(word) == list(theirs.getSubwords(word, "replace")[1])
        expected = library_vector(theirs, word, ours.width)
        np.testing.assert_allclose(normalised(ours.vector(word)), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("cp852_fasttext", "cp852"), ("non_ascii_fasttext", "utf-8"), ("lee_fasttext", "utf-8")],
)
def test_files_from_before_there_were_versions_have_the_library_s_vectors(tmp_path, name, encoding):
    early = read_fasttext(SAMPLES / "gensim" / f"{name}.bin", encoding=encoding)
    assert early.args.version == 0
    # The library refuses such files, so that it's given the same in its form of today.
    write_fasttext(replace(early, args=replace(early.args, version=12)), tmp_path / "now.bin")
    theirs = load(tmp_path / "now.bin")
    for word in (*early.words, "nevídaný", "nights"):
        if word != "</s>":
            found = library_vector(theirs, word.encode(encoding), early.width)
            expected = normalised(early.vector(word))
            np.testing.assert_allclose(expected, found, rtol=1e-3, atol=1e-5)


def test_predictions_about_words_of_no_encoding_are_the_library_s():
    path = SAMPLES / "gensim" / "pang_lee_polarity_fasttext.bin"
    ours, theirs = read_fasttext(path), load(path)
    for text in ("a good film .", "the worst of all", "xyzzy"):
        expected = library_predictions(theirs, text)
        assert dict(ours.predict(text, k=-1)) == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("ending", ["bin", "ftz"])
def test_predictions_are_the_expected_ones(ending):
    folder = SAMPLES / "fasttext_official"
    model = read_fasttext(folder / f"cooking_sup.{ending}")
    expected = json.loads((folder / "expected.json").read_text())["expected"][f"sup_{ending}"]
    for text, pairs in expected.items():
        found = model.predict(text, k=len(pairs))
        assert [label for label, _ in found] == [label for label, _ in pairs]
        np.testing.assert_allclose([p for _, p in found], [p for _, p in pairs], atol=1e-5)


@pytest.mark.parametrize("ending", ["bin", "ftz"])
def test_classifier_scores_as_expected(ending):
    folder = SAMPLES / "fasttext_official"
    model = read_fasttext(folder / f"cooking_sup.{ending}")
    scores = json.loads((folder / "expected.json").read_text())
    count, precision, recall = scores["scores_on_cooking.valid (n, P@1, R@1)"][
        f"sup_{ending}_P@1_R@1"
    ]
    lines = (DATA / "cooking_stackexchange" / "cooking.valid").read_text(encoding="utf-8")
    hits = labels = 0
    for line in lines.splitlines():
        words = line.split()
        right = {word for word in words if word.startswith("__label__")}
        labels += len(right)
        hits += model.predict(line)[0][0] in right
    assert len(lines.splitlines()) == count
    # One prediction in 3,000 may turn on the order of additions.
    assert hits / count == pytest.approx(precision, abs=0.0004)
    assert hits / labels == pytest.approx(recall, abs=0.0002)


def test_file_that_holds_fewer_words_than_it_says():
    path = SAMPLES / "gensim" / "pretrained.vec"
    with pytest.raises(SavedModelError, match="holds 1 words, and its first line says 3"):
        read_vectors(path)
    np.testing.assert_allclose(
        read_vectors(path, Options(most_words=1)).vectors,
        [[0.069324, 0.18155, 0.080453, -0.1799, 0.032043]],
    )


@pytest.mark.parametrize("name", ["compatible-hash-true.model", "word2vec_pre_kv_py3"])
def test_pickles_are_refused(name):
    with pytest.raises(SavedModelError, match=r"a pickle.*load it in gensim"):
        read_vectors(SAMPLES / "gensim" / name)


def test_glove_is_read_from_its_archive():
    table = read_vectors(DATA / "glove_6b_50d_top50k" / "glove.6B.50d.top50k.txt.gz")
    assert table.vectors.shape == (50_000, 50)
    assert table.words[:3] == ("the", ",", ".")
    expected = np.load(SAMPLES / "w2v_from_glove" / "expected_first2000.npy")
    np.testing.assert_array_equal(table.vectors[:2000], expected)
