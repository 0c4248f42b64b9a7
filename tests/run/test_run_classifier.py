"""Files whose whole model is a classifier."""

import json
import random

import pytest
import spacy

from seqpipe.config import (
    PipelineFileError,
    check,
    compile_file,
    compile_read,
    expand,
    read_text,
)
from seqpipe.errors import DataError
from seqpipe.plugins import find_part
from seqpipe.reporting import Reporter
from seqpipe.run import run

WORDS = {
    "sea": ["wave", "harbour", "sailor", "tide"],
    "wood": ["oak", "moss", "owl", "trunk"],
}
FILE = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "texts.jsonl"
{split}

[classifier]
@seqpipe_classifiers = "seqpipe.{classifier}.v1"
{settings}
{more}
"""
SETTINGS = {
    "FastTextClassifier": "width = 8\nepochs = 30\nlearning_rate = 0.5",
    "NGramClassifier": "cost = [1.0, 100.0]",
}


class Recorder(Reporter):
    """Keeps how far a run says that it is."""

    def __init__(self):
        self.stages, self.fractions = [], []

    def stage(self, name):
        self.stages.append(name)

    def progress(self, progress):
        assert self.stages[-1] == "training"
        self.fractions.append(progress.fraction)

    def note(self, text):
        assert text == "48 train, 6 dev, 6 test; 2 labels"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes texts and a file."""
    monkeypatch.chdir(tmp_path)

    def write(*, classifier="FastTextClassifier", split="", more="", several=False):
        draw = random.Random(1)
        rows = []
        for _ in range(60):
            labels = draw.sample([*WORDS], draw.randint(1, 2) if several else 1)
            words = [word for label in labels for word in draw.choices(WORDS[label], k=5)]
            draw.shuffle(words)
            rows.append({"text": " ".join(words), "label": labels})
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "texts.jsonl").write_text(lines, encoding="utf-8")
        file = tmp_path / "pipeline.cfg"
        settings = SETTINGS[classifier]
        text = FILE.format(classifier=classifier, settings=settings, split=split, more=more)
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize("classifier", SETTINGS)
def test_file_is_fitted_scored_and_saved(write, classifier, tmp_path):
    file, recorder = write(classifier=classifier), Recorder()
    overrides = ["--pipeline.name", "forest_2"]
    result = run(file, output=tmp_path / "out", overrides=overrides, reporter=recorder)
    assert recorder.fractions == sorted(recorder.fractions) and recorder.fractions[-1] == 1
    report = result.report
    assert report["test"]["accuracy"] == report["dev"]["score"] == 1.0
    assert report["test"]["ranked"] is None
    assert [line["is_best"] for line in report["history"]] == [True]
    assert set(report["timings"]) == {"file", "data", "training", "saving", "evaluation", "total"}
    nlp = spacy.load(result.model)
    assert nlp.meta["name"] == "forest_2"
    assert nlp.meta["performance"] == {"cats_micro_f": 1.0, "cats_score": 1.0}
    assert nlp.pipe_names == ["classifier"]
    assert nlp("the owl of the oak").cats["wood"] > 0.9
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8")) == report


def test_dev_part_may_be_left_out(write, tmp_path):
    file = write(split='split = {"train": 0.8, "test": 0.2}')
    report = run(file, output=tmp_path / "out").report
    assert report["data"]["rows"].keys() == {"train", "test"}
    assert (report["dev"], report["history"]) == ({}, [])
    assert report["test"]["accuracy"] == 1.0


@pytest.mark.parametrize("classifier", SETTINGS)
def test_labels_are_ranked_where_they_are_not_exclusive(write, classifier, tmp_path):
    file = write(classifier=classifier, more="exclusive = false", several=True)
    report = run(file, output=tmp_path / "out").report
    ranked = report["test"]["ranked"]
    assert ranked["1"]["precision"] == 1.0
    assert ranked["5"] == {"precision": pytest.approx(0.75, abs=0.2), "recall": 1.0}


