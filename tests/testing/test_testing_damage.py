"""Damaged files are read in a process that may crash or hang."""

import time

import pytest
from testing.broken_embedders import Good

from seqpipe.errors import SavedModelError
from seqpipe.testing import NotApplicable, _damage
from seqpipe.testing._check import BrokenError
from seqpipe.testing._damage import try_damaged


class Sleeps(Good):
    """Waits for more where a file ends too soon."""

    def from_disk(self, path):
        try:
            super().from_disk(path)
        except SavedModelError:
            time.sleep(60)


class WritesNothing(Good):
    """Doesn't save."""

    def to_disk(self, path):
        pass


@pytest.fixture
def saved(tmp_path):
    embedder = Good()
    embedder.fit([["a", "b"], ["b"]])
    embedder.to_disk(tmp_path)
    return tmp_path


def test_reading_that_hangs_is_ended(saved, monkeypatch):
    monkeypatch.setattr(_damage, "_SECONDS", 0.5)
    with pytest.raises(BrokenError, match=r"vectors\.json is missing: it takes longer than 0.5 s"):
        try_damaged(Sleeps, saved)


def test_intact_files_stay_as_they_are(saved):
    before = (saved / "vectors.json").read_bytes()
    try_damaged(Good, saved)
    assert (saved / "vectors.json").read_bytes() == before
    assert [path.name for path in saved.iterdir()] == ["vectors.json"]


def test_file_that_does_not_matter_may_be_damaged(saved):
    (saved / "notes.txt").write_text("nobody reads this", encoding="utf-8")
    try_damaged(Good, saved)


def test_what_no_other_process_can_make_is_not_tried(saved):
    class Local(Good):
        """Is known in here only."""

    with pytest.raises(NotApplicable, match=r"another process can't make it: .*Local"):
        try_damaged(Local, saved)


def test_error_while_whole_files_are_read_is_reported(saved):
    (saved / "vectors.json").write_text("[]", encoding="utf-8")
    with pytest.raises(
        BrokenError, match="reading it in another process: it raised SavedModelError"
    ):
        try_damaged(Good, saved)


def test_nothing_written_is_reported(tmp_path):
    with pytest.raises(BrokenError, match="wrote nothing"):
        try_damaged(WritesNothing, tmp_path)
