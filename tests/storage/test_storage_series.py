"""Saves one after another, in which files that stay the same are linked."""

import errno
import os
import shutil

import pytest

from seqpipe.errors import SavedModelError
from seqpipe.storage import SaveSeries, _save, _series, verify_folder, write_folder, write_once
from seqpipe.storage._leftovers import find_new

OWNER = object()
CONTENT = {"one": b"1" * 5000, "inner/two": b"2" * 3000}


@pytest.fixture
def target(tmp_path):
    return tmp_path / "model"


@pytest.fixture
def series():
    return SaveSeries()


class Writer:
    """Writes a model of which a part stays the same, and counts how often that's written."""

    def __init__(self, owner=OWNER, version="", content=None):
        self.owner, self.version, self.content = owner, version, content or CONTENT
        self.written = 0

    def part(self, folder):
        self.written += 1
        for name, content in self.content.items():
            if "/" in name:
                (folder / name).parent.mkdir()
            (folder / name).write_bytes(content)

    def __call__(self, folder):
        (folder / "part").mkdir()
        write_once(folder / "part", self.owner, self.part, version=self.version)
        (folder / "other").write_bytes(os.urandom(10))


def content_of(target):
    verify_folder(target)
    files = (path for path in target.rglob("*") if path.is_file())
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in files}


def inode(target, name="part/one"):
    return (target / name).stat().st_ino


def are_whole(target):
    """Say whether a model has the part, is sound, and shares no file with any other folder."""
    found = content_of(target)
    files = [path for path in target.rglob("*") if path.is_file()]
    return (
        {f"part/{name}": found[f"part/{name}"] for name in CONTENT}
        == {f"part/{name}": content for name, content in CONTENT.items()}
        and {path.stat().st_nlink for path in files} == {1}
        and [path.name for path in target.parent.iterdir()] == [target.name]
    )


@pytest.fixture(params=["exchange", "two renames"])
def way(request, monkeypatch):
    if request.param == "two renames":
        monkeypatch.setattr(_save, "exchange", lambda one, other: False)


def test_part_is_written_once_and_linked_by_later_saves(target, series, way):
    write, seen = Writer(), []
    for _ in range(4):
        write_folder(target, write, series=series)
        assert are_whole(target)
        seen.append((inode(target), inode(target, "other"), (target / "other").read_bytes()))
    assert write.written == 1
    assert len({first for first, _, _ in seen}) == 1
    assert len({content for _, _, content in seen}) == 4


def test_files_are_those_of_saves_without_links(target, series, tmp_path):
    write, plain = Writer(), Writer()
    for _ in range(3):
        write_folder(target, write, series=series)
        write_folder(tmp_path / "plain" / "model", plain)
    (ours, theirs) = (content_of(each) for each in (target, tmp_path / "plain" / "model"))
    assert plain.written == 3 and write.written == 1
    assert ours.keys() == theirs.keys()
    assert {n for n in ours if ours[n] != theirs[n]} == {"other", "seqpipe-manifest.json"}


def test_linked_files_are_neither_hashed_nor_synced_again(target, series, monkeypatch):
    hashed = []

    def note(path, *, sync=False, real=_save.hash_file):
        hashed.append(path.name)
        return real(path, sync=sync)

    monkeypatch.setattr(_save, "hash_file", note)
    for _ in range(2):
        write_folder(target, Writer(), series=series)
    assert sorted(hashed) == sorted(["one", "two", *["other", "seqpipe-manifest.json"] * 2])


@pytest.mark.parametrize("change", [{"owner": object()}, {"version": "2"}])
def test_part_of_another_owner_or_version_is_written(target, series, change):
    write_folder(target, Writer(), series=series)
    other = Writer(content={"one": b"other"}, **change)
    write_folder(target, other, series=series)
    assert other.written == 1
    assert content_of(target)["part/one"] == b"other" and "part/inner/two" not in content_of(target)


