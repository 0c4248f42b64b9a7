"""What doesn't change during a training is predicted and written once, with the same results."""

import contextlib
import json
from collections import Counter

import pytest
import spacy
from spacy.cli.train import train as spacy_train
from spacy.language import Language

from seqpipe import storage
from seqpipe.adapters import DecisionPipe, EmbedderVectors, WidePipe, make_tune_mix
from seqpipe.adapters import _tune as tuning
from seqpipe.parts.classifiers import NGramClassifier
from seqpipe.run import _run, run
from seqpipe.storage import verify_folder
from seqpipe.training import _loop

FILE = """
[data]
@readers = "seqpipe.Csv.v1"
path = "{path}"

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 4
epochs = 1
min_count = 1

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 4
engine = "plain"

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[wide]
{more}
[training]
max_epochs = 3
eval_frequency = 2

[training.batcher]
size = 8
"""
#: Without: nothing but categories is written on docs, so they're annotated in place.
MORE = {"wide": "", "wide and decision": "\n[decision]\n"}


@pytest.fixture(scope="module", params=MORE.values(), ids=MORE)
def file(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saves")
    rows = [f"so fine a film {i},good\na dull film {i},bad\n" for i in range(15)]
    (folder / "rows.csv").write_text("text,label\n" + "".join(rows), encoding="utf-8")
    file = folder / "pipeline.cfg"
    path = (folder / "rows.csv").as_posix()
    file.write_text(FILE.format(path=path, more=request.param), encoding="utf-8")
    return file


def files_of(model):
    verify_folder(model)
    return {
        path.relative_to(model).as_posix(): path.read_bytes()
        for path in model.rglob("*")
        if path.is_file()
    }


@contextlib.contextmanager
def counting():
    """Count what's done meanwhile."""
    seen = Counter()

    def counted(owner, name, what, real):
        def call(*args, **kwargs):
            seen[what] += 1
            return real(*args, **kwargs)

        return owner, name, call

    def predict(self, texts, real=NGramClassifier.predict):
        seen["texts"] += len(texts)
        return real(self, texts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NGramClassifier, "predict", predict)
        for owner, name, what in (
            (EmbedderVectors, "_write", "embedder"),
            (WidePipe, "_write_classifier", "classifier"),
            (_run, "save_unfinished", "saves"),
            (_loop, "_predict_and_score", "evaluations"),
            (tuning, "read_examples", "read to tune"),
        ):
            patch.setattr(*counted(owner, name, what, getattr(owner, name)))
        yield seen


def trained(file, output):
    """Run a file up to the end of its training; return what was counted until then, and the result."""
    at_the_end = {}
    with counting() as seen:

        def train(*args, real=_run._train):
            history = real(*args)
            at_the_end.update(seen)
            return history

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_run, "_train", train)
            return at_the_end, run(file, output=output)


@pytest.fixture(scope="module")
def finished(file):
    return trained(file, file.parent / "out")


def test_dev_texts_are_scored_by_the_classifier_once_per_training(finished):
    seen, result = finished
    assert seen["saves"] > 1 and seen["evaluations"] > seen["saves"] - 1
    assert seen["texts"] == result.report["data"]["rows"]["dev"]
    assert "read to tune" not in seen


def test_what_stays_the_same_is_written_once_per_training(finished):
    seen, _ = finished
    assert seen["embedder"] == seen["classifier"] == 1


def test_result_is_that_of_predicting_and_writing_all_anew(finished, file, monkeypatch):
    def write_folder(target, write, *, series=None, real=storage.write_folder):
        real(target, write)

    monkeypatch.setattr(storage, "write_folder", write_folder)
    monkeypatch.setattr(_loop, "keeping_scores", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(
        _loop, "predict_evaluated", lambda nlp, docs, examples, is_same: list(nlp.pipe(docs))
    )
    seen, plain = trained(file, file.parent / "plain")
    # In each evaluation, and before each save: to tune the mix, to score it, and to tune the decision.
    times = seen["evaluations"] + seen["saves"] * (3 if "decision" in file.read_text() else 2)
    assert seen["texts"] == times * plain.report["data"]["rows"]["dev"]
    assert seen["embedder"] == seen["classifier"] == seen["saves"] > 1
    _, result = finished
    ours, theirs = files_of(result.model), files_of(plain.model)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []


def test_finished_model_shares_no_file(finished):
    _, result = finished
    files = [path for path in result.model.rglob("*") if path.is_file()]
    assert {path.stat().st_nlink for path in files} == {1}


def test_run_that_is_interrupted_leaves_a_whole_model(file, tmp_path):
    saves = []

    def save(*args, real=_run._save):
        saves.append(args)
        if len(saves) == 2:
            with pytest.MonkeyPatch.context() as patch:
                # After the embedder has been left out, to be linked.
                patch.setattr(WidePipe, "_write", stop)
                real(*args)
        real(*args)

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_run, "_save", save)
        with pytest.raises(KeyboardInterrupt):
            asked = {"device": None, "precision": None}
            _run._run(file, [], tmp_path, _run.Stages(_run.Silent()), asked)
    verify_folder(tmp_path / "model-unfinished")
    assert spacy.load(tmp_path / "model-unfinished")("so fine a film").cats
    assert {p.stat().st_nlink for p in tmp_path.rglob("*") if p.is_file()} == {1}


def test_spacy_trains_the_same_config_and_tunes_a_mix(finished, file):
    spacy_train(file.parent / "out" / "config.cfg", file.parent / "spacys")
    mix = json.loads((file.parent / "spacys" / "model-last" / "wide" / "mix.json").read_text())
    assert mix["before"] > 0 and (mix["before"], mix["own"]) != (0.5, 0.5)


def tuned(nlp):
    """Return what a pipeline's components were tuned to."""
    found = {}
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, WidePipe):
            found["weights"] = pipe.weights
        if isinstance(pipe, DecisionPipe):
            found["decision"] = pipe.temperature, pipe.threshold, pipe.thresholds
    return found


def test_mix_is_tuned_as_by_the_callback_alone(file, monkeypatch, tmp_path):
    """And tuning on another corpus reads and predicts that."""
    checked = []

    def save(nlp: Language, training, output, series):
        training.before_to_disk(nlp)
        by_evaluation = tuned(nlp)
        with monkeypatch.context() as patch:
            patch.setattr(tuning._Evaluated, "serves", lambda *_: False)
            training.before_to_disk(nlp)
        assert tuned(nlp) == by_evaluation
        with counting() as seen:
            make_tune_mix(training.train)(nlp)
        assert seen["read to tune"] > 0
        checked.append(by_evaluation)
        _run.save_unfinished(output, nlp.to_disk, series)

    monkeypatch.setattr(_run, "_save", save)
    run(file, output=tmp_path)
    assert len(checked) > 1
