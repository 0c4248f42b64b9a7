"""Who a plugin belongs to is read from metadata, whatever state they're in."""

from importlib.metadata import Distribution, EntryPoint
from types import SimpleNamespace

import pytest

from seqpipe import __version__
from seqpipe.plugins import Owner
from seqpipe.plugins._owner import owner_of


@pytest.fixture
def installed(tmp_path):
    """Return a function from metadata, or None for no such file, to the owner of a plugin in it."""

    def read(metadata):
        folder = tmp_path / "acme_parts-1.0.dist-info"
        folder.mkdir()
        if metadata is not None:
            (folder / "METADATA").write_text(metadata, encoding="utf-8")
        entry_point = EntryPoint("acme", "acme_parts", "seqpipe")
        return owner_of(entry_point._for(Distribution.at(folder)))

    return read


def test_owner_is_read_from_metadata(installed):
    owner = installed(
        "Metadata-Version: 2.1\nName: acme-parts\nVersion: 1.0\nRequires-Dist: seqpipe>=1,<2\n"
    )
    assert owner == Owner("acme-parts", "1.0") and str(owner) == "acme-parts 1.0"
    assert owner.requires == ("seqpipe>=1,<2",)
    assert owner.is_distribution and not owner.is_seqpipe


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (None, "acme_parts"),
        ("", "acme_parts"),
        ("Metadata-Version: 2.1\nVersion: 1.0\n", "acme_parts 1.0"),
        ("Metadata-Version: 2.1\nName: acme-parts\n", "acme-parts"),
        ("\x00\x01 nothing of the kind", "acme_parts"),
    ],
)
def test_what_metadata_lack_is_left_out(installed, metadata, expected):
    assert str(installed(metadata)) == expected


def test_entry_point_without_a_distribution_is_called_as_its_module():
    owner = owner_of(EntryPoint("acme", "acme_parts", "seqpipe"))
    assert str(owner) == "acme_parts" and not owner.is_distribution


@pytest.mark.parametrize("name", ["seqpipe", "Seqpipe", "SEQPIPE"])
def test_seqpipe_is_known_by_any_spelling(name):
    assert Owner(name, "1.0").is_seqpipe


@pytest.mark.parametrize(
    ("requirement", "unmet"),
    [
        (f"seqpipe=={__version__}", None),
        ("seqpipe", None),
        ("seqpipe>=1000,<1001", "seqpipe<1001,>=1000"),
        ("SeqPipe>=1000", "seqpipe>=1000"),
        ("seqpipe>=1000; python_version < '3'", None),
        ("seqpipe>=1000; extra == 'torch'", None),
        ("seqpipe @ https://example.org/seqpipe.zip", None),
        ("other>=1000", None),
        ("seqpipe>=1000 or so", None),
        ("seqpipe; no_such_variable == '1'", None),
        ("seqpipe>=1000; python_version ~= 'three'", None),
    ],
)
def test_requirement_of_seqpipe_is_compared_with_this_release(requirement, unmet):
    assert Owner("acme", "1.0", ("torch>=2", requirement)).unmet() == unmet


def test_release_candidates_count(monkeypatch):
    monkeypatch.setattr("seqpipe.plugins._owner.__version__", "1.1.0rc1")
    assert Owner("acme", "1.0", ("seqpipe>=1,<2",)).unmet() is None


def test_unreadable_requirements_are_left_out():
    lines = ("torch>=2", "???", "numpy; sys_platform == 'nowhere'")
    assert [str(each) for each in Owner("acme", "1.0", lines).requirements()] == ["torch>=2"]


def test_metadata_that_raise_are_no_ones_problem():
    class Broken:
        name = property(lambda self: 1 / 0)
        version = property(lambda self: {}["Version"])
        requires = property(lambda self: [][0])

    owner = owner_of(EntryPoint("acme", "acme_parts", "seqpipe")._for(Broken()))
    assert owner == Owner("acme_parts", "") and owner.requires == ()
    no_requires = EntryPoint("acme", "m", "seqpipe")._for(SimpleNamespace(name="a", version="1"))
    assert owner_of(no_requires) == Owner("a", "1")
