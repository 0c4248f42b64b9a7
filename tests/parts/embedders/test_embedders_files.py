import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders import FastText, Word2Vec

FILES = ["embedder.json", "words.json", "vectors.safetensors"]
WORDS = ["cat", "runing", "日本", "qqqqq", "", "a b", "</s>"]


@pytest.fixture
def saved(fasttext, tmp_path):
    fasttext.to_disk(tmp_path)
    return tmp_path


def test_reading_gives_the_same_vectors(saved, fasttext):
    other = FastText(width=8)
    other.from_disk(saved)
    words = [*fasttext.vocabulary, *WORDS]
    assert other.vocabulary == fasttext.vocabulary
    assert other.embed(words).tobytes() == fasttext.embed(words).tobytes()


def test_word2vec_too(word2vec, tmp_path):
    word2vec.to_disk(tmp_path)
    other = Word2Vec(width=8)
    other.from_disk(tmp_path)
    words = [*word2vec.vocabulary, *WORDS]
    assert other.embed(words).tobytes() == word2vec.embed(words).tobytes()


def test_reading_replaces_what_was_fitted(saved, fasttext, small):
    other = FastText(**small, min_n=2, max_n=2, lower=True)
    other.fit([["x", "y"] * 3] * 3)
    other.from_disk(saved)
    np.testing.assert_array_equal(other.embed(["Straßen"]), fasttext.embed(["Straßen"]))
    assert "x" not in other.vocabulary


def test_odd_words_are_read_back(tmp_path, small):
    words = ["New York", "a\nb", "\u2028", '"', "\\", "a\0b", "😀", "</s>"]
    embedder = Word2Vec(**small)
    embedder.fit([words] * 3)
    embedder.to_disk(tmp_path)
    other = Word2Vec(width=8)
    other.from_disk(tmp_path)
    assert other.vocabulary == embedder.vocabulary
    assert sorted(other.vocabulary) == sorted(words)


def test_nothing_else_is_written(saved):
    assert sorted(path.name for path in saved.iterdir()) == sorted(FILES)


def test_reading_and_embedding_need_no_library(saved):
    code = f"""
import sys
sys.modules["fasttext"] = sys.modules["fasttext_pybind"] = None
from pathlib import Path
from seqpipe.parts.embedders import FastText
embedder = FastText(width=8)
embedder.from_disk(Path({str(saved)!r}))
assert embedder.embed(["cat", "runing"]).any(axis=1).all()
assert not {{"torch", "spacy"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(SavedModelError, match=name):
        FastText(width=8).from_disk(saved)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("part", [0.0, 0.1, 0.9])
def test_truncated_file_is_named(saved, name, part):
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: int(part * len(content))])
    with pytest.raises(SavedModelError, match=name):
        FastText(width=8).from_disk(saved)


@pytest.mark.parametrize("name", FILES)
def test_garbage_is_named(saved, name):
    (saved / name).write_bytes(b"\xff\xfe\x00" * 50)
    with pytest.raises(SavedModelError, match=name):
        FastText(width=8).from_disk(saved)


def test_failed_reading_leaves_what_was_fitted(saved, fasttext):
    other = FastText(width=8)
    other.from_disk(saved)
    (saved / "words.json").unlink()
    with pytest.raises(SavedModelError):
        other.from_disk(saved)
    np.testing.assert_array_equal(other.embed(WORDS), fasttext.embed(WORDS))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 1"),
        ({"kind": "Other"}, "is of Other, not of FastText"),
        ({"width": "8"}, "`width` is '8'"),
        ({"lower": 1}, "`lower` is 1"),
        ({"library": None}, "`library` is None"),
    ],
)
def test_settings_that_do_not_fit_are_an_error(saved, change, message):
    path = saved / "embedder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SavedModelError, match=message):
        FastText(width=8).from_disk(saved)


def test_another_width_is_an_error(saved):
    with pytest.raises(SavedModelError, match=r"width 8, and the embedder's is 9"):
        FastText(width=9).from_disk(saved)


@pytest.mark.parametrize("words", [{"a": 1}, ["a", 1], ["a", "a"]])
def test_words_that_are_none_are_an_error(saved, words):
    (saved / "words.json").write_text(json.dumps(words))
    with pytest.raises(SavedModelError, match=r"words\.json"):
        FastText(width=8).from_disk(saved)


def _without(name):
    return lambda tables: {key: table for key, table in tables.items() if key != name}


def _changed(name, change):
    return lambda tables: tables | {name: change(tables[name])}


def _spoilt(table):
    table[0] = np.nan
    return table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("rows"), "other tables"),
        (_changed("known", lambda table: table[1:]), r"`known` is float32 \[13, 8\]"),
        (_changed("known", lambda table: table[:, 1:].copy()), "`known`"),
        (_changed("known", lambda table: table.astype(np.float64)), "`known` is float64"),
        (_changed("known", _spoilt), "finite"),
        (_changed("rows", lambda table: table[:, 1:].copy()), "`rows`"),
        (_changed("rows", lambda table: table[:-1]), "rows that don't exist"),
        (_changed("rows", lambda table: table.reshape(-1)), "`rows`"),
        (_changed("hashes", lambda table: table[1:]), "`row_of_hash`"),
        (_changed("hashes", lambda table: table[::-1].copy()), "ascending"),
        (_changed("row_of_hash", lambda table: table - 1), "rows that don't exist"),
    ],
)
def test_tables_that_do_not_fit_are_an_error(saved, change, message):
    path = saved / "vectors.safetensors"
    save_file(change(load_file(path)), path)
    with pytest.raises(SavedModelError, match=message):
        FastText(width=8).from_disk(saved)


def test_writing_where_nothing_can_be_written_is_an_error(fasttext, tmp_path):
    with pytest.raises(SavedModelError, match="can't be written"):
        fasttext.to_disk(tmp_path / "missing")
