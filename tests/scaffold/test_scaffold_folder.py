"""A new package is written whole or not at all, and over nothing."""

from pathlib import Path

import pytest

from seqpipe.errors import PluginError
from seqpipe.scaffold import new_plugin


def test_empty_folder_is_filled(tmp_path):
    (tmp_path / "seqpipe-acme").mkdir()
    created = new_plugin("acme", "cells", parent=tmp_path)
    assert all(file.is_file() for file in created.files)
    assert list(tmp_path.iterdir()) == [created.folder]


def test_default_is_the_folder_of_the_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    created = new_plugin("acme", "cells")
    assert created.folder == Path("seqpipe-acme")
    assert (tmp_path / "seqpipe-acme" / "pyproject.toml").is_file()


def test_folder_that_holds_something_stays_as_it_is(tmp_path):
    mine = tmp_path / "seqpipe-acme" / "README.md"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(PluginError, match=r"seqpipe-acme already exists.*another name"):
        new_plugin("acme", "cells", parent=tmp_path)
    assert mine.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.rglob("*")) == [mine.parent, mine]


def test_file_in_the_place_stays_as_it_is(tmp_path):
    (tmp_path / "seqpipe-acme").write_text("mine", encoding="utf-8")
    with pytest.raises(PluginError, match="already exists"):
        new_plugin("acme", "cells", parent=tmp_path)
    assert (tmp_path / "seqpipe-acme").read_text(encoding="utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("target", ["empty", "nowhere"])
def test_symbolic_link_in_the_place_stays_as_it_is(target, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "seqpipe-acme").symlink_to(tmp_path / target, target_is_directory=True)
    with pytest.raises(PluginError, match="already exists"):
        new_plugin("acme", "cells", parent=tmp_path)
    assert (tmp_path / "seqpipe-acme").is_symlink()
    assert not any((tmp_path / "empty").iterdir())


def test_missing_parent_is_not_made(tmp_path):
    with pytest.raises(PluginError, match=r"there's no folder .*missing: create it first"):
        new_plugin("acme", "cells", parent=tmp_path / "missing")
    assert not any(tmp_path.iterdir())


def test_name_too_long_for_a_folder_is_refused(tmp_path):
    with pytest.raises(PluginError, match="can't be written"):
        new_plugin("a" * 5000, "cells", parent=tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["mkdir", "write_text", "rename"])
@pytest.mark.parametrize("had_folder", [False, True])
def test_failure_on_the_way_leaves_nothing(method, had_folder, tmp_path, monkeypatch):
    if had_folder:
        (tmp_path / "seqpipe-acme").mkdir()
    monkeypatch.setattr(Path, method, _fail_late(getattr(Path, method), calls=method != "rename"))
    with pytest.raises(PluginError, match=r"seqpipe-acme can't be written \(No space left\)"):
        new_plugin("acme", "cells", parent=tmp_path)
    monkeypatch.undo()
    left = list(tmp_path.rglob("*"))
    assert left in ([], [tmp_path / "seqpipe-acme"])


def test_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        new_plugin("acme", "cells", parent=tmp_path)
    assert not any(tmp_path.iterdir())


def _fail_late(method, *, calls):
    """Return a method that works for some calls, and then finds the disk full."""
    left = 3 * calls

    def fail(*arguments, **settings):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(28, "No space left")
        return method(*arguments, **settings)

    return fail
