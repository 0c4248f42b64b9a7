import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from seqpipe.errors import SavedModelError
from seqpipe.storage import _leftovers, _save, has_manifest, verify_folder, write_folder
from seqpipe.storage._leftovers import locked, new_name, old_name
from seqpipe.storage._save import _seal, recover

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs POSIX file modes and links")


def writer(word):
    def write(folder):
        (folder / "vocab").mkdir()
        (folder / "vocab" / "words").write_text(word)
        (folder / "model").write_bytes(word.encode() * 100)

    return write


def saved_word(target):
    verify_folder(target)
    return (target / "vocab" / "words").read_text()


def names_beside(target):
    return sorted(path.name for path in target.parent.iterdir())


@pytest.fixture(params=["exchange", "two renames"])
def way(request, monkeypatch):
    if request.param == "two renames":
        monkeypatch.setattr(_save, "exchange", lambda one, other: False)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "out" / "model-best"


def test_the_new_model_replaces_the_old_one_whole(target, way):
    write_folder(target, writer("old"))
    (target / "vocab" / "words").write_text("damaged: replacing it is the cure")
    write_folder(target, lambda folder: (folder / "only").write_text("new"))
    verify_folder(target)
    assert sorted(path.name for path in target.iterdir()) == ["only", "seqpipe-manifest.json"]
    assert names_beside(target) == ["model-best"]


def test_the_model_is_written_beside_its_target(target):
    seen = []
    write_folder(target, lambda folder: seen.append((folder.parent, folder.name)))
    parent, name = seen[0]
    assert parent == target.parent
    assert name.startswith(".model-best.seqpipe-new-")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_while_writing_leaves_the_old_model_and_nothing_else(target, way, error):
    def fail(folder):
        writer("half")(folder)
        raise error

    write_folder(target, writer("old"))
    with pytest.raises(error):
        write_folder(target, fail)
    assert saved_word(target) == "old"
    assert names_beside(target) == ["model-best"]


def test_a_full_disk_is_reported_and_leaves_the_old_model(target):
    def fail(folder):
        raise OSError(errno.ENOSPC, "No space left on device", str(folder / "model"))

    write_folder(target, writer("old"))
    with pytest.raises(SavedModelError, match="No space left on device"):
        write_folder(target, fail)
    assert saved_word(target) == "old"
    assert names_beside(target) == ["model-best"]


def test_a_refused_swap_leaves_the_old_model(target, monkeypatch):
    def fail(one, other):
        raise OSError(errno.EBUSY, "Device or resource busy", str(other))

    write_folder(target, writer("old"))
    monkeypatch.setattr(_save, "exchange", fail)
    with pytest.raises(SavedModelError, match="busy"):
        write_folder(target, writer("new"))
    assert saved_word(target) == "old"
    assert names_beside(target) == ["model-best"]


@pytest.mark.parametrize(("refusals", "expected"), [(1, "new"), (2, "old")])
def test_a_refused_second_rename_brings_a_model_back(target, monkeypatch, refusals, expected):
    def rename(self, other):
        if ".seqpipe-new-" in self.name and len(refused) < refusals:
            refused.append(self)
            raise OSError(errno.EIO, "Input/output error", str(other))
        real(self, other)

    write_folder(target, writer("old"))
    real, refused = Path.rename, []
    monkeypatch.setattr(_save, "exchange", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(SavedModelError, match="Input/output error"):
        write_folder(target, writer("new"))
    assert saved_word(target) == expected
    assert names_beside(target) == ["model-best"]


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EINVAL])
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges in one step")
def test_a_system_that_cannot_exchange_renames_twice(target, monkeypatch, code):
    class Libc:
        @staticmethod
        def renameat2(*arguments):
            _save.ctypes.set_errno(code)
            return -1

    monkeypatch.setattr(_save.ctypes, "CDLL", lambda name, use_errno: Libc)
    write_folder(target, writer("old"))
    write_folder(target, writer("new"))
    assert saved_word(target) == "new"


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_rename_twice(tmp_path, monkeypatch, platform):
    monkeypatch.setattr(_save.sys, "platform", platform)
    assert not _save.exchange(tmp_path / "one", tmp_path / "other")


