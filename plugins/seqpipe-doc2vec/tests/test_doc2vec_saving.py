"""What's wrong with files is told. The contract's checks damage them in other ways."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from seqpipe.errors import SavedModelError

from seqpipe_doc2vec._bag import BagOfWords, BagOfWords2
from seqpipe_doc2vec._memory import DistributedMemory, DistributedMemory2

KINDS = [BagOfWords, DistributedMemory, BagOfWords2, DistributedMemory2]


@pytest.fixture
def folder(fitted, tmp_path):
    fitted.to_disk(tmp_path)
    return tmp_path


def read(fitted, folder, width=12):
    type(fitted)(width=width).from_disk(folder)


def test_the_settings_come_along(fitted, folder, documents):
    again = type(fitted)(width=12, inference_epochs=99)
    again.from_disk(folder)
    assert np.array_equal(again.embed_document(documents[3]), fitted.embed_document(documents[3]))


@pytest.mark.parametrize("other", KINDS)
def test_another_kind_is_refused(fitted, folder, other):
    if other is type(fitted):
        pytest.skip("it's the same kind")
    with pytest.raises(SavedModelError, match=f"is of {type(fitted).__name__}, not of"):
        other(width=12).from_disk(folder)


def test_another_width_is_refused(fitted, folder):
    with pytest.raises(
        SavedModelError, match=r"`words` is float32 \[17, 12\], not float32 \[17, 8\]"
    ):
        read(fitted, folder, width=8)


@pytest.mark.parametrize("change", [{"window": "5"}, {"threads": 0}, {"width": 8}, {"more": 1}])
def test_damaged_settings_are_refused(fitted, folder, change):
    path = folder / "embedder.json"
    told = json.loads(path.read_text())
    told["settings"] |= change
    path.write_text(json.dumps(told))
    with pytest.raises(SavedModelError, match="is damaged"):
        read(fitted, folder)


@pytest.mark.parametrize(
    ("name", "value"), [("words", np.nan), ("outputs", np.inf), ("counts", 0), ("counts", -1)]
)
def test_damaged_numbers_are_refused(fitted, folder, name, value):
    path = folder / "vectors.safetensors"
    arrays = {key: array.copy() for key, array in load_file(path).items()}
    arrays[name].flat[3] = value
    save_file(arrays, path)
    with pytest.raises(SavedModelError, match="is damaged"):
        read(fitted, folder)


def test_refused_files_leave_what_was_there(fitted, folder):
    embedder = type(fitted)(width=12)
    embedder.from_disk(folder)
    (folder / "words.json").write_text("[]")
    with pytest.raises(SavedModelError):
        embedder.from_disk(folder)
    assert np.array_equal(embedder.embed(["rose"]), fitted.embed(["rose"]))
