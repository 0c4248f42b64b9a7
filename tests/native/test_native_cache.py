"""Kernels are loaded from a cache only if they're whole and nobody else's to write, and made again otherwise."""

import errno
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from ready import run_ready

from seqpipe.native import _cache, build
from seqpipe.native._cache import load_cached

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there are no such modes here")
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away"
)
CONTENT = bytes(range(256)) * 128
STRANGER = 12345


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """Give each test a cache and a temporary folder of its own, and let it hear what's said once."""
    _cache._temporary_folder.cache_clear()
    _cache._warn_once.cache_clear()
    monkeypatch.setenv("SEQPIPE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    yield
    # Or tests elsewhere would find a folder that's gone.
    _cache._temporary_folder.cache_clear()


def load(content=CONTENT):
    """Load through the cache; return what was loaded, from where, and how often it was made."""
    made = []

    def make(folder):
        made.append(folder)
        return content

    loaded, path = load_cached("key", ".so", make, lambda path: (path.read_bytes(), path))
    assert loaded == content
    return path, len(made)


def cut(path):
    os.truncate(path, 20_000)


def empty(path):
    os.truncate(path, 0)


def zero_page(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(4096))


def flip(path):
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\0")


def lengthen(path):
    with path.open("ab") as file:
        file.write(b"\0")


def test_what_was_made_is_kept(tmp_path):
    path, made = load()
    assert made == 1
    assert path.parent == tmp_path / "cache" / "kernels"
    assert load() == (path, 0)
    assert list(path.parent.iterdir()) == [path]
    assert list((tmp_path / "temporary").rglob("*.so")) == []


@pytest.mark.parametrize("damage", [cut, empty, zero_page, flip, lengthen])
def test_damaged_file_is_made_again_in_place(damage, caplog):
    path, _ = load()
    damage(path)
    assert load() == (path, 1)
    assert path.read_bytes() == CONTENT
    assert load() == (path, 0)
    (record,) = caplog.records
    assert f"{path} is damaged" in record.message
    assert "compiled again" in record.message


def test_file_of_another_content_under_the_same_key_does_not_hide_a_whole_one(caplog):
    path, _ = load()
    path.with_name("key-0000.so").write_bytes(b"left from another compiler")
    assert load() == (path, 0)
    assert not caplog.records


@posix
@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_file_that_others_may_write_to_is_made_again(mode, caplog):
    path, _ = load()
    path.chmod(mode)
    assert load() == (path, 1)
    assert path.stat().st_mode & 0o022 == 0
    assert load() == (path, 0)
    assert "other users may write to" in caplog.text


@posix
def test_symbolic_link_is_replaced(tmp_path, caplog):
    path, _ = load()
    elsewhere = path.rename(tmp_path / "elsewhere.so")
    path.symlink_to(elsewhere)
    assert load() == (path, 1)
    assert not path.is_symlink()
    assert len(caplog.records) == 1


@needs_root
def test_file_of_another_user_is_made_again(caplog):
    path, _ = load()
    os.chown(path, STRANGER, STRANGER)
    assert load() == (path, 1)
    assert path.stat().st_uid == 0
    assert f"{path} belongs to another user (number {STRANGER})" in caplog.text


def refuses_folder(tmp_path, caplog, named):
    """Say whether nothing is loaded from the cache, nothing is kept there, and it's said once why."""
    there = {path: path.read_bytes() for path in (tmp_path / "cache").rglob("*.so")}
    path, made = load()
    again = load()
    after = {path: path.read_bytes() for path in (tmp_path / "cache").rglob("*.so")}
    (record,) = caplog.records
    assert str(named) in record.message
    assert "SEQPIPE_CACHE" in record.message
    in_temporary = path.is_relative_to(tmp_path / "temporary")
    return in_temporary and made == 1 and again == (path, 0) and after == there


@posix
@pytest.mark.parametrize("mode", [0o770, 0o777, 0o1777, 0o702])
def test_folder_that_others_may_write_to_is_not_used(tmp_path, caplog, mode):
    folder = load()[0].parent
    # Of a group that isn't the user's own.
    if os.geteuid() == 0:
        os.chown(folder, 0, STRANGER)
    folder.chmod(mode)
    assert refuses_folder(tmp_path, caplog, folder)
    assert f"{mode:04o}" in caplog.text


@posix
def test_folder_in_a_folder_that_others_may_write_to_is_not_used(tmp_path, caplog):
    load()
    (tmp_path / "cache").chmod(0o777)
    assert refuses_folder(tmp_path, caplog, tmp_path / "cache")


@posix
def test_folder_in_a_sticky_one_is_used(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o1777)
    path, _ = load()
    assert load() == (path, 0)
    assert path.is_relative_to(tmp_path / "cache")


@needs_root
@pytest.mark.parametrize("folder", ["cache", "cache/kernels"])
def test_folder_of_another_user_is_not_used(tmp_path, caplog, folder):
    load()
    os.chown(tmp_path / folder, STRANGER, STRANGER)
    assert refuses_folder(tmp_path, caplog, tmp_path / folder)


@posix
def test_link_to_a_folder_that_others_may_write_to_is_not_used(tmp_path, caplog):
    (tmp_path / "shared" / "kernels").mkdir(parents=True)
    (tmp_path / "shared").chmod(0o777)
    (tmp_path / "cache").symlink_to(tmp_path / "shared")
    assert refuses_folder(tmp_path, caplog, tmp_path / "shared")


@needs_root
def test_group_of_ones_own_may_write_above_the_folder(tmp_path, monkeypatch):
    # Not on every system has root a group of that name.
    monkeypatch.setattr("grp.getgrgid", {0: group("me", []), STRANGER: group("them", [])}.get)
    monkeypatch.setattr("pwd.getpwuid", lambda _: SimpleNamespace(pw_name="me"))
    load()
    os.chown(tmp_path / "cache", 0, 0)
    (tmp_path / "cache").chmod(0o775)
    assert load()[1] == 0
    os.chown(tmp_path / "cache", 0, STRANGER)
    assert load()[1] == 1


def group(name, members):
    return SimpleNamespace(gr_name=name, gr_mem=members)


@needs_root
@pytest.mark.parametrize(("mode", "made"), [(0o755, 0), (0o1777, 0), (0o777, 1)])
def test_folder_of_a_user_beyond_the_namespace_may_be_above(tmp_path, monkeypatch, mode, made):
    (tmp_path / "map").write_text("         0       1000          1\n")
    (tmp_path / "unknown").write_text(f"{STRANGER}\n")
    monkeypatch.setattr(_cache, "_KNOWN_USERS", tmp_path / "map")
    monkeypatch.setattr(_cache, "_UNKNOWN_USER", tmp_path / "unknown")
    load()
    os.chown(tmp_path / "cache", STRANGER, STRANGER)
    (tmp_path / "cache").chmod(mode)
    assert load()[1] == made
    os.chown(tmp_path / "cache", STRANGER + 1, STRANGER)
    assert load()[1] == 1 - made


@needs_root
def test_number_of_unknown_users_is_one_like_others_outside_of_namespaces(tmp_path, monkeypatch):
    (tmp_path / "map").write_text("         0          0 4294967295\n")
    monkeypatch.setattr(_cache, "_KNOWN_USERS", tmp_path / "map")
    load()
    os.chown(tmp_path / "cache", 65534, 65534)
    assert load()[1] == 1


@posix
def test_folders_are_safe_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        path, _ = load()
    finally:
        os.umask(before)
    folders = [path.parent, tmp_path / "cache"]
    assert [each.stat().st_mode & 0o077 for each in folders] == [0, 0]
    assert path.stat().st_mode & 0o022 == 0


@posix
def test_temporary_folder_that_others_can_replace_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEQPIPE_CACHE", str(tmp_path / "file"))
    (tmp_path / "temporary").chmod(0o777)
    with pytest.raises(OSError, match="set TMPDIR to a folder of your own"):
        load()


@posix
def test_temporary_folder_is_not_needed_where_the_cache_is_good(tmp_path):
    (tmp_path / "temporary").chmod(0o777)
    path, _ = load()
    assert load() == (path, 0)
    assert path.is_relative_to(tmp_path / "cache")
    assert list((tmp_path / "temporary").iterdir()) == []


@posix
def test_leftovers_are_removed_when_a_file_is_kept(tmp_path):
    folder = tmp_path / "cache" / "kernels"
    (folder / ".killed").mkdir(parents=True)
    folder.chmod(0o700)
    old = [".key-0.so.1234", f"{'0a' * 16}.so", "seqpipe_0a.py", ".killed/kernel.c"]
    for name in (*old, ".key-1.so.1234"):
        (folder / name).touch()
    for name in (*old, ".killed"):
        os.utime(folder / name, (0, 0))
    path, _ = load()
    assert sorted(folder.iterdir()) == sorted([path, folder / ".key-1.so.1234"])


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS])
def test_file_that_cannot_be_kept_is_loaded_all_the_same(monkeypatch, tmp_path, caplog, error):
    write = _cache._write

    def fail_in_cache(folder, *given):
        if folder.is_relative_to(tmp_path / "cache"):
            raise OSError(error, os.strerror(error))
        return write(folder, *given)

    monkeypatch.setattr(_cache, "_write", fail_in_cache)
    path, made = load()
    assert made == 1
    assert path.is_relative_to(tmp_path / "temporary")
    assert load() == (path, 0)
    assert os.strerror(error) in caplog.text


