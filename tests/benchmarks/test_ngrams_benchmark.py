"""The n-gram classifier beside scikit-learn: both learn what's easy to learn, to the same scores."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import ngrams
from made_up_texts import made_up_parts
from text_sets import TextSet


@pytest.mark.parametrize("several", [False, True])
def test_both_learn_and_are_timed(several):
    made_up = TextSet("made up", lambda: made_up_parts(several=several), exclusive=not several)
    rows = ngrams.measure("made up", made_up, repeats=2)
    assert [row["model"] for row in rows] == ["TF-IDF + LR", "NB-SVM"]
    for row in rows:
        assert row["seqpipe score"] == row["scikit-learn score"] > 0.9
        assert all(row[f"{who} fit"] > 0 for who in ("seqpipe", "scikit-learn"))
    assert ngrams.table(rows).row_count == 2
