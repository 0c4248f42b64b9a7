"""Kernels are compiled once, kept, and made elsewhere where they can't be kept."""

import ctypes
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

import pytest
from ready import run_ready

from seqpipe.compilers import BuildError, find_compiler
from seqpipe.native import _cache, _compiler, build

compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(compiler is None, reason="there's no C compiler")


def source(value):
    return f"int answer(void) {{ return {value}; }}"


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """Give each test a cache and a temporary folder of its own."""
    _cache._temporary_folder.cache_clear()
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("SEQPIPE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    yield
    _cache._temporary_folder.cache_clear()


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def counting(tmp_path: Path) -> Path:
    """Return a compiler that writes a line for each time it's called to compile."""
    return script(
        tmp_path / "counting-cc",
        f'case "$*" in *--version*) ;; *) echo called >> {tmp_path}/calls ;; esac\n'
        f'exec {compiler} "$@"',
    )


def calls(tmp_path: Path) -> int:
    return len((tmp_path / "calls").read_text().splitlines())


@needs_compiler
def test_compiled_source_is_loaded():
    assert build(source(41)).answer() == 41


@needs_compiler
def test_what_was_compiled_before_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", str(counting(tmp_path)))
    assert build(source(1)).answer() == 1
    once = calls(tmp_path)
    assert build(source(1)).answer() == 1
    assert calls(tmp_path) == once
    assert build(source(2)).answer() == 2
    assert calls(tmp_path) == 2 * once


@needs_compiler
def test_cache_lies_where_the_variable_says(tmp_path):
    build(source(3))
    (kept,) = (tmp_path / "cache" / "kernels").iterdir()
    assert kept.suffix == ".so"
    assert ctypes.CDLL(str(kept)).answer() == 3


@needs_compiler
def test_cache_lies_in_the_users_folder_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("SEQPIPE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    build(source(4))
    assert len(list((tmp_path / "xdg" / "seqpipe" / "kernels").glob("*.so"))) == 1
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    build(source(4))
    assert len(list((tmp_path / "home" / ".cache" / "seqpipe" / "kernels").glob("*.so"))) == 1


@needs_compiler
def test_folder_that_cannot_be_written_is_replaced_by_a_temporary_one(monkeypatch, tmp_path):
    # A file where a folder should be stops even those who may write everywhere.
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEQPIPE_CACHE", str(tmp_path / "file"))
    assert build(source(5)).answer() == 5
    (made,) = (tmp_path / "temporary").rglob("*.so")
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700


@needs_compiler
def test_lack_of_a_writable_folder_is_reported(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEQPIPE_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(BuildError, match="no folder for compiled kernels"):
        build(source(6))


def test_missing_compiler_is_reported(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"there's no C compiler; .*install"):
        build(source(7))


def test_absent_compiler_that_was_asked_for_is_named(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(BuildError, match=r"called 'no-such-compiler' \(CC\)"):
        find_compiler()


def test_compiler_that_was_asked_for_is_taken(monkeypatch, tmp_path):
    mine = script(tmp_path / "my-cc", "exit 0")
    monkeypatch.setenv("CC", str(mine))
    assert find_compiler() == (str(mine),)


@needs_compiler
def test_compiler_may_be_a_program_with_arguments(monkeypatch, tmp_path):
    wrapper = script(tmp_path / "wrapper", 'exec "$@"')
    monkeypatch.setenv("CC", f"{wrapper} {compiler} -DVALUE=13")
    assert find_compiler() == (str(wrapper), compiler, "-DVALUE=13")
    assert build(source("VALUE")).answer() == 13


def test_compiler_may_lie_in_a_folder_with_a_space(monkeypatch, tmp_path):
    (tmp_path / "my tools").mkdir()
    mine = script(tmp_path / "my tools" / "cc", "exit 0")
    monkeypatch.setenv("CC", str(mine))
    assert find_compiler() == (str(mine),)


def test_compiler_with_an_open_quotation_mark_is_reported(monkeypatch):
    monkeypatch.setenv("CC", "no-such 'compiler")
    with pytest.raises(BuildError, match="no C compiler called"):
        find_compiler()


def test_failing_compiler_is_reported_with_its_message(monkeypatch, tmp_path):
    failing = script(tmp_path / "failing-cc", 'echo "out of order" >&2\nexit 1')
    monkeypatch.setenv("CC", str(failing))
    with pytest.raises(BuildError, match=r"failing-cc fails \(out of order\); set CC"):
        build(source(8))
    assert not list((tmp_path / "cache").rglob("*.so"))


@pytest.mark.parametrize(
    ("system", "release", "advice"),
    [
        ("linux", {"ID": "debian"}, "`sudo apt install build-essential` installs one"),
        ("linux", {"ID": "mint", "ID_LIKE": "ubuntu debian"}, "apt install"),
        ("linux", {"ID": "fedora"}, "`sudo dnf install gcc` installs one"),
        ("linux", {"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "dnf install"),
        ("linux", {"ID": "alpine"}, "install gcc or clang"),
        ("darwin", None, "`xcode-select --install` installs one"),
        ("win32", None, "install gcc or clang"),
    ],
)
def test_missing_compiler_is_reported_with_the_command_of_the_platform(
    monkeypatch, system, release, advice
):
    def read_release():
        if release is None:
            raise OSError
        return release

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(_compiler.platform, "freedesktop_os_release", read_release)
    with pytest.raises(BuildError) as raised:
        find_compiler()
    assert advice in str(raised.value) and "there's no C compiler; " in str(raised.value)


@needs_compiler
def test_compiler_that_cannot_tune_compiles_without(monkeypatch, tmp_path):
    picky = script(
        tmp_path / "picky-cc",
        f'case "$*" in *native*) echo "unknown processor" >&2; exit 1;; esac\nexec {compiler} "$@"',
    )
    monkeypatch.setenv("CC", str(picky))
    assert build(source(9)).answer() == 9


def test_compiles_for_the_processor_that_is_asked_for(monkeypatch, tmp_path):
    noting = script(tmp_path / "noting-cc", f'echo "$*" >> {tmp_path}/calls\nexit 1')
    monkeypatch.setenv("CC", str(noting))
    monkeypatch.setenv("SEQPIPE_MARCH", "x86-64-v2")
    with pytest.raises(BuildError):
        build(source(13))
    compiled = [line for line in (tmp_path / "calls").read_text().splitlines() if "-O2" in line]
    assert ["-march=x86-64-v2" in line and "native" not in line for line in compiled] == [True]


@needs_compiler
@pytest.mark.parametrize("march", ["", "native"])
def test_another_processor_compiles_anew(monkeypatch, tmp_path, march):
    monkeypatch.setenv("CC", str(counting(tmp_path)))
    monkeypatch.setenv("SEQPIPE_MARCH", march)
    build(source(14))
    once = calls(tmp_path)
    monkeypatch.setattr(_compiler, "processor", lambda: "another one")
    build(source(14))
    assert calls(tmp_path) == 2 * once


def test_compiler_works_in_a_folder_that_nobody_else_can_write_to(monkeypatch, tmp_path):
    noting = script(tmp_path / "noting-cc", f'echo "$TMPDIR" >> {tmp_path}/calls\nexit 1')
    monkeypatch.setenv("CC", str(noting))
    with pytest.raises(BuildError):
        build(source(15))
    folders = (tmp_path / "calls").read_text().splitlines()[1:]
    assert {Path(folder).parent for folder in folders} == {tmp_path / "cache" / "kernels"}


@needs_compiler
def test_another_compiler_compiles_anew(monkeypatch, tmp_path):
    build(source(10))
    monkeypatch.setenv("CC", str(counting(tmp_path)))
    build(source(10))
    assert calls(tmp_path) >= 1


@needs_compiler
def test_damaged_file_in_the_cache_is_no_end(tmp_path):
    build(source(11))
    (kept,) = (tmp_path / "cache" / "kernels").glob("*.so")
    # Replaced rather than written to: the library's pages are in use here.
    kept.unlink()
    kept.write_bytes(b"no library")
    code = f"from seqpipe.native import build; print(build({source(11)!r}).answer())"
    done = run_ready([sys.executable, "-c", code], cwd=tmp_path, env=os.environ)
    assert done.stdout == "11\n", done.stderr


@needs_compiler
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked here")
def test_processes_that_compile_the_same_do_not_interfere(monkeypatch, tmp_path):
    slow = script(
        tmp_path / "slow-cc",
        f'case "$*" in *--version*) ;; *) sleep 0.3 ;; esac\nexec {compiler} "$@"',
    )
    # Both have all imported, and so compile at the same time.
    code = (
        "import os\n"
        "from seqpipe.native import build\n"
        "first = os.fork()\n"
        f"print(build({source(12)!r}).answer(), flush=True)\n"
        "if first:\n"
        "    assert os.waitpid(first, 0)[1] == 0\n"
    )
    environment = {**os.environ, "CC": str(slow)}
    done = run_ready([sys.executable, "-c", code], cwd=tmp_path, env=environment, timeout=60)
    assert (done.returncode, done.stdout) == (0, "12\n12\n"), done.stderr
    assert len(list((tmp_path / "cache" / "kernels").iterdir())) == 1


def test_processors_are_distinguished():
    assert _compiler.processor()