def leave(folder, word, *, complete=True):
    """Leave behind what a killed save would."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir()
    writer(word)(folder)
    if complete:
        _seal(folder, {})


@pytest.mark.parametrize(("complete", "expected"), [(True, "new"), (False, "old")])
def test_a_kill_between_two_renames_is_put_right(target, complete, expected):
    leave(old_name(target), "old")
    leave(new_name(target), "new", complete=complete)
    recover(target)
    assert saved_word(target) == expected
    assert names_beside(target) == ["model-best"]


def test_reading_puts_an_interrupted_save_right_by_itself(target):
    leave(old_name(target), "old")
    assert saved_word(target) == "old"


def test_an_empty_folder_at_the_target_does_not_stop_recovery(target):
    target.mkdir(parents=True)
    leave(old_name(target), "old")
    recover(target)
    assert saved_word(target) == "old"


def test_the_next_save_clears_what_a_killed_one_left(target, way):
    write_folder(target, writer("old"))
    leave(new_name(target), "half", complete=False)
    leave(old_name(target), "older")
    target.with_name(".model-best.seqpipe-lock").touch()
    write_folder(target, writer("new"))
    assert saved_word(target) == "new"
    assert names_beside(target) == ["model-best"]


def test_an_incomplete_model_is_never_put_at_the_target(target):
    leave(new_name(target), "half", complete=False)
    recover(target)
    assert names_beside(target) == []


def test_a_damaged_old_model_stays_until_another_stands(target):
    old = old_name(target)
    leave(old, "old")
    (old / "model").write_bytes(b"")
    recover(target)
    assert names_beside(target) == [old.name]
    write_folder(target, writer("new"))
    assert names_beside(target) == ["model-best"]


def test_the_folder_of_a_living_writer_is_left_alone(target):
    def write(folder):
        writer("new")(folder)
        recover(target)
        with pytest.raises(SavedModelError, match="another process"):
            write_folder(target, writer("intruder"))

    write_folder(target, write)
    assert saved_word(target) == "new"


def test_leftovers_of_another_target_are_left_alone(target):
    other = new_name(target.with_name("model-last"))
    leave(other, "half", complete=False)
    write_folder(target, writer("new"))
    assert names_beside(target) == [other.name, "model-best"]


def test_a_lock_removed_by_the_writer_before_is_taken_anew(target, monkeypatch):
    target.parent.mkdir()
    real, calls = _leftovers._lock, []

    def lock(file):
        if not calls:
            Path(file.name).unlink()
        calls.append(file)
        return real(file)

    monkeypatch.setattr(_leftovers, "_lock", lock)
    with locked(target), pytest.raises(SavedModelError), locked(target):
        pass
    assert len(calls) == 3


@pytest.mark.parametrize("name", ["notes.txt", "seqpipe-manifest.json", "vocab/strings.json"])
def test_a_folder_that_is_not_ours_is_refused(target, name):
    (target / name).parent.mkdir(parents=True)
    (target / name).write_text("{}")
    with pytest.raises(SavedModelError, match="manifest"):
        write_folder(target, writer("new"))
    assert (target / name).read_text() == "{}"
    assert names_beside(target) == ["model-best"]


def test_a_model_with_files_of_somebody_else_in_it_is_refused(target):
    write_folder(target, writer("old"))
    (target / "vocab" / "notes.txt").write_text("mine")
    with pytest.raises(SavedModelError, match=r"vocab/notes\.txt"):
        write_folder(target, writer("new"))
    assert (target / "vocab" / "notes.txt").read_text() == "mine"


def test_a_file_at_the_target_is_refused(target):
    target.parent.mkdir()
    target.write_text("mine")
    with pytest.raises(SavedModelError, match="it is a file"):
        write_folder(target, writer("new"))
    assert target.read_text() == "mine"


def test_a_mount_point_is_refused(target, monkeypatch):
    target.mkdir(parents=True)
    monkeypatch.setattr(os.path, "ismount", lambda path: True)
    with pytest.raises(SavedModelError, match="mount point"):
        write_folder(target, writer("new"))


def test_the_root_of_a_drive_is_refused(target):
    with pytest.raises(SavedModelError, match="itself"):
        write_folder(Path(target.anchor), writer("new"))


def test_what_file_managers_leave_behind_does_not_stop_a_save(target, way):
    target.mkdir(parents=True)
    (target / ".DS_Store").touch()
    write_folder(target, writer("old"))
    (target / "vocab" / ".DS_Store").touch()
    write_folder(target, writer("new"))
    assert saved_word(target) == "new"


@posix_only
def test_a_linked_target_stays_a_link(target, tmp_path, way):
    real = tmp_path / "elsewhere" / "models"
    target.parent.mkdir()
    target.symlink_to(real)
    write_folder(target, writer("old"))
    write_folder(target, writer("new"))
    assert target.is_symlink()
    assert saved_word(real) == "new"
    assert names_beside(real) == ["models"]


@posix_only
def test_a_link_inside_a_model_is_refused(target):
    with pytest.raises(SavedModelError, match="symbolic link"):
        write_folder(target, lambda folder: (folder / "model").symlink_to("/dev/zero"))
    assert names_beside(target) == []


@posix_only
def test_a_pipe_inside_a_model_is_refused(target):
    with pytest.raises(SavedModelError, match="pipe"):
        write_folder(target, lambda folder: os.mkfifo(folder / "model"))


@posix_only
def test_a_model_is_as_readable_as_any_new_folder(target):
    write_folder(target, writer("new"))
    (target.parent / "plain").mkdir()
    plain = (target.parent / "plain").stat().st_mode
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain)


def test_a_file_name_that_differs_between_systems_is_refused(target):
    with pytest.raises(SavedModelError, match="can't be the path"):
        write_folder(target, lambda folder: (folder / "seqpipe-manifest.json").touch())
    assert not has_manifest(target)


def test_a_new_model_that_cannot_be_moved_is_kept(target, monkeypatch):
    def rename(self, other):
        raise OSError(errno.EIO, "Input/output error", str(other))

    with monkeypatch.context() as patch, pytest.raises(SavedModelError, match="Input/output"):
        patch.setattr(Path, "rename", rename)
        write_folder(target, writer("new"))
    assert saved_word(target) == "new"
