"""What's saved is read again, and what's damaged is told. The contract's checks damage files in other ways."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from senses_examples import PSEUDO
from seqpipe.errors import SavedModelError

TEXT = ["rose1", PSEUDO, "soil3", "the", PSEUDO, "unknown"]


@pytest.fixture
def folder(fitted, tmp_path):
    fitted.to_disk(tmp_path)
    return tmp_path


def test_saved_it_gives_the_same(fitted, folder, maker):
    again = maker(context=3)
    again.from_disk(folder)
    assert again.senses_of(TEXT) == fitted.senses_of(TEXT)
    assert again.senses(PSEUDO) == fitted.senses(PSEUDO)
    assert again.ambiguous == fitted.ambiguous
    np.testing.assert_array_equal(again.embed_in_context(TEXT), fitted.embed_in_context(TEXT))


@pytest.mark.parametrize(
    "change", [{"context": "5"}, {"context": 0}, {"context": None}, {"lower": 1}]
)
def test_damaged_settings_are_refused(folder, maker, change):
    path = folder / "embedder.json"
    told = json.loads(path.read_text())
    told["settings"] |= change
    path.write_text(json.dumps(told))
    with pytest.raises(SavedModelError, match="is damaged"):
        maker().from_disk(folder)


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("words", -1, 10_000),
        ("words", 0, -1),
        ("starts", 0, 1),
        ("starts", -1, 5),
        ("starts", -1, -3),
        ("counts", 0, -1),
        ("vectors", 0, np.nan),
        ("centres", 0, np.inf),
    ],
)
def test_damaged_numbers_are_refused(folder, maker, name, place, value):
    path = folder / "vectors.safetensors"
    arrays = {key: array.copy() for key, array in load_file(path).items()}
    arrays[name].flat[place] = value
    save_file(arrays, path)
    with pytest.raises(SavedModelError, match="is damaged"):
        maker().from_disk(folder)


@pytest.mark.parametrize("name", ["starts", "counts", "centres", "vectors"])
def test_arrays_of_another_length_are_refused(folder, maker, name):
    path = folder / "vectors.safetensors"
    arrays = {key: array.copy() for key, array in load_file(path).items()}
    arrays[name] = arrays[name][:0]
    save_file(arrays, path)
    with pytest.raises(SavedModelError, match="is damaged"):
        maker().from_disk(folder)


def test_refused_files_leave_what_was_there(fitted, folder, maker):
    embedder = maker()
    embedder.from_disk(folder)
    (folder / "words.json").write_text("[]")
    with pytest.raises(SavedModelError):
        embedder.from_disk(folder)
    assert embedder.senses_of(TEXT) == fitted.senses_of(TEXT)
