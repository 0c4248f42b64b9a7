import base64
import hashlib
import importlib
import sys

import pytest

from seqpipe.errors import EmbedderError
from seqpipe.parts.embedders.fasttext import library_version


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages with a module in the library's place, and nothing else."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "fasttext_pybind", raising=False)
    importlib.invalidate_caches()
    return tmp_path


def install(site, name, version, *, source="x = 1\n", put=True):
    if put:
        (site / "fasttext_pybind.py").write_text(source)
    digest = base64.urlsafe_b64encode(hashlib.sha256(source.encode()).digest()).decode().rstrip("=")
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "top_level.txt").write_text("fasttext_pybind\n")
    (info / "RECORD").write_text(f"fasttext_pybind.py,sha256={digest},{len(source)}\n")
    importlib.invalidate_caches()


def test_the_installed_library_is_named():
    assert library_version().startswith("fasttext-community ")


def test_newer_builds_are_accepted(site):
    install(site, "fasttext_community", "0.12.0")
    assert library_version() == "fasttext-community 0.12.0"


@pytest.mark.parametrize(
    ("name", "version"),
    [("fasttext", "0.9.3"), ("fasttext-wheel", "0.9.2"), ("fasttext-community", "0.11.8")],
)
def test_builds_that_leave_memory_uninitialised_are_refused(site, name, version):
    install(site, name, version)
    with pytest.raises(EmbedderError, match=f"{name} {version}.*uninitialised.*pip install"):
        library_version()


def test_the_one_whose_file_lies_there_counts(site):
    install(site, "fasttext", "0.9.3", source="x = 'original'\n")
    install(site, "fasttext-community", "0.11.9", source="x = 'community'\n")
    assert library_version() == "fasttext-community 0.11.9"
    (site / "fasttext_pybind.py").write_text("x = 'original'\n")
    with pytest.raises(EmbedderError, match=r"fasttext 0\.9\.3.*pip uninstall fasttext;"):
        library_version()


def test_two_that_cannot_be_distinguished_are_both_named(site):
    install(site, "fasttext", "0.9.3", source="x = 'original'\n")
    install(site, "fasttext-community", "0.11.9", source="x = 'community'\n")
    (site / "fasttext_pybind.py").write_text("x = 'neither'\n")
    with pytest.raises(EmbedderError, match=r"fasttext 0\.9\.3 or fasttext-community 0\.11\.9"):
        library_version()


def test_a_module_that_belongs_to_no_package_is_refused(site):
    (site / "fasttext_pybind.py").write_text("x = 1\n")
    importlib.invalidate_caches()
    with pytest.raises(EmbedderError, match="an unknown build"):
        library_version()


def test_without_the_library_the_error_says_how_to_install_it(site):
    with pytest.raises(
        EmbedderError, match=r"isn't installed; run: pip install .*fasttext-community"
    ):
        library_version()
