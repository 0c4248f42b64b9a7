import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpipe.errors import SavedModelError
from seqpipe.storage import _files, _manifest, has_manifest, verify_folder, write_folder
from seqpipe.storage._manifest import discard_manifest

NAMES = ["config.cfg", "model", "vocab/strings.json", "vocab/key2row"]
contents = st.fixed_dictionaries({name: st.binary(max_size=60) for name in NAMES})


def save(target, files):
    def write(folder):
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)

    write_folder(target, write)
    return target


@pytest.fixture
def model(tmp_path):
    return save(tmp_path / "model", {name: name.encode() for name in NAMES})


def flip(path, draw):
    content = bytearray(path.read_bytes() or b"\0")
    content[draw(st.integers(0, len(content) - 1))] ^= draw(st.integers(1, 255))
    path.write_bytes(content)


def truncate(path, draw):
    content = path.read_bytes()
    path.write_bytes(content[: draw(st.integers(0, len(content) - 1))] if content else b"+")


def remove(path, draw):
    path.unlink()


def add(path, draw):
    # Beside a file of a part: whatever stands there, the part might read.
    inner = path if path.parent.name == "vocab" else path.parent / "vocab" / path.name
    inner.with_name(path.name + ".bak").write_bytes(draw(st.binary(max_size=3)))


@settings(max_examples=150, deadline=None)
@given(st.data(), contents, st.sampled_from([flip, truncate, remove, add]))
def test_any_single_change_is_noticed(data, files, change):
    name = data.draw(st.sampled_from([*NAMES, "seqpipe-manifest.json"]))
    with tempfile.TemporaryDirectory() as folder:
        model = save(Path(folder, "model"), files)
        verify_folder(model)
        change(model / name, data.draw)
        with pytest.raises(SavedModelError):
            verify_folder(model)


def test_every_byte_of_the_manifest_counts(model):
    path = model / "seqpipe-manifest.json"
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x20]) + whole[position + 1 :])
        with pytest.raises(SavedModelError):
            verify_folder(model)
    path.write_bytes(whole)
    verify_folder(model)


def test_each_problem_is_named(model):
    (model / "model").unlink()
    (model / "config.cfg").write_text("x")
    (model / "vocab" / "key2row").write_text("vocab/key2roW")
    (model / "vocab" / "extra").touch()
    with pytest.raises(SavedModelError) as caught:
        verify_folder(model)
    lines = str(caught.value).splitlines()[1:-1]
    assert lines == [
        "  model is missing",
        "  config.cfg has 1 bytes instead of 10",
        "  vocab/key2row has other content",
        "  vocab/extra was not there when it was saved",
    ]


def test_only_the_first_problems_are_named(model):
    for number in range(9):
        (model / "vocab" / f"extra{number}").touch()
    with pytest.raises(SavedModelError, match="and 4 more"):
        verify_folder(model)


def test_a_file_is_read_once_and_only_if_its_size_is_right(model, monkeypatch):
    read = []

    def hash_file(path):
        read.append(path.relative_to(model).as_posix())
        return _files.hash_file(path)

    monkeypatch.setattr(_manifest, "hash_file", hash_file)
    verify_folder(model)
    assert sorted(read) == sorted(NAMES)
    read.clear()
    (model / "model").write_text("longer than before")
    with pytest.raises(SavedModelError):
        verify_folder(model)
    assert "model" not in read


def test_files_longer_than_a_piece_are_hashed_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "_CHUNK", 7)
    model = save(tmp_path / "model", {"model": bytes(range(100))})
    verify_folder(model)
    (model / "model").write_bytes(bytes([*range(99), 0]))
    with pytest.raises(SavedModelError, match="other content"):
        verify_folder(model)


def test_what_file_managers_leave_behind_is_no_problem(model):
    (model / "vocab" / ".DS_Store").touch()
    (model / "._model").touch()
    verify_folder(model)


def test_files_that_no_part_reads_are_no_problem(model):
    for name in ("README.md", "LICENSE", ".gitattributes", ".git/objects/ab", "vocab/.gitkeep"):
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).touch()
    verify_folder(model)