def damage(path):
    """Change a byte, and set the time back at which the file was changed last."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"X")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path):
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


CHANGES = {
    "removed": lambda path: path.unlink(),
    "cut": lambda path: path.write_bytes(b"1"),
    "replaced by the same": replace,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "linked elsewhere": lambda path: os.link(path, path.parents[2] / "kept"),
    "all removed": lambda path: shutil.rmtree(path.parents[1]),
}
if os.name != "nt":
    # There's no time there that can't be set back.
    CHANGES["damaged"] = damage


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("name", ["part/one", "part/inner/two"])
def test_files_that_have_changed_are_written_anew(target, series, change, name):
    write = Writer()
    write_folder(target, write, series=series)
    path = target / name if change is not CHANGES["linked elsewhere"] else target / "part/one"
    change(path)
    write_folder(target, write, series=series)
    (target.parent / "kept").unlink(missing_ok=True)
    assert write.written == 2 and are_whole(target)
    write_folder(target, write, series=series)
    assert write.written == 2 and are_whole(target)


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP])
@pytest.mark.parametrize("after", [0, 1])
def test_files_are_written_where_the_file_system_has_no_links(
    target, series, monkeypatch, code, after
):
    made = []

    def link(source, new, real=os.link):
        if len(made) >= after:
            raise OSError(code, os.strerror(code))
        made.append(new)
        real(source, new)

    write = Writer()
    write_folder(target, write, series=series)
    monkeypatch.setattr(_series.os, "link", link)
    write_folder(target, write, series=series)
    assert write.written == 2 and are_whole(target)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("moment", ["_seal", "sync_folder", "swap"])
def test_interrupted_save_leaves_the_one_before_whole(target, series, monkeypatch, error, moment):
    def fail(*_, **__):
        raise error

    write = Writer()
    write_folder(target, write, series=series)
    before = content_of(target)
    with monkeypatch.context() as patch:
        patch.setattr(_save, moment, fail)
        with pytest.raises(error):
            write_folder(target, write, series=series)
    assert content_of(target) == before and are_whole(target)
    write_folder(target, write, series=series)
    assert content_of(target) != before and are_whole(target)


@pytest.mark.parametrize("is_sealed", [True, False])
def test_killed_save_is_cleared_away_and_what_it_linked_stays(
    target, series, monkeypatch, is_sealed
):
    class KilledError(BaseException):
        pass

    def die(*_):
        raise KilledError

    write_folder(target, Writer(), series=series)
    before = content_of(target)
    with monkeypatch.context() as patch:
        # As if nothing in the process ran any more.
        patch.setattr(_save.shutil, "rmtree", lambda *_, **__: None)
        patch.setattr(_save, "recover_locked", lambda _: None)
        patch.setattr(_save, "swap" if is_sealed else "_seal", die)
        with pytest.raises(KilledError):
            write_folder(target, Writer(), series=series)
    assert len(find_new(target)) == 1
    assert (target / "part" / "one").stat().st_nlink == 2
    assert content_of(target) == before and are_whole(target)


def test_part_that_writes_into_a_file_that_is_there_does_not_reach_the_model_before(
    target, series, monkeypatch
):
    """Such as the list of strings, which the vocabulary writes and the table of vectors extends."""

    def write(folder):
        (folder / "list").write_text("a")
        write_once(folder, OWNER, extend)

    def extend(folder):
        with (folder / "list").open("a") as file:
            file.write("b")

    write_folder(target, write, series=series)
    first = inode(target, "list")
    write_folder(target, write, series=series)
    assert inode(target, "list") == first and content_of(target)["list"] == b"ab"
    monkeypatch.setattr(_series.os, "link", lambda *_: (_ for _ in ()).throw(OSError()))
    write_folder(target, write, series=series)
    assert inode(target, "list") != first and content_of(target)["list"] == b"ab"


def test_folder_elsewhere_and_another_target_are_not_linked(target, series, tmp_path):
    write = Writer()
    write_folder(target, write, series=series)
    write_folder(tmp_path / "other" / "model", write, series=series)
    assert write.written == 2 and are_whole(tmp_path / "other" / "model")

    def write_elsewhere(folder):
        (folder / "file").write_text("x")
        elsewhere = tmp_path / f"elsewhere {write.written}"
        elsewhere.mkdir()
        write_once(elsewhere, OWNER, write.part)

    for _ in range(2):
        write_folder(tmp_path / "other" / "model", write_elsewhere, series=series)
    assert write.written == 4


def test_part_is_written_outside_of_saves(tmp_path):
    write = Writer()
    write_once(tmp_path, OWNER, write.part)
    assert (tmp_path / "one").read_bytes() == CONTENT["one"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs rights that can be missing")
def test_folder_that_cannot_be_written_is_named(target, series):
    write_folder(target, Writer(), series=series)
    target.parent.chmod(0o500)
    try:
        with pytest.raises(SavedModelError, match="can't be saved"):
            write_folder(target, Writer(), series=series)
    finally:
        target.parent.chmod(0o700)
    assert are_whole(target)
