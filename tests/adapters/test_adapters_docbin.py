"""spaCy's saved docs as rows."""

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from seqpipe.adapters import DocBinReader
from seqpipe.errors import ConfigError, DataError


@pytest.fixture
def save(tmp_path):
    def save(*docs):
        path = tmp_path / "docs.spacy"
        DocBin(store_user_data=True, docs=docs).to_disk(path)
        return path.as_posix()

    return save


def test_docs_are_rows_with_all_that_is_annotated(save):
    vocab = spacy.blank("en").vocab
    doc = Doc(
        vocab,
        words=["Ada", "ran", "."],
        spaces=[True, False, False],
        tags=["NNP", "", "."],
        ents=["B-PER", "O", "O"],
    )
    doc.cats = {"sport": 1.0, "news": 0.2}
    path = save(doc, Doc(vocab, words=["plain"]))
    first, second = DocBinReader(path).read().rows
    assert (first.text, first.words, first.spaces) == (
        "Ada ran.",
        ("Ada", "ran", "."),
        (True, False, False),
    )
    assert (first.labels, first.spans) == (("sport",), ((0, 3, "PER"),))
    assert first.tags == {"tag": ("NNP", None, ".")}
    assert first.source == f"{path}:1"
    assert (second.labels, second.tags, second.spans) == ((), {}, None)


def test_words_of_white_space_stay(save):
    doc = spacy.blank("en")("a  b\n\nc ")
    (row,) = DocBinReader(save(doc)).read().rows
    assert row.words == tuple(token.text for token in doc)
    assert Doc(spacy.blank("en").vocab, words=row.words, spaces=row.spaces).text == doc.text


def test_doc_without_text_is_told_or_left_out(save):
    nlp = spacy.blank("en")
    path = save(nlp("a"), nlp(" "))
    with pytest.raises(DataError, match=r"docs.spacy:2: its text is empty"):
        DocBinReader(path).read()
    result = DocBinReader(path, on_bad_row="skip").read()
    assert (len(result.rows), len(result.skipped)) == (1, 1)
    with pytest.raises(DataError, match="no docs with a text"):
        DocBinReader(save(), on_bad_row="skip").read()


@pytest.mark.parametrize("content", [b"", b"text", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_other_file_is_told(tmp_path, content):
    path = tmp_path / "docs.spacy"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"docs.spacy can't be read as a DocBin"):
        DocBinReader(path.as_posix()).read()


def test_policy_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="on_bad_row"):
        DocBinReader("x", on_bad_row="drop")


def test_entities_that_are_known_in_part_are_none(save):
    doc = Doc(spacy.blank("en").vocab, words=["Ada", "ran"])
    doc.set_ents([Span(doc, 0, 1, "PER")], default="missing")
    assert DocBinReader(save(doc)).read().rows[0].spans is None


def test_folder_of_files_is_read_with_the_name_of_each(tmp_path):
    for name in ("b", "a"):
        DocBin(docs=[Doc(Vocab(), [name])]).to_disk(tmp_path / f"{name}.spacy")
    (tmp_path / "notes.txt").write_text("no docs")
    for path in (tmp_path, tmp_path / "*.spacy"):
        rows = DocBinReader(path.as_posix()).read().rows
        assert [row.words for row in rows] == [("a",), ("b",)]
        assert rows[1].source == f"{tmp_path.as_posix()}/b.spacy:1"