def test_the_description_may_be_rewritten_and_must_be_there(tmp_path):
    model = save(tmp_path / "model", {"meta.json": b"{}", "model": b"weights"})
    (model / "meta.json").write_text('{"name": "packaged"}')
    verify_folder(model)
    (model / "meta.json").unlink()
    with pytest.raises(SavedModelError, match=r"meta\.json is missing"):
        verify_folder(model)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_beside_a_model_is_no_problem(model, tmp_path):
    (model / "notes").symlink_to(tmp_path)
    verify_folder(model)


def test_a_file_of_such_a_name_that_was_saved_is_checked(tmp_path):
    model = save(tmp_path / "model", {".DS_Store": b"saved"})
    (model / ".DS_Store").write_bytes(b"other")
    with pytest.raises(SavedModelError, match="other content"):
        verify_folder(model)


@pytest.mark.parametrize("place", ["model", "vocab", "vocab/added"])
@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_is_refused_wherever_it_points(model, tmp_path, place):
    path = model / place
    if path.exists():
        path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    with pytest.raises(SavedModelError, match="symbolic link"):
        verify_folder(model)


@pytest.mark.parametrize("make", [Path.touch, lambda path: None])
def test_a_path_that_is_no_folder_is_refused(tmp_path, make):
    make(tmp_path / "model")
    with pytest.raises(SavedModelError, match="no saved model"):
        verify_folder(tmp_path / "model")


def write_manifest(model, **changes):
    path = model / "seqpipe-manifest.json"
    manifest = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


@pytest.mark.parametrize(
    "name",
    [
        "../model",
        "/etc/passwd",
        "vocab/../../x",
        "C:/x",
        "a\\b",
        "",
        ".",
        "a//b",
        "seqpipe-manifest.json",
    ],
)
def test_a_path_that_leaves_the_folder_is_refused(model, name):
    write_manifest(model, files={name: {"sha256": "0" * 64, "size": 1}})
    with pytest.raises(SavedModelError, match="can't be the path"):
        verify_folder(model)


@pytest.mark.parametrize(
    "changes",
    [
        {"files": ["model"]},
        {"files": {"model": {"sha256": "0" * 64}}},
        {"files": {"model": {"sha256": "0" * 63, "size": 1}}},
        {"files": {"model": {"sha256": 0, "size": 1}}},
        {"files": {"model": {"sha256": "0" * 64, "size": 1.0}}},
        {"files": {"model": {"sha256": "0" * 64, "size": 1, "more": 1}}},
        {"more": 1},
    ],
)
def test_a_manifest_of_another_shape_is_refused(model, changes):
    write_manifest(model, **changes)
    with pytest.raises(SavedModelError, match="is damaged"):
        verify_folder(model)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_no_json_object_is_refused(model, content):
    (model / "seqpipe-manifest.json").write_bytes(content)
    with pytest.raises(SavedModelError, match="is damaged"):
        verify_folder(model)


def test_a_manifest_of_a_later_version_is_refused(model):
    write_manifest(model, version=2)
    with pytest.raises(SavedModelError, match="version 2; this release of seqpipe reads version 1"):
        verify_folder(model)


def test_a_manifest_of_something_else_is_refused(model):
    write_manifest(model, format="web-app")
    with pytest.raises(SavedModelError, match="other than a seqpipe model"):
        verify_folder(model)


def test_a_discarded_manifest_is_missed(model):
    assert has_manifest(model)
    discard_manifest(model)
    discard_manifest(model)
    assert not has_manifest(model)
    with pytest.raises(SavedModelError, match=r"no seqpipe-manifest\.json"):
        verify_folder(model)


def test_a_manifest_that_cannot_be_discarded_is_reported(tmp_path):
    (tmp_path / "seqpipe-manifest.json").mkdir()
    with pytest.raises(SavedModelError, match="can't be removed"):
        discard_manifest(tmp_path)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything"
)
def test_a_file_that_cannot_be_read_is_named(model):
    (model / "model").chmod(0)
    with pytest.raises(SavedModelError, match="model can't be read: Permission denied"):
        verify_folder(model)
