"""What's said of labels before anything is trained."""

from types import SimpleNamespace

import pytest
import spacy

from seqpipe.errors import DataError
from seqpipe.parts.readers import Row
from seqpipe.run._classes import check_labels, unseen_labels


def test_labels_that_only_the_dev_or_test_part_has_are_named():
    parts = {"train": "ab", "dev": "abc", "test": "ad"}
    corpora = {
        part: SimpleNamespace(rows=[Row("text", (label,), "x:1") for label in labels])
        for part, labels in parts.items()
    }
    dev, test = unseen_labels(corpora)
    assert "the dev part" in dev and dev.endswith(": c")
    assert "the test part" in test and test.endswith(": d")
    assert unseen_labels({"train": corpora["train"]}) == []


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (
            ["ab", "a", "abc", ""],
            r"x:1 has 2 labels \(a, b\), and 1 more rows have several, but .* `excl",
        ),
        (
            ["", "a", ""],
            r"x:1 has no label, and 1 more rows have none, but .*: give the text a label",
        ),
        (["a", "b", ""], r"x:3 has no label, but .* leave the row out"),
    ],
)
def test_rows_without_a_label_are_told_from_those_with_several(labels, says):
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat")
    rows = [Row("text", tuple(each), f"x:{line}") for line, each in enumerate(labels, 1)]
    corpus = SimpleNamespace(rows=rows, data=SimpleNamespace(labels=["a", "b"]))
    with pytest.raises(DataError, match=says):
        check_labels(nlp, {"train": corpus})
