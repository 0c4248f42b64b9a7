"""What's said of labels before anything is trained."""

from types import SimpleNamespace

from seqpipe.parts.readers import Row
from seqpipe.run._classes import unseen_labels


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
