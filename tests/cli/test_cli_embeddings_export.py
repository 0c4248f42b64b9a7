"""``seqpipe embeddings export``: every format is read again, and what it can't express is said."""

import json

import numpy as np
import pytest
import spacy
from cli.embedding_models import save, table_pipeline

from seqpipe.parts.embedders import FastText, Pretrained

#: The formats by the file that's written.
FILES = {
    "words.vec": None,
    "words.npy": None,
    "words.txt": "glove",
    "text.txt": "word2vec",
    "words.bin": "word2vec-binary",
    "model.bin": "fasttext",
    "table": "spacy",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a pipeline with sub-words, and its embedder."""
    part = {"@seqpipe_embedders": "seqpipe.FastText.v1", "width": 5, "min_count": 1, "lower": True}
    config = {"nlp": {"vectors": {"@vectors": "seqpipe.Vectors.v1", "embedder": part}}}
    nlp = spacy.blank("de", config=config)
    embedder: FastText = nlp.vocab.vectors.embedder
    embedder.fit([["gut", "naïve", "whole milk", "film", "films"]] * 20)
    return save(nlp, tmp_path_factory.mktemp("models") / "trained"), embedder


def read(path, name):
    words = {"vocabulary_path": str(path.with_suffix(".words.txt"))} if name.endswith("npy") else {}
    embedder = Pretrained(path=str(path), **words)
    embedder.fit([])
    return embedder


@pytest.mark.parametrize("name", FILES)
def test_format_is_read_again_to_the_bit(call, trained, tmp_path, name):
    folder, source = trained
    format = FILES[name]
    path = tmp_path / name
    called = call(
        "embeddings", "export", folder, str(path), *(["--format", format] if format else [])
    )
    assert called.code == 0, called.err
    printed = " ".join(called.out.split())
    found = read(path, name)
    keeps_blanks = format in ("fasttext", "spacy")
    words = [w if keeps_blanks else w.replace(" ", "_") for w in source.vocabulary]
    assert list(found.vocabulary) == words
    vectors = source.embed(list(source.vocabulary))
    np.testing.assert_allclose(
        found.embed(words),
        vectors,
        rtol=1e-4 if format == "fasttext" else 0,
        atol=1e-6 if format == "fasttext" else 0,
    )
    assert "5 words, 5 wide, as" in printed
    assert "words must be lower-cased before" in printed
    if format == "fasttext":
        assert "unknown words have slightly other vectors" in printed
        assert found.embed(["filmen"]).any()
    else:
        assert "unknown words have no vectors there" in printed
        assert not found.embed(["filmen"]).any()
    assert keeps_blanks != ("white space became _ in 1 words, such as 'whole milk'" in printed)
    if format == "spacy":
        assert spacy.load(path).lang == "de"


def test_bytes_are_those_that_other_programs_read(call, tmp_path):
    source = tmp_path / "source.txt"
    source.write_text("a 0.1 -2\nñ 1e-10 3\n", encoding="utf-8")
    rows = "a 0.1 -2.0\nñ 1e-10 3.0\n"
    table = np.array([[0.1, -2], [1e-10, 3]], dtype="<f4")
    binary = (
        b"2 2\n" + b"a " + table[0].tobytes() + b"\n" + "ñ ".encode() + table[1].tobytes() + b"\n"
    )
    for format, expected in {
        "word2vec": f"2 2\n{rows}".encode(),
        "glove": rows.encode(),
        "word2vec-binary": binary,
    }.items():
        target = tmp_path / "target"
        target.write_text("what stood there before")
        called = call("embeddings", "export", str(source), str(target), "--format", format)
        assert called.code == 0, called.err
        assert target.read_bytes() == expected
        assert "note" not in called.out
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert call("embeddings", "export", str(source), str(tmp_path / "t.npy")).code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "t.npy"), table)
    assert (tmp_path / "t.words.txt").read_text(encoding="utf-8") == "a\nñ\n"


def test_table_of_spacys_is_exported_too(call, tmp_path):
    nlp = table_pipeline()
    called = call("embeddings", "export", save(nlp, tmp_path / "model"), str(tmp_path / "t.vec"))
    assert called.code == 0, called.err
    found = read(tmp_path / "t.vec", "t.vec")
    np.testing.assert_array_equal(found.embed(["whole_milk"])[0], nlp.vocab["whole milk"].vector)


def test_embedder_of_a_file_of_fasttexts_keeps_its_sub_words(call, trained, tmp_path):
    folder, _ = trained
    first, second = str(tmp_path / "first.bin"), str(tmp_path / "second.bin")
    assert call("embeddings", "export", folder, first, "--format", "fasttext").code == 0
    assert call("embeddings", "export", first, second, "--format", "fasttext").code == 0
    words = ["film", "filmen"]
    np.testing.assert_array_equal(
        read(tmp_path / "first.bin", "").embed(words),
        read(tmp_path / "second.bin", "").embed(words),
    )


MISTAKES = {
    "words.bin": ([], "may be of several formats: name one"),
    "words": ([], "may be of several formats: name one"),
    "words.vec.gz": (["--format", "word2vec"], "would not be compressed"),
    "words.vec": (["--lang", "de"], "only spacy has a language"),
    "taken": (["--format", "spacy"], "can't be replaced"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_named(call, trained, tmp_path, name):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    options, message = MISTAKES[name]
    called = call("embeddings", "export", trained[0], str(tmp_path / name), *options)
    assert called.code in (1, 2)
    assert message in " ".join(called.err.split()) and "Traceback" not in called.err


def test_file_that_cannot_be_written_is_named(call, trained, tmp_path):
    (tmp_path / "file").write_text("")
    called = call("embeddings", "export", trained[0], str(tmp_path / "file" / "words.vec"))
    assert called.code == 1 and "can't be written" in called.err


def test_json_says_what_was_written(call, trained, tmp_path):
    folder, source = trained
    path = tmp_path / "words.vec"
    told = json.loads(call("embeddings", "export", folder, str(path), "--json").out)
    assert (told["file"], told["format"]) == (str(path), "word2vec")
    assert (told["words"], told["width"]) == (len(source.vocabulary), 5)
    assert all(isinstance(note, str) for note in told["notes"])
