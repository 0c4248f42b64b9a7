"""Plugins written to a temporary folder."""

import importlib.metadata
import itertools
import sys
import textwrap
from types import SimpleNamespace

import pytest

_numbers = itertools.count()


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Return a function from a name and the text of a module to an entry point of a distribution.

    ``NAME`` in the text is replaced by the module's own name.
    """
    monkeypatch.syspath_prepend(str(tmp_path))
    modules = []

    def write(name, text, *, owner=None, target="", requires=None):
        module = f"plugin_of_a_test_{next(_numbers)}"
        modules.append(module)
        text = "from seqpipe.hookspecs import hookimpl\n" + textwrap.dedent(text)
        text = text.replace("NAME", module)
        (tmp_path / f"{module}.py").write_text(text, encoding="utf-8")
        entry_point = importlib.metadata.EntryPoint(name, module + target, "seqpipe")
        if owner:
            owner, _, version = owner.partition(" ")
            dist = SimpleNamespace(name=owner, version=version or "1.2", requires=requires)
            entry_point = entry_point._for(dist)
        return entry_point

    yield write
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def cell_plugin(plugin):
    """Return a function from what a hook for cells returns to an entry point."""

    def write(returned, before="", **more):
        text = f"{before}\n@hookimpl\ndef seqpipe_cells():\n    return {returned}\n"
        return plugin("acme", text, **{"owner": "acme-cells", **more})

    return write


@pytest.fixture
def events():
    """Return a list that plugins append to, as ``sys.events_of_a_test``."""
    sys.events_of_a_test = []
    yield sys.events_of_a_test
    del sys.events_of_a_test
