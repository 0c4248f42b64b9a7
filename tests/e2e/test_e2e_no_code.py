"""A saved model holds no code: every byte of it belongs to a format that's only data."""

import io
import json
import pickle

import numpy as np
import pytest
import srsly
import torch
from confection import Config
from e2e.small_world import python
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from thinc.api import Linear, PyTorchWrapper, chain

#: Loads a pipeline where whatever could run code while it reads raises.
LOAD = """
import _pickle, pickle, sys

class Refused:
    def __init__(self, *_args, **_settings):
        raise SystemExit("a pickle was read")

def refuse(*_args, **_settings):
    raise SystemExit("a pickle was read")

for module in (pickle, _pickle):
    module.load = module.loads = refuse
    module.Unpickler = Refused
pickle._Unpickler = Refused
import spacy, torch
torch.load = torch.serialization.load = torch.jit.load = refuse
sys.addaudithook(lambda event, _: refuse() if event == "pickle.find_class" else None)
nlp = spacy.load(sys.argv[1])
print(nlp("the gull of the harbour").cats["sea"])
try:
    pickle.loads(b"")
except SystemExit:
    print("guarded")
"""

#: What the readers of the formats raise where something else, or something more, stands.
NOT_DATA = (srsly.msgpack.exceptions.UnpackException, ValueError)


def check(name, data):
    """Raise an error unless a file is of a known format from its first byte to its last."""
    if name.endswith((".json", "/cfg", "/vectors.cfg")):  # the latter is spaCy's, and JSON
        json.loads(data)
    elif name.endswith(".cfg"):
        Config().from_str(data.decode("utf-8"), interpolate=False)
    elif name == "vocab/vectors":
        stream = io.BytesIO(data)
        np.load(stream, allow_pickle=False)
        if stream.read(1):
            raise ValueError("more follows the array")
    elif name.endswith(".safetensors"):
        load_tensors(data)
    else:
        _check_msgpack(data)


def _check_msgpack(data):
    # The hook keeps arrays from being decoded: those of objects would be unpickled.
    unpacked = srsly.msgpack.unpackb(data, object_pairs_hook=list, raw=False, strict_map_key=False)
    for value in _values_in(unpacked):
        if isinstance(value, bytes) and value and not _is_safetensors(value):
            _check_msgpack(value)
        elif not isinstance(value, (bytes, str, int, float, type(None))):
            raise ValueError(f"there is {value!r}")


def _values_in(value):
    if isinstance(value, (list, tuple)):
        for inner in value:
            yield from _values_in(inner)
    else:
        yield value


def _is_safetensors(data):
    try:
        load_tensors(data)
    except Exception:
        return False
    return True


def test_every_file_is_data_of_a_known_format(trained):
    files = [path for path in trained.model.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        check(path.relative_to(trained.model).as_posix(), path.read_bytes())


def test_weights_are_in_safetensors_inside_spacys_model_files(trained):
    for name in ("tok2vec", "textcat"):
        model = srsly.msgpack_loads((trained.model / name / "model").read_bytes())
        shims = [shim for node in model["shims"] for shim in node if shim]
        assert shims and all(_is_safetensors(shim) for shim in shims)


def test_loading_works_where_no_pickle_can_be_read(trained, tmp_path):
    score, guarded = python(LOAD, str(trained.model), cwd=tmp_path).split()
    assert float(score) > 0.5
    assert guarded == "guarded"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("wrap", [bytes, lambda data: srsly.msgpack_dumps({"shims": [[data]]})])
def test_check_finds_a_pickle(wrap, protocol):
    planted = pickle.dumps({"width": [16]}, protocol=protocol)
    with pytest.raises(NOT_DATA):
        check("tok2vec/model", wrap(planted))


def test_check_finds_what_torch_and_thinc_would_have_written():
    archive = io.BytesIO()
    torch.save(torch.nn.Linear(2, 2).state_dict(), archive)
    theirs = chain(PyTorchWrapper(torch.nn.Linear(2, 2)), Linear(2, 2)).initialize()
    for planted in (archive.getvalue(), theirs.to_bytes()):
        with pytest.raises(NOT_DATA):
            check("tok2vec/model", planted)


def test_check_accepts_what_it_should():
    weights = save_tensors({"w": torch.zeros(2)})
    check("tok2vec/model", srsly.msgpack_dumps({"shims": [[weights], [b""]], "index": 1}))
