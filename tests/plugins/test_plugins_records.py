"""What's recorded of parts between runs."""

import functools
import importlib.metadata
import json
import os
import sys
from types import SimpleNamespace

import pytest

from seqpipe.errors import PluginError
from seqpipe.plugins import Host, Owner, Part, _host, _records

OWNER = Owner("acme", "1.2")
CODE = '''
class Words:
    """Makes words."""

    def __init__(self, *, width: int = 3, mode: str = "one") -> None:
        """Nothing."""
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return the path of a module that offers an embedder, with a cache of its own."""
    monkeypatch.setenv("SEQPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "recorded_in_a_test.py"
    path.write_text(CODE)
    forget()
    yield path
    forget()


def forget():
    """Be as another process, which knows what's in files alone."""
    sys.modules.pop("recorded_in_a_test", None)
    for function in (_records.stamp_of, _records._records, _records._file):
        function.cache_clear()


def words():
    return Part("embedders", "acme.Words.v1", "recorded_in_a_test:Words", OWNER)


def test_part_that_was_imported_once_is_described_without_its_code(module):
    assert callable(words().factory)
    forget()
    part = words()
    assert {name: p.default for name, p in part.settings.items()} == {"width": 3, "mode": "one"}
    assert part.documentation.summary == "Makes words."
    assert not part.embeds_documents and not part.labels_words
    assert "recorded_in_a_test" not in sys.modules


def test_head_that_scores_words_is_known_without_its_code(module):
    module.write_text(
        "class Labels:\n"
        "    level = 'word'\n\n"
        "    def __init__(self, input_width, output_width, *, dropout: float = 0.3): ..."
    )
    head = functools.partial(Part, "heads", "acme.Labels.v1", "recorded_in_a_test:Labels", OWNER)
    assert callable(head().factory)
    forget()
    assert head().labels_words
    assert "recorded_in_a_test" not in sys.modules


def test_part_whose_file_has_changed_is_looked_at_anew(module):
    assert callable(words().factory)
    module.write_text(CODE.replace("width: int = 3", "size: int = 30"))
    forget()
    assert list(words().settings) == ["size", "mode"]


def test_other_version_is_another_matter(module):
    assert callable(words().factory)
    forget()
    list(
        Part(
            "embedders", "acme.Words.v1", "recorded_in_a_test:Words", Owner("acme", "1.3")
        ).settings
    )
    assert "recorded_in_a_test" in sys.modules


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"x": 1}', b"\xff\xfe"], ids=repr)
def test_damaged_record_counts_for_nothing(module, damage):
    assert callable(words().factory)
    (file,) = (module.parent / "cache").rglob("*.json")
    file.write_bytes(damage)
    forget()
    assert list(words().settings) == ["width", "mode"]
    assert any(name.startswith("description") for name in json.loads(file.read_text()))


def test_record_of_another_form_counts_for_nothing(module):
    assert callable(words().factory)
    (file,) = (module.parent / "cache").rglob("*.json")
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({name: {"parameters": 3} for name in [*kept, "documentation"]}))
    forget()
    assert list(words().settings) == ["width", "mode"]


def test_few_states_of_a_package_are_kept(module):
    for width in range(12):
        module.write_text(CODE.replace("width: int = 3", f"width: int = {10**width}"))
        forget()
        assert words().settings["width"].default == 10**width or callable(words().factory)
    assert len(list((module.parent / "cache").rglob("recorded_in_a_test-*.json"))) == 8


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there are no such modes")
def test_record_that_others_may_write_counts_for_nothing(module):
    assert callable(words().factory)
    (file,) = (module.parent / "cache").rglob("*.json")
    file.chmod(0o666)
    forget()
    assert list(words().settings) == ["width", "mode"]
    assert "recorded_in_a_test" in sys.modules


def test_records_that_a_killed_process_left_are_removed(module):
    folder = module.parent / "cache" / "descriptions"
    folder.mkdir(parents=True)
    (folder / "old.tmp").touch()
    os.utime(folder / "old.tmp", (0, 0))
    (folder / "new.tmp").touch()
    assert callable(words().factory)
    assert [path.name for path in folder.glob("*.tmp")] == ["new.tmp"]


@pytest.mark.skipif(os.name == "nt", reason="folders of other users are another matter there")
def test_cache_that_cannot_be_written_does_no_harm(module, monkeypatch):
    file = module.parent / "file"
    file.touch()
    monkeypatch.setenv("SEQPIPE_CACHE", str(file))
    forget()
    assert list(words().settings) == ["width", "mode"]


def test_distribution_whose_entry_points_are_damaged_is_named(monkeypatch):
    class Damaged:
        name = "acme-broken"
        _path = "/somewhere/acme_broken-1.dist-info"

        @property
        def entry_points(self):
            raise ValueError("not enough values to unpack")

    entry_point = importlib.metadata.EntryPoint("seqpipe", "seqpipe.builtin", "seqpipe")
    good = SimpleNamespace(
        name="seqpipe", entry_points=importlib.metadata.EntryPoints([entry_point])
    )

    def refuse(**_):
        raise ValueError("not enough values to unpack")

    monkeypatch.setattr(_host, "entry_points", refuse)
    monkeypatch.setattr(_host, "distributions", lambda: [Damaged(), good])
    host = Host()
    assert host.plugin_names == ["seqpipe"]
    assert host.find("cells", "seqpipe.LSTM.v1").name == "seqpipe.LSTM.v1"
    (damaged,) = [plugin for plugin in host.survey() if plugin.state == "quarantined"]
    assert "acme_broken-1.dist-info/entry_points.txt" in damaged.trouble.reason
    with pytest.raises(PluginError, match="pip uninstall acme-broken"):
        host.check_environment()
