"""Runs whose batches are passed through moved a second time, and whose weights are averaged."""

import json

import pytest
import spacy
import torch
from spacy.cli.train import train
from spacy.util import registry

from seqpipe.adapters import torch_shims
from seqpipe.config import PipelineFileError, check, read, read_text
from seqpipe.run import run

DATA = """
[data]
@readers = "seqpipe.Csv.v1"
path = "{path}"
"""
EMBEDDER = """
[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 4
epochs = 1
min_count = 1
trained_width = 2
tune = true
"""
HEAD = """
[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 4
engine = "plain"

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[wide]
"""
TRAINING = """
[training]
max_epochs = 2
eval_frequency = 2
adversarial = 0.3

[training.batcher]
size = 8

[training.optimizer]
average = 0.9
"""
FILE = DATA + EMBEDDER + HEAD + TRAINING


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("regularisers")
    rows = [f"so fine a film {i},good\na dull film {i},bad\n" for i in range(15)]
    (folder / "rows.csv").write_text("text,label\n" + "".join(rows), encoding="utf-8")
    file = folder / "pipeline.cfg"
    file.write_text(FILE.format(path=(folder / "rows.csv").as_posix()), encoding="utf-8")
    return file


def weights_of(nlp):
    shims = [shim for _, pipe in nlp.pipeline for shim in torch_shims(pipe)]
    named = [pair for shim in shims for pair in shim.module.named_parameters()]
    return {name: parameter.detach().clone() for name, parameter in named}


@pytest.fixture(scope="module")
def finished(file):
    """Return what a run with both leaves, and what its optimizer had as averages at each save."""
    from seqpipe.run import _run

    saved = []

    def save(nlp, training, output, *more, save=_run._save):
        save(nlp, training, output, *more)
        averages = training.optimizer.averages
        shims = [shim for _, pipe in nlp.pipeline for shim in torch_shims(pipe)]
        named = [(s.id, name) for s in shims for name, _ in s.module.named_parameters()]
        saved.append(({name: averages[key, name].clone() for key, name in named}, mix_of(output)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_run, "_save", save)
        return run(file, output=file.parent / "out"), saved


def mix_of(output):
    return json.loads((output / "model-unfinished" / "wide" / "mix.json").read_text("utf-8"))


def test_saved_model_has_the_averages(finished):
    result, saved = finished
    torch.testing.assert_close(weights_of(spacy.load(result.model)), saved[-1][0], rtol=0, atol=0)


def test_mix_is_tuned_to_the_averages(finished, file):
    result, saved = finished
    nlp = spacy.load(result.model)
    tuned = saved[-1][1]
    callback = registry.resolve({"one": nlp.config.interpolate()["training"]["before_to_disk"]})
    nlp = callback["one"](nlp)
    assert nlp.get_pipe("wide").weights == pytest.approx((tuned["before"], tuned["own"]))


def test_config_of_the_run_can_be_run_again_with_the_same_result(finished, file):
    result, saved = finished
    config = file.parent / "out" / "config.cfg"
    assert "adversarial = 0.3\n" in config.read_text("utf-8")
    assert "average = 0.9\n" in config.read_text("utf-8")
    again = run(config, output=file.parent / "again")
    assert again.report["history"] == result.report["history"]
    torch.testing.assert_close(weights_of(spacy.load(again.model)), saved[-1][0], rtol=0, atol=0)


def test_spacy_trains_the_config_of_the_run_and_averages_too(finished, file):
    averaged, plain = file.parent / "averaged", file.parent / "plain"
    settings = {"training.max_epochs": 1}
    train(file.parent / "out" / "config.cfg", averaged, overrides=settings)
    settings["training.optimizer.average"] = 0.0
    train(file.parent / "out" / "config.cfg", plain, overrides=settings)
    one, other = (weights_of(spacy.load(each / "model-last")) for each in (averaged, plain))
    assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("adversarial", "-0.5", "`adversarial` is -0.5; it must be a number of at least 0"),
        ("adversarial", "[1]", "expected a number"),
        ("optimizer.average", "1", "`average` is 1; it must be at least 0 and less than 1"),
        ("optimizer.average", "-0.5", "`average` is -0.5; it must be at least 0 and less than 1"),
        ("frozen_components", '["tok2vec"]', "`adversarial` is 0.3, and no component"),
    ],
)
def test_values_that_cannot_be_used_are_refused_at_their_place(
    file, tmp_path, option, value, message
):
    with pytest.raises(PipelineFileError) as caught:
        run(file, overrides=[f"--training.{option}", value], output=tmp_path)
    (problem,) = caught.value.diagnostics
    assert message in problem.message
    assert problem.place.text in (f"--training.{option} {value}", "adversarial = 0.3")


def test_misspelt_key_has_a_suggestion():
    with pytest.raises(PipelineFileError, match='did you mean "adversarial"'):
        check(read_text(FILE.replace("adversarial =", "adversariel =")))


def test_whole_number_is_one_too(file):
    check(read(file, ["--training.adversarial", "1"]))
