"""Pipelines on another device than the CPU: a pretended one, whose tensors torch refuses to mix with the CPU's."""

import copy
import json
import pickle
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import spacy
import torch
from pretended_device import DEVICE, There, pretended_device
from thinc.api import Adam

import seqpipe
from seqpipe import devices
from seqpipe.adapters import device_of, move_pipeline, placement_of, torch_shims
from seqpipe.adapters._shim import as_array
from seqpipe.config import PipelineFileError
from seqpipe.devices import Placement
from seqpipe.errors import ConfigError
from seqpipe.explanation import explain, look_at_neurons
from seqpipe.inference import load_pipeline
from seqpipe.run import run

SAVED = Path(__file__).parents[1] / "saved_models"
TEXTS = ["the gull near the reef", "an owl of Oak", "", "tidewater undermoss", "wave oak"]
FILE = """
[pipeline]
device = "cuda"

[data]
@readers = "seqpipe.Jsonl.v1"
path = "{path}"

[embedder]
@seqpipe_embedders = "seqpipe.Pretrained.v1"
path = "{vectors}"
trained_width = 4
characters = 6

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 8
dropout = 0

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v2"

[training]
max_epochs = 1
adversarial = 0.1

[training.batcher]
@batchers = "spacy.batch_by_sequence.v1"
size = 4
"""
LANGUAGE_MODEL = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "{path}"

[language_model]
width = 8
epochs = 1
sequence_length = 16
batch_size = 4
"""


@pytest.fixture
def there():
    """Have the pretended device stand for whatever is named."""
    with pretended_device() as device, mock.patch.object(devices, "_find", lambda name: device):
        yield device


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    words = ["one", "two", "number", "of", "them"]
    rows = [{"text": f"{w} number {i} of them", "label": w} for w in words[:2] for i in range(10)]
    (folder / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    numbers = np.random.default_rng(0).normal(size=(len(words), 4)).round(3)
    lines = [f"{w} {' '.join(map(str, row))}\n" for w, row in zip(words, numbers, strict=True)]
    (folder / "vectors.vec").write_text(f"{len(words)} 4\n" + "".join(lines))
    return {
        "path": (folder / "texts.jsonl").as_posix(),
        "vectors": (folder / "vectors.vec").as_posix(),
    }


@pytest.fixture
def file(data, tmp_path):
    file = tmp_path / "pipeline.cfg"
    file.write_text(FILE.format(**data))
    return file


def tensors_of(nlp):
    shims = [shim for _, pipe in nlp.pipeline for shim in torch_shims(pipe)]
    return [tensor for shim in shims for tensor in shim.module.state_dict().values()]


def test_pretended_device_refuses_what_a_gpu_refuses():
    with pretended_device() as device:
        moved = torch.ones(2, 3).to(device)
        assert isinstance(moved, There) and moved.device.type == DEVICE
        with pytest.raises(RuntimeError, match="on the CPU"):
            moved + torch.ones(2, 3)
        with pytest.raises(TypeError, match="numpy"):
            moved.numpy()
        assert (moved * 2).cpu().tolist() == [[2.0] * 3] * 2


def test_arrays_of_tensors_elsewhere_are_on_the_host_without_cupy():
    with pretended_device() as device, mock.patch("seqpipe.adapters._shim.torch2xp") as by_cupy:
        tensor = torch.arange(6.0).view(2, 3).to(device).requires_grad_()
        found = as_array(tensor)
    assert isinstance(found, np.ndarray) and found.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert not by_cupy.called


@pytest.mark.parametrize("name", ["text-classifier", "tagger"])
def test_predictions_elsewhere_are_those_of_the_cpu(there, name):
    predictors = [
        seqpipe.Predictor(SAVED / name, device=device, vectors=True) for device in (None, "cuda")
    ]
    found, moved = (each.predict(TEXTS) for each in predictors)
    assert [device_of(each.nlp) for each in predictors] == ["cpu", DEVICE]
    assert all(isinstance(each, There) for each in tensors_of(predictors[1].nlp))
    for one, other in zip(found, moved, strict=True):
        assert_close(one, other)


def assert_close(one, other):
    """Compare what's predicted of a text; numbers may differ by rounding."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = [*one.values()], [*other.values()]
    if isinstance(one, list | tuple):
        for a, b in zip(one, other, strict=True):
            assert_close(a, b)
    else:
        assert one == (pytest.approx(other, abs=1e-5) if isinstance(one, float) else other)


