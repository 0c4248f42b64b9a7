"""Calls the command line in this process, among packages that are installed for a test only."""

import itertools
import sys
import textwrap
from collections.abc import Callable
from typing import NamedTuple

import pytest

from seqpipe.cli import main
from seqpipe.plugins import _host

_numbers = itertools.count()


class Called(NamedTuple):
    """How a call ended, and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def call(monkeypatch, capfd) -> Callable[..., Called]:
    """Return a function that calls ``seqpipe`` with the arguments that it's given."""

    def seqpipe(*arguments: str) -> Called:
        monkeypatch.setattr(sys, "argv", ["seqpipe", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        code = left.value.code
        assert code is None or isinstance(code, int)
        return Called(code or 0, *capfd.readouterr())

    return seqpipe


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Return a folder of packages that Python finds, and forget what the host knew."""
    folder = tmp_path / "site-of-a-test"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    modules = set(sys.modules)
    _host._installed.cache_clear()
    yield folder
    _host._installed.cache_clear()
    for name in set(sys.modules) - modules:
        if name.startswith("module_of_a_test"):
            del sys.modules[name]


@pytest.fixture
def install(site):
    """Return a function that installs the package of a plugin, a module of the given text."""

    def write(name, text, *, package="", version="1.2", requires=()):
        module = f"module_of_a_test_{next(_numbers)}"
        text = "from seqpipe.hookspecs import hookimpl\n" + textwrap.dedent(text)
        (site / f"{module}.py").write_text(text, encoding="utf-8")
        package = package or f"{name}-parts"
        info = site / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = [f"Name: {package}", f"Version: {version}"]
        lines += [f"Requires-Dist: {each}" for each in requires]
        (info / "METADATA").write_text("\n".join(lines), encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[seqpipe]\n{name} = {module}\n", encoding="utf-8")
        _host._installed.cache_clear()
        return module

    return write
