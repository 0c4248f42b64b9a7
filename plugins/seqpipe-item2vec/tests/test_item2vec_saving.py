"""What's wrong with files is told. The contract's checks damage them in other ways."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from seqpipe.errors import SavedModelError

from seqpipe_item2vec._item2vec import Item2Vec


@pytest.fixture
def folder(fitted, tmp_path):
    fitted.to_disk(tmp_path)
    return tmp_path


def test_predictions_come_along(fitted, folder):
    again = Item2Vec(width=8, negative_exponent=0.0)
    again.from_disk(folder)
    assert np.array_equal(again.predict(["rice"]), fitted.predict(["rice"]))


@pytest.mark.parametrize(
    "change", [{"window": "5"}, {"threads": 0}, {"width": 4}, {"more": 1}, {"epochs": True}]
)
def test_damaged_settings_are_refused(folder, change):
    path = folder / "embedder.json"
    told = json.loads(path.read_text())
    told["settings"] |= change
    path.write_text(json.dumps(told))
    with pytest.raises(SavedModelError, match="is damaged"):
        Item2Vec(width=8).from_disk(folder)


@pytest.mark.parametrize(("name", "value"), [("items", np.nan), ("outputs", np.inf), ("counts", 0)])
def test_damaged_numbers_are_refused(folder, name, value):
    path = folder / "vectors.safetensors"
    arrays = {key: array.copy() for key, array in load_file(path).items()}
    arrays[name].flat[3] = value
    save_file(arrays, path)
    with pytest.raises(SavedModelError, match="is damaged"):
        Item2Vec(width=8).from_disk(folder)


def test_another_width_is_refused(folder):
    with pytest.raises(SavedModelError, match=r"`items` is float32 \[9, 8\], not float32 \[9, 4\]"):
        Item2Vec(width=4).from_disk(folder)
