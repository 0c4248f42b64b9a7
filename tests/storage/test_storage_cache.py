"""What's kept between runs is for the user alone, and only what nobody else can have written counts."""

import os

import pytest

from seqpipe.storage import is_trusted, make_private

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there are no such modes here")


@posix
@pytest.mark.parametrize(
    ("owner", "mode", "trusted"),
    [
        (1000, 0o644, True),
        (0, 0o644, True),
        (0, 0o666, False),
        (1000, 0o664, False),
        (1000, 0o646, False),
        (1001, 0o644, False),
    ],
)
def test_only_the_user_and_the_administrator_are_trusted(monkeypatch, owner, mode, trusted):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert is_trusted(os.stat_result([mode, 0, 0, 1, owner, 0, 0, 0, 0, 0])) is trusted


@posix
def test_folders_that_are_missing_are_made_for_the_user_alone(tmp_path):
    make_private(tmp_path / ".cache" / "seqpipe")
    modes = [(tmp_path / each).stat().st_mode & 0o777 for each in (".cache", ".cache/seqpipe")]
    assert modes == [0o700, 0o700]