def test_file_that_cannot_be_made_in_the_cache_is_made_elsewhere(tmp_path):
    def make(folder):
        if folder.is_relative_to(tmp_path / "cache"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return CONTENT

    path = load_cached("key", ".so", make, lambda path: path)
    assert path.parent == tmp_path / "cache" / "kernels"


def test_file_that_cannot_be_loaded_from_the_cache_is_loaded_from_a_copy(tmp_path, caplog):
    kept, _ = load()

    def load_elsewhere(path):
        if path == kept:
            raise OSError("failed to map segment from shared object")
        return path.read_bytes()

    for _ in range(2):
        assert load_cached("key", ".so", pytest.fail, load_elsewhere) == CONTENT
    assert len(caplog.records) == 1


@pytest.mark.usefixtures("compiler")
def test_library_that_was_cut_does_not_kill_python(tmp_path):
    source = "int answer(void) { return 17; } static char room[30000] = {1}; char *get(void) { return room; }"
    code = f"from seqpipe.native import build; print(build({source!r}).answer())"

    def run():
        return run_ready([sys.executable, "-c", code], cwd=tmp_path, env=os.environ)

    assert run().stdout == "17\n"
    (kept,) = Path(os.environ["SEQPIPE_CACHE"]).rglob("*.so")
    whole = kept.read_bytes()
    os.truncate(kept, 20_000)
    done = run()
    assert (done.returncode, done.stdout) == (0, "17\n")
    assert "is damaged" in done.stderr
    assert kept.read_bytes() == whole
    assert build(source).answer() == 17
