"""Embedders with fewer words: those that stay have the same vectors."""

import numpy as np
import pytest

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders import Concatenated, FastText, Pretrained, Retrofitted


def check(embedder, pruned, words):
    assert list(pruned.vocabulary) == list(embedder.vocabulary)[:words]
    kept = list(pruned.vocabulary)
    np.testing.assert_array_equal(pruned.embed(kept), embedder.embed(kept))


def saved_and_read(embedder, empty, folder):
    embedder.to_disk(folder)
    empty.from_disk(folder)
    return empty


@pytest.mark.parametrize("name", ["fasttext", "word2vec"])
def test_first_words_stay(request, name, tmp_path, small):
    embedder = request.getfixturevalue(name)
    before = len(embedder.vocabulary)
    pruned = embedder.pruned(4)
    check(embedder, pruned, 4)
    assert len(embedder.vocabulary) == before
    read = saved_and_read(pruned, type(embedder)(**small), tmp_path)
    words = [*embedder.vocabulary, "unseen"]
    np.testing.assert_array_equal(read.embed(words), pruned.embed(words))


def test_word_without_ngrams_is_zeros_once_it_is_left_out(word2vec):
    pruned = word2vec.pruned(4)
    assert not pruned.embed([word2vec.vocabulary[5]]).any()


def test_more_words_than_there_are_stay_all(fasttext):
    assert list(fasttext.pruned(10_000).vocabulary) == list(fasttext.vocabulary)
    np.testing.assert_array_equal(fasttext.pruned(10_000).embed(["walk"]), fasttext.embed(["walk"]))


def test_ngrams_stay_that_most_words_have(fasttext):
    tables = fasttext.pruned(100, subwords=5)._vectors.tables
    assert len(tables.rows) == 5 and set(tables.row_of_hash) == set(range(5))
    whole = fasttext._vectors
    usage = np.zeros(len(whole.tables.rows), dtype=int)
    for word in whole.words:
        rows, _ = whole._rows_of_subwords([word])
        np.add.at(usage, rows[rows >= 0], 1)
    assert sorted(usage)[-5:] == sorted(usage[np.isin(whole.tables.rows, tables.rows).all(axis=1)])


def test_without_ngrams_unknown_words_are_zeros(fasttext):
    pruned = fasttext.pruned(3, subwords=0)
    check(fasttext, pruned, 3)
    assert not pruned.embed(["walk"]).any()


def test_share_of_the_ngrams_is_that_of_the_words(fasttext):
    words = len(fasttext.vocabulary)
    rows = len(fasttext._vectors.tables.rows)
    assert len(fasttext.pruned(words // 2)._vectors.tables.rows) == pytest.approx(
        rows * (words // 2) / words, abs=1
    )


def test_each_embedder_of_several_is_pruned(fasttext, word2vec):
    both = Concatenated({"a": fasttext, "b": word2vec})
    check(both, both.pruned(4), 4)


def test_vectors_of_a_file_and_of_a_pipeline(sequences, tmp_path):
    file = tmp_path / "vectors.txt"
    file.write_text("".join(f"word{i} {i}.0 1.0\n" for i in range(9)), encoding="utf-8")
    embedder = Pretrained(path=str(file))
    embedder.fit(sequences)
    pruned = embedder.pruned(4)
    check(embedder, pruned, 4)
    assert not pruned.embed(["word8"]).any()


def test_moved_vectors_stay_moved(fasttext, tmp_path, sequences, small):
    lists = tmp_path / "synonyms.txt"
    lists.write_text("the cat\nsat mat\nwalked running\n", encoding="utf-8")
    embedder = Retrofitted(embedder=FastText(**small), synonyms=str(lists))
    embedder.fit(sequences, seed=1)
    assert not np.array_equal(embedder.embed(["cat"]), embedder.embedder.embed(["cat"]))
    pruned = embedder.pruned(6)
    check(embedder, pruned, 6)
    folder = tmp_path / "saved"
    folder.mkdir()
    read = saved_and_read(
        pruned, Retrofitted(embedder=FastText(**small), synonyms=str(lists)), folder
    )
    np.testing.assert_array_equal(
        read.embed(read.vocabulary), pruned.embed(list(pruned.vocabulary))
    )


def test_embedder_that_was_not_fitted_is_refused():
    with pytest.raises(EmbedderError, match="no vectors yet"):
        FastText().pruned(5)
