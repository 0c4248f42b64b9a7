"""The sets of words: their parts, and the files that systems read."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from made_up_words import made_up_parts
from text_sets import PARTS
from word_sets import UPOS, WORD_SETS, available_words, chunks_in, read_words, write_words

from seqpipe.errors import DataError

#: The folder of each, its texts in train, dev and test, and its entities in test.
SIZES = {
    "ewt": ("ud_en_ewt", [12544, 2001, 2077], 0),
    "atis": ("atis", [4478, 500, 893], 2837),
    "wikigold": ("ner_wikigold", [1357, 169, 170], 316),
    "wnut17": ("wnut17", [3394, 1009, 1287], 1079),
    "zh-resume": ("zh_resume_ner", [3817, 463, 477], 1630),
    "stsb": ("sts_benchmark", [5720, 1500, 1379], 0),
}


@pytest.mark.data
@pytest.mark.parametrize("name", SIZES)
def test_parts_have_the_documented_rows(name, data, tmp_path):
    folder, texts, entities = SIZES[name]
    data(folder)
    parts = WORD_SETS[name].read()
    assert [len(parts[part]) for part in PARTS] == texts
    assert sum(len(row.spans or ()) for row in parts["test"]) == entities
    write_words(parts, tmp_path)
    read = read_words(name, tmp_path)
    assert [len(read[part]) for part in PARTS] == texts
    if entities:
        assert sum(len(chunks_in(row)) for row in read["test"]) == entities


@pytest.mark.parametrize("name", ["atis", "wikigold", "zh-resume"])
def test_entities_are_those_of_the_set_whatever_its_scheme(name, tmp_path, monkeypatch):
    parts, _ = made_up_parts(name, tmp_path, monkeypatch)
    for part, rows in WORD_SETS[name].read().items():
        for row, read in zip(rows, parts[part], strict=True):
            space = "" if name == "zh-resume" else " "
            assert [(space.join(read.words[a:b]), label) for a, b, label in chunks_in(read)] == [
                (row.text[a:b], label) for a, b, label in row.spans
            ]
            assert read.labels == row.labels


def test_intents_in_one_are_a_class(tmp_path, monkeypatch):
    parts, _ = made_up_parts("atis", tmp_path, monkeypatch)
    assert {row.labels for row in parts["train"]} == {("flight",), ("fare#flight",)}


def test_a_word_without_a_tag_stays_without(tmp_path, monkeypatch):
    parts, _ = made_up_parts("ewt", tmp_path, monkeypatch)
    row = parts["test"][0]
    assert [tag for word, tag in zip(row.words, row.tags[UPOS], strict=True) if word == "on"] == [
        None
    ]


def test_quotes_in_pairs_are_text(tmp_path, monkeypatch):
    parts, _ = made_up_parts("stsb", tmp_path, monkeypatch)
    first, second = parts["train"][:2]
    assert (first.pair, first.labels) == ('"no', ("0.000",))
    assert second.pair == second.text and second.labels == ("5.000",)


def test_a_set_that_is_absent_is_reported_and_the_others_are_read(tmp_path, monkeypatch):
    made_up_parts("atis", tmp_path, monkeypatch)
    found = dict(available_words(["ewt", "atis"]))
    assert isinstance(found["ewt"], DataError)
    assert len(found["atis"]["train"]) == 60
