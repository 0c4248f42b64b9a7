"""The files of saved parts."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.errors import SavedModelError
from seqpipe.storage import part_files

TYPES = {"width": int, "lower": bool}
SETTINGS = {"width": 3, "lower": True}
# Lone surrogates too: a word may be any text that Python can hold.
WORDS = st.text(st.characters(), max_size=5)


@given(words=st.lists(WORDS, unique=True, max_size=8))
def test_words_come_back(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("saved") / "words.json"
    part_files.write_words(path, words)
    assert part_files.read_words(path) == tuple(words)


def test_settings_come_back(tmp_path):
    path = tmp_path / "settings.json"
    part_files.write_settings(path, {**SETTINGS, "unread": 1}, kind="Mine")
    assert part_files.read_settings(path, TYPES, kind="Mine") == SETTINGS


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format": 2}, "isn't the settings of Mine, in the format 1"),
        ({"kind": "Other"}, "is of Other, not of Mine"),
        ({"kind": None}, "isn't the settings of Mine, in the format 1"),
        ({"width": "3"}, "is damaged: `width` is '3'"),
        ({"width": True}, "is damaged: `width` is True"),
        ({"lower": None}, "is damaged: `lower` is None"),
    ],
)
def test_settings_of_something_else_are_refused(tmp_path, changed, message):
    path = tmp_path / "settings.json"
    part_files.write_settings(path, SETTINGS, kind="Mine")
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(SavedModelError, match=message):
        part_files.read_settings(path, TYPES, kind="Mine")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path, content):
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    with pytest.raises(SavedModelError, match="can't be read"):
        part_files.read_settings(path, TYPES, kind="Mine")


@pytest.mark.parametrize(
    ("value", "message"),
    [({}, "isn't a list of words"), (["a", 1], "isn't a list of words"), (["a", "a"], "twice")],
)
def test_what_is_no_list_of_distinct_words_is_refused(tmp_path, value, message):
    part_files.write_json(tmp_path / "words.json", value)
    with pytest.raises(SavedModelError, match=message):
        part_files.read_words(tmp_path / "words.json")


def test_arrays_come_back_whatever_their_strides(tmp_path):
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    arrays = {"turned": array.T, "skipped": array[:, ::2], "empty": array[:0]}
    part_files.write_arrays(tmp_path / "arrays.safetensors", arrays)
    found = part_files.read_arrays(tmp_path / "arrays.safetensors")
    assert set(found) == set(arrays)
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)


def test_arrays_that_are_damaged_are_refused(tmp_path):
    path = tmp_path / "arrays.safetensors"
    part_files.write_arrays(path, {"a": np.zeros(3)})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SavedModelError, match="can't be read"):
        part_files.read_arrays(path)


def test_types_that_numpy_does_not_know_are_refused(tmp_path):
    path = tmp_path / "arrays.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(3, dtype=torch.bfloat16)}, path)
    with pytest.raises(SavedModelError, match="can't be read"):
        part_files.read_arrays(path)


def test_settings_cannot_be_taken_for_the_kind(tmp_path):
    part_files.write_settings(
        tmp_path / "a.json", {"kind": "Other", "format": 9, "a": 1}, kind="Mine"
    )
    assert part_files.read_settings(tmp_path / "a.json", {"a": int}, kind="Mine") == {"a": 1}


def test_a_folder_that_is_not_there_is_reported(tmp_path):
    path = tmp_path / "missing" / "file"
    for write in (
        lambda: part_files.write_json(path, 1),
        lambda: part_files.write_settings(path, {}, kind="Mine"),
        lambda: part_files.write_arrays(path, {"a": np.zeros(1)}),
    ):
        with pytest.raises(SavedModelError, match="can't be written"):
            write()