@pytest.mark.parametrize("several", [False, True])
def test_decision_is_tuned_said_and_saved(write, several, tmp_path):
    bound = "" if several else "abstain_below = 0.2"
    more = f"exclusive = {'false' if several else 'true'}\n[decision]\n{bound}"
    notes = []
    recorder = Recorder()
    recorder.note = notes.append
    result = run(write(more=more, several=several), output=tmp_path / "out", reporter=recorder)
    decision = result.report["decision"]
    assert decision["temperature"] != 1.0
    assert any(note.startswith("decision: temperature ") for note in notes)
    assert ("thresholds" in decision) == several
    assert result.report["test"]["accuracy"] > 0.8
    assert 0 <= result.report["test"]["calibration_error"] < 0.5
    assert result.report["test"]["spacy"]["decision_answered"] == 1.0
    assert spacy.load(result.model)("the owl of the oak")._.decision == ("wood",)


def test_text_of_two_labels_is_told_with_the_section(write, tmp_path):
    with pytest.raises(
        DataError, match=r"has 2 labels \(.*\), .* but each text is put into exactly one class"
    ):
        run(write(several=True), output=tmp_path / "out")


def test_settings_are_searched_on_the_dev_part(write, tmp_path):
    result = run(write(more="autotune = 2"), output=tmp_path / "out")
    told = json.loads((result.model / "classifier" / "classifier.json").read_text("utf-8"))
    assert (told["arguments"]["dim"], told["arguments"]["epoch"]) == (8, 30)
    assert result.report["test"]["accuracy"] >= 0.5


def test_damaged_model_is_refused_before_it_is_read(write, tmp_path):
    result = run(write(), output=tmp_path / "out")
    file = result.model / "classifier" / "model.bin"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(Exception, match=r"model\.bin"):
        spacy.load(result.model)


@pytest.mark.slow
def test_spacy_trains_what_a_file_expands_to(write, tmp_path):
    from spacy.cli.train import train

    config = compile_file(write(), [])
    config.to_disk(tmp_path / "config.cfg")
    train(tmp_path / "config.cfg", tmp_path / "spacys")
    nlp = spacy.load(tmp_path / "spacys" / "model-best")
    assert nlp("the owl of the oak").cats["wood"] > 0.9


def sections(text):
    data = '[data]\n@readers = "seqpipe.Jsonl.v1"\npath = "texts.jsonl"\n'
    return read_text(data + text)


def test_file_expands_to_one_component():
    file = sections('[classifier]\n@seqpipe_classifiers = "seqpipe.FastTextClassifier.v1"\n')
    check(file)
    found = expand(file.sections, file.makes, find_part)
    assert found["nlp"]["pipeline"] == ["classifier"]
    assert "vectors" not in found["nlp"]
    assert found["components"]["classifier"]["factory"] == "seqpipe_classifier"
    assert found["initialize"]["components"]["classifier"]["dev"] == found["corpora"]["dev"]
    assert found["training"]["max_steps"] == 1


@pytest.mark.parametrize("name", ["embedder", "encoder", "head"])
def test_nothing_stands_beside_it_that_it_replaces(name):
    part = {"embedder": "Word2Vec", "encoder": "Recurrent", "head": "TextClassifier"}[name]
    file = sections(
        '[classifier]\n@seqpipe_classifiers = "seqpipe.FastTextClassifier.v1"\n'
        f'[{name}]\n@seqpipe_{name}s = "seqpipe.{part}.v1"\n'
    )
    with pytest.raises(
        PipelineFileError, match=rf"\[{name}\] can't be combined with \[classifier\]"
    ):
        check(file)


DECIDED = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "texts"
split = {"train": 0.9, "test": 0.1}

[classifier]
@seqpipe_classifiers = "seqpipe.NGramClassifier.v1"

[decision]
"""


def test_decision_that_nothing_tunes_is_refused():
    with pytest.raises(PipelineFileError) as caught:
        compile_read(read_text(DECIDED))
    (problem,) = caught.value.diagnostics
    assert "no dev part" in problem.message and "`temperature`" in problem.label
    compile_read(read_text(DECIDED + "temperature = 1.0\n"))
    head = DECIDED.replace('"test"', '"dev"').replace(
        '[classifier]\n@seqpipe_classifiers = "seqpipe.NGramClassifier.v1"', "[head]"
    )
    compile_read(read_text(head))
    with pytest.raises(PipelineFileError) as caught:
        compile_read(read_text(head + "[training]\nbefore_to_disk = null\n"))
    (problem,) = caught.value.diagnostics
    assert "replaces the callback" in problem.message and problem.place.text.startswith(
        "before_to_disk"
    )
