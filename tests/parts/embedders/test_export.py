"""Vectors that were trained here are the library's and gensim's too."""

import numpy as np
import pytest
from formats.format_examples import library_vector, load, normalised

from seqpipe.errors import EmbedderError
from seqpipe.formats import read_fasttext
from seqpipe.parts.embedders import FastText, Pretrained, Word2Vec, export_fasttext, export_vectors


@pytest.fixture(scope="module")
def odd(sequences, small):
    words = ["New York", "</s>", "line\nbreak", "\0"]
    embedder = FastText(**small, standardize=True)
    embedder.fit([[*sequence, *words] for sequence in sequences])
    return embedder


@pytest.mark.parametrize("name", ["fasttext", "word2vec", "odd"])
def test_library_gives_known_words_the_same_vectors(request, name, tmp_path):
    embedder = request.getfixturevalue(name)
    export_fasttext(embedder, tmp_path / "model.bin")
    theirs, ours = load(tmp_path / "model.bin"), read_fasttext(tmp_path / "model.bin")
    assert len(ours.words) == len(embedder.vocabulary)
    for word in embedder.vocabulary:
        if word == "\0":
            continue
        expected = embedder.embed([word])[0]
        np.testing.assert_allclose(ours.vector(word), expected, rtol=1e-4, atol=1e-5)
        found = library_vector(theirs, word, embedder.width)
        np.testing.assert_allclose(found, normalised(expected), rtol=1e-3, atol=1e-5)


def test_unknown_words_point_much_the_same_way(fasttext, tmp_path):
    export_fasttext(fasttext, tmp_path / "model.bin")
    ours = read_fasttext(tmp_path / "model.bin")
    for word in ("runn", "walk", "naïv"):
        found, expected = ours.vector(word), fasttext.embed([word])[0]
        assert normalised(found) @ normalised(expected) > 0.9


def test_exported_model_is_an_embedder_again(fasttext, tmp_path):
    export_fasttext(fasttext, tmp_path / "model.bin")
    again = Pretrained(path=str(tmp_path / "model.bin"))
    again.fit([])
    assert again.vocabulary == fasttext.vocabulary
    words = list(fasttext.vocabulary)
    np.testing.assert_allclose(again.embed(words), fasttext.embed(words), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["file", "trained"])
def test_only_the_words_that_are_taken_from_a_saved_embedder_are_exported(fasttext, tmp_path, kind):
    inner = fasttext
    if kind == "file":
        export_fasttext(fasttext, tmp_path / "model.bin")
        inner = Pretrained(path=str(tmp_path / "model.bin"))
        inner.fit([])
    for folder in ("saved", "again"):
        (tmp_path / folder).mkdir()
        inner.to_disk(tmp_path / folder)
        inner = Pretrained(path=str(tmp_path / folder))
        if folder == "again":
            inner = Pretrained(path=str(tmp_path / folder), most_words=3)
        inner.fit([])
    exported = export_vectors(inner, tmp_path / "some.bin", "fasttext")
    words = fasttext.vocabulary[:3]
    model = read_fasttext(tmp_path / "some.bin")
    assert (exported.words, model.words) == (3, words)
    found = [model.vector(word) for word in words]
    np.testing.assert_allclose(found, fasttext.embed(words), rtol=1e-4, atol=1e-5)


def test_gensim_reads_it(fasttext, tmp_path):
    reason = "gensim, which plugins need, isn't installed"
    gensim = pytest.importorskip("gensim.models.fasttext", reason=reason)
    export_fasttext(fasttext, tmp_path / "model.bin")
    theirs = gensim.load_facebook_vectors(str(tmp_path / "model.bin"))
    for word in fasttext.vocabulary:
        np.testing.assert_allclose(theirs[word], fasttext.embed([word])[0], rtol=1e-4, atol=1e-5)


def test_only_what_is_fitted_is_exported(tmp_path):
    with pytest.raises(EmbedderError, match="fit it"):
        export_fasttext(Word2Vec(), tmp_path / "model.bin")