@pytest.mark.slow
def test_what_was_trained_where_the_file_says_loads_elsewhere(file, tmp_path):
    with pretended_device() as device, mock.patch.object(devices, "_find", lambda name: device):
        result = run(file, output=tmp_path / "there")
    machine = result.report["machine"]
    assert (machine["device"], machine["precision"]) == (DEVICE, "float32")
    assert "device" not in (result.model / "config.cfg").read_text()
    nlp = spacy.load(result.model)
    assert device_of(nlp) == "cpu" and not any(isinstance(each, There) for each in tensors_of(nlp))
    file.write_text(file.read_text().replace('"cuda"', '"cpu"'))
    own = spacy.load(run(file, output=tmp_path / "here").model)
    for text in TEXTS[1:]:
        assert nlp(text).cats == pytest.approx(own(text).cats, abs=1e-3)


def test_thinc_optimizers_step_weights_elsewhere(there):
    nlp = spacy.load(SAVED / "text-classifier")
    move_pipeline(nlp, Placement(there))
    (shim,) = torch_shims(nlp.get_pipe("tok2vec"))
    before = {name: each.cpu().clone() for name, each in shim.module.named_parameters()}
    for parameter in shim.module.parameters():
        parameter.grad = torch.ones_like(parameter)
    shim.finish_update(Adam(0.1, L2=0.0, grad_clip=0))
    for name, parameter in shim.module.named_parameters():
        assert parameter.device.type == DEVICE
        torch.testing.assert_close(parameter.cpu(), before[name] - 0.1, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_language_models_train_and_write_elsewhere(data, tmp_path):
    file = tmp_path / "characters.cfg"
    file.write_text(LANGUAGE_MODEL.format(**data))
    here = run(file, output=tmp_path / "here").report
    with pretended_device() as device, mock.patch.object(devices, "_find", lambda name: device):
        there = run(file, output=tmp_path / "there", device="cuda").report
    assert there["machine"]["device"] == DEVICE and here["machine"]["device"] == "cpu"
    assert there["sample"] == here["sample"]
    assert there["dev"]["perplexity"] == pytest.approx(here["dev"]["perplexity"], rel=1e-3)
    nlp = spacy.load(tmp_path / "there" / "model-best")
    assert nlp("one number")._.perplexity > 1


@pytest.mark.slow
def test_explanations_of_a_model_elsewhere(there):
    model = str(SAVED / "text-classifier")
    found = [explain(load_pipeline(model, device=d), TEXTS[0]) for d in (None, "cuda")]
    one, other = (each.to_json()["explained"][0]["words"] for each in found)
    assert one == pytest.approx(other, abs=1e-3) and any(one)
    assert look_at_neurons(load_pipeline(model, device="cuda"), TEXTS[0]) is not None


def test_modules_that_are_made_later_are_made_there(there):
    nlp = spacy.load(SAVED / "text-classifier")
    move_pipeline(nlp, Placement(there))
    (shim,) = torch_shims(nlp.get_pipe("tok2vec"))
    shim.from_bytes(shim.to_bytes())
    assert shim.device.type == DEVICE
    assert shim.copy().device.type == DEVICE
    assert placement_of(nlp) == Placement(there)


def test_bfloat16_is_close_and_comes_out_as_float32():
    exact = seqpipe.Predictor(SAVED / "tagger", vectors=True)
    rough = seqpipe.Predictor(SAVED / "tagger", vectors=True, device="cpu", precision="bfloat16")
    one, other = exact.predict(TEXTS[:2]), rough.predict(TEXTS[:2])
    assert one[0]["vector"] == pytest.approx(other[0]["vector"], abs=0.05)
    assert {node.dtype for node in tensors_of(rough.nlp) if node.is_floating_point()} == {
        torch.float32
    }


def test_predictor_takes_its_device_along():
    predictor = seqpipe.Predictor(SAVED / "tagger", device="auto", precision="bfloat16")
    there = pickle.loads(pickle.dumps(predictor))
    assert (there.device, there.precision) == ("auto", "bfloat16")
    assert there.nlp is not None
    assert copy.copy(predictor).device == "auto"


def test_predictor_refuses_a_misspelt_device_at_once():
    with pytest.raises(ConfigError, match='did you mean "cuda:1"'):
        seqpipe.Predictor("absent", device="cdua:1")


def test_absent_device_is_reported_at_its_place(file, tmp_path):
    with (
        mock.patch("torch.cuda.is_available", return_value=False),
        pytest.raises(PipelineFileError) as error,
    ):
        run(file, output=tmp_path / "out")
    message = str(error.value)
    assert "pipeline.cfg:3:10" in message and "[pipeline]: `device`" in message
    assert "There is: cpu" in message
    assert not (tmp_path / "out").exists()


def test_option_goes_before_the_file(file, tmp_path):
    with (
        mock.patch("torch.cuda.is_available", return_value=False),
        pytest.raises(ConfigError, match="cuda:7") as error,
    ):
        run(file, output=tmp_path / "out", device="cuda:7")
    assert not isinstance(error.value, PipelineFileError)
