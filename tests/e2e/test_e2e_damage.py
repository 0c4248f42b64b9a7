"""A saved model that was damaged says so, and nothing of it is used."""

import shutil
import sys

import pytest
import spacy
from e2e.small_world import run_process

from seqpipe.adapters import _shim
from seqpipe.errors import SavedModelError
from seqpipe.parts.embedders.fasttext import _embedders

#: spaCy reads these itself before it asks anything of ours: the damage may show as an error of its own.
READ_BY_SPACY_FIRST = ("config.cfg", "vocab/strings.json")

#: What it says of the model decides nothing, and packaging rewrites it.
DESCRIPTION = "meta.json"

FILES = (
    "textcat/cfg",
    "textcat/model",
    "tok2vec/cfg",
    "tok2vec/model",
    "tokenizer",
    "vocab/embedder/embedder.json",
    "vocab/embedder/vectors.safetensors",
    "vocab/embedder/words.json",
    "vocab/key2row",
    "vocab/lookups.bin",
    "vocab/vectors",
    "vocab/vectors.cfg",
)


@pytest.fixture
def model(trained, tmp_path):
    """Return a copy of the trained model, to be damaged."""
    return shutil.copytree(trained.model, tmp_path / "model")


@pytest.fixture
def _nothing_is_parsed(monkeypatch):
    def refuse(*_args, **_settings):
        raise AssertionError("weights were parsed before the manifest was checked")

    monkeypatch.setattr(_shim, "load_tensors", refuse)
    monkeypatch.setattr(_embedders, "read_vectors", refuse)


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_these_are_all_files_of_a_model(trained):
    files = {
        p.relative_to(trained.model).as_posix() for p in trained.model.rglob("*") if p.is_file()
    }
    assert files == {*FILES, *READ_BY_SPACY_FIRST, DESCRIPTION, "seqpipe-manifest.json"}


@pytest.mark.usefixtures("_nothing_is_parsed")
@pytest.mark.parametrize("damage", ["flipped", "cut", "missing"])
@pytest.mark.parametrize("name", FILES)
def test_damaged_file_is_named_before_weights_are_parsed(model, name, damage):
    path = model / name
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        flip(path, path.stat().st_size // 2)
    with pytest.raises(SavedModelError) as error:
        spacy.load(model)
    assert name in str(error.value)


@pytest.mark.usefixtures("_nothing_is_parsed")
@pytest.mark.parametrize("name", READ_BY_SPACY_FIRST)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_damaged_file_that_spacy_reads_first_is_an_error_too(model, name, share):
    flip(model / name, int((model / name).stat().st_size * share))
    # spaCy's error depends on what the byte became.
    with pytest.raises(Exception) as error:
        spacy.load(model)
    assert not isinstance(error.value, AssertionError)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_damaged_manifest_is_an_error(model, share):
    manifest = model / "seqpipe-manifest.json"
    flip(manifest, int(manifest.stat().st_size * share))
    # A digit of a hash that was changed makes the file look changed that it belongs to; the name of the format, the
    # manifest that of something else.
    with pytest.raises(SavedModelError, match=r"is damaged|the manifest of something other"):
        spacy.load(model)


def test_added_file_is_an_error(model):
    (model / "tok2vec" / "more").write_bytes(b"more")
    with pytest.raises(SavedModelError, match="tok2vec/more"):
        spacy.load(model)


def test_fresh_process_that_knows_nothing_of_seqpipe_refuses_too(model, tmp_path):
    flip(model / "tok2vec/model", 1000)
    code = "import spacy, sys; spacy.load(sys.argv[1])"
    done = run_process([sys.executable, "-c", code, str(model)], cwd=tmp_path)
    assert done.returncode != 0
    assert "SavedModelError" in done.stderr and "tok2vec/model has other content" in done.stderr
