"""Files that leave the model to us: what's chosen by the data, and the classifier beside the head."""

import importlib.metadata
import json
import random
import sys
import types

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.cli.train import train

import seqpipe.plugins._host as plugin_host
from seqpipe.config import (
    PipelineFileError,
    check,
    compile_file,
    compile_read,
    expand,
    read,
    read_text,
)
from seqpipe.config._expand import LEFT_OUT
from seqpipe.hookspecs import hookimpl
from seqpipe.parts.classifiers import Classifier
from seqpipe.parts.heads import TextClassifier
from seqpipe.plugins import find_part
from seqpipe.reporting import Reporter
from seqpipe.run import run
from seqpipe.training import _settings

WORDS = {
    "sea": ["wave", "harbour", "sailor", "tide"],
    "wood": ["oak", "moss", "owl", "trunk"],
}
DATA = '[data]\n@readers = "seqpipe.Jsonl.v1"\npath = "{path}"\n'
HEAD = '[head]\n@seqpipe_heads = "seqpipe.TextClassifier.v2"\n'
TEXTS = ["the owl of the oak", "wave", "", "tide and moss"]


class Notes(Reporter):
    """Keeps what a run says."""

    def __init__(self):
        self.notes = []

    def stage(self, name):
        pass

    def progress(self, progress):
        pass

    def note(self, text):
        self.notes.append(text)


def write(folder, *, several=False):
    """Write a file of two sections and its texts; return the file."""
    draw, rows = random.Random(1), []
    for _ in range(60):
        labels = draw.sample([*WORDS], draw.randint(1, 2) if several else 1)
        words = [word for label in labels for word in draw.choices(WORDS[label], k=5)]
        draw.shuffle(words)
        rows.append({"text": " ".join(words), "label": labels})
    texts = folder / "texts.jsonl"
    texts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    file = folder / "pipeline.cfg"
    more = "exclusive = false\n" if several else ""
    file.write_text(DATA.format(path=texts.as_posix()) + HEAD + more, encoding="utf-8")
    return file


@pytest.fixture(scope="module", autouse=True)
def few_updates():
    """Have small sets trained on for fewer updates than they would be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_settings, "_MIN_STEPS", 30)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The output folder of a run, its report and its notes."""
    folder, notes = tmp_path_factory.mktemp("auto"), Notes()
    result = run(write(folder), output=folder / "out", reporter=notes)
    return types.SimpleNamespace(folder=folder / "out", result=result, notes=notes.notes)


@pytest.fixture(scope="module")
def model(finished):
    return spacy.load(finished.result.model)


def mix_of(model):
    """Return the two weights of a saved model."""
    saved = json.loads((model / "wide" / "mix.json").read_text("utf-8"))
    return saved["before"], saved["own"]


# What's chosen.


@pytest.mark.parametrize(
    ("texts", "words", "epochs", "evaluation"),
    [
        (48, 300, 15, 25),
        (5_452, 51_000, 10, 86),
        (25_000, 2_000_000, 4, 391),
        (10**6, 10**8, 3, 15_625),
    ],
)
def test_length_of_the_training_is_chosen_by_the_data(texts, words, epochs, evaluation):
    chosen = _settings.training_settings(texts, words)
    assert chosen == {"max_epochs": epochs, "eval_frequency": evaluation}


def test_labels_of_words_are_learned_longer():
    chosen = _settings.training_settings(1_357, 39_000, labels_words=True)
    assert chosen == {"max_epochs": 24, "eval_frequency": 25}


sizes = st.tuples(st.integers(1, 10**7), st.integers(0, 10**9))


@given(sizes)
def test_training_has_enough_updates_and_no_more_passes_than_that_needs(size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_settings, "_MIN_STEPS", 400)
        chosen = _settings.training_settings(*size)
    steps = -(-size[0] // 32)
    epochs = chosen["max_epochs"]
    assert epochs * steps >= 400 and epochs >= 3
    assert epochs <= 10 or (epochs - 1) * steps < 400
    # It's evaluated, and at most twice in a pass.
    assert 25 <= chosen["eval_frequency"] <= max(25, -(-steps // 2))


@given(sizes, sizes)
def test_larger_sets_are_gone_through_no_more_often(one, other):
    smaller = _settings.training_settings(min(one[0], other[0]), min(one[1], other[1]))
    larger = _settings.training_settings(max(one[0], other[0]), max(one[1], other[1]))
    assert smaller["max_epochs"] >= larger["max_epochs"]
    assert smaller["eval_frequency"] <= larger["eval_frequency"]


def test_set_without_texts_is_refused():
    with pytest.raises(ValueError, match="no texts"):
        _settings.training_settings(0, 0)


EMBEDDER = '[embedder]\n@seqpipe_embedders = "seqpipe.FastText.v1"\n'
ENCODER = '[encoder]\n@seqpipe_encoders = "seqpipe.Recurrent.v1"\n'
CLASSIFIER = '[classifier]\n@seqpipe_classifiers = "seqpipe.NGramClassifier.v1"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(HEAD, True, id="two sections"),
        pytest.param(HEAD + "[training]\ndropout = 0.2\n", True, id="training"),
        pytest.param(HEAD + '[pipeline]\nlang = "de"\n', True, id="language"),
        pytest.param(HEAD + "[training]\nmax_epochs = 2\n", False, id="max_epochs"),
        pytest.param(HEAD + "[training]\nmax_steps = 2\n", False, id="max_steps"),
        pytest.param(HEAD + "[training]\npatience = 2\n", False, id="patience"),
        pytest.param(HEAD + "[training]\neval_frequency = 2\n", False, id="eval_frequency"),
        pytest.param(HEAD + EMBEDDER, False, id="embedder"),
        pytest.param(HEAD + ENCODER, False, id="encoder"),
        pytest.param(EMBEDDER, False, id="embedding"),
        pytest.param(CLASSIFIER, False, id="classifier"),
    ],
)
def test_training_is_left_to_us_where_nothing_is_said_of_it(text, expected):
    file = read_text(DATA.format(path="texts.jsonl") + text)
    assert file.leaves_training_out is expected


def test_option_of_the_command_line_counts_as_said(tmp_path):
    file = read(write(tmp_path), ["--training.max_epochs", "1"])
    assert not file.leaves_training_out


# A whole run.


def test_run_says_what_it_chose(finished):
    by = "by the size of the data"
    assert f"[embedder] epochs = 10, min_count = 1, subsample = 1.0, {by}" in finished.notes
    assert f"[training] max_epochs = 15, eval_frequency = 25, {by}" in finished.notes


def test_what_was_chosen_is_in_the_saved_config(finished, model):
    outside = spacy.util.load_config(finished.folder / "config.cfg")
    for config in (outside, model.config):
        embedder = config["nlp"]["vectors"]["embedder"]
        assert {name: embedder[name] for name in ("epochs", "min_count", "subsample")} == {
            "epochs": 10,
            "min_count": 1,
            "subsample": 1.0,
        }
        assert (config["training"]["max_epochs"], config["training"]["eval_frequency"]) == (15, 25)
        assert '"auto"' not in config.to_str()
    assert [line["epoch"] for line in finished.result.report["history"]] == [13, 15]


def test_what_embedders_in_others_chose_is_told_and_saved(tmp_path):
    (tmp_path / "synonyms.txt").write_text("wave tide\noak trunk\n", encoding="utf-8")
    fasttext = (
        '@seqpipe_embedders = "seqpipe.FastText.v1"\nwidth = 8\nbuckets = 100\nepochs = "auto"\n'
    )
    retrofitted = (
        '[embedder.moved]\n@seqpipe_embedders = "seqpipe.Retrofitted.v1"\nsynonyms = "{path}"\n'
    )
    file = write(tmp_path)
    moved = retrofitted.format(path=(tmp_path / "synonyms.txt").as_posix())
    embedders = f"[embedder.own]\n{fasttext}{moved}[embedder.moved.embedder]\n{fasttext}"
    file.write_text(file.read_text("utf-8") + embedders, encoding="utf-8")
    notes = Notes()
    options = ["--training.max_epochs", "1", "--embedder.moved.embedder.min_count", "auto"]
    result = run(read(file, options), output=tmp_path / "out", reporter=notes)
    said = "[embedder] own.epochs = 10, moved.embedder.epochs = 10, moved.embedder.min_count = 1, by the size of the data"
    assert said in notes.notes
    embedders = spacy.util.load_config(result.model / "config.cfg")["nlp"]["vectors"]["embedders"]
    assert embedders["own"]["epochs"] == embedders["moved"]["embedder"]["epochs"] == 10
    assert embedders["moved"]["embedder"]["min_count"] == 1


def test_pipeline_ends_with_the_classifier_and_its_mix_is_tuned(finished, model):
    assert model.pipe_names == ["tok2vec", "textcat", "wide"]
    assert model.get_pipe("wide").weights == mix_of(finished.result.model) != (0.5, 0.5)
    assert finished.result.report["test"]["accuracy"] == 1.0


def test_saved_model_gives_the_mix_of_the_scores_of_both(model):
    wide = model.get_pipe("wide")
    for text in TEXTS:
        with model.select_pipes(disable=["wide"]):
            head = np.array([*model(text).cats.values()])
        own = wide.classifier.predict([[token.text for token in model.make_doc(text)]])[0]
        assert wide.classifier.labels == model.get_pipe("textcat").labels
        # An empty text has no scores of a `textcat` by itself.
        products = head.clip(1e-6) ** wide.weights[0] * own ** wide.weights[1]
        found = model(text).cats
        assert [*found.values()] == pytest.approx(products / products.sum(), abs=1e-4)
        assert sum(found.values()) == pytest.approx(1, abs=1e-6)


def test_model_is_loaded_and_copied_with_the_same_scores(finished, model, tmp_path):
    model.to_disk(tmp_path / "copy")
    for other in (spacy.load(tmp_path / "copy"), spacy.load(finished.result.model)):
        assert [other(text).cats for text in TEXTS] == [model(text).cats for text in TEXTS]
    for text, doc in zip(TEXTS[:2], model.pipe(TEXTS[:2]), strict=True):
        assert doc.cats == pytest.approx(model(text).cats, abs=1e-5)


def test_config_of_the_run_can_be_run_again_with_the_same_result(finished, tmp_path):
    notes = Notes()
    again = run(finished.folder / "config.cfg", output=tmp_path, reporter=notes)
    assert not any("by the size" in note for note in notes.notes)
    assert again.report["test"] == finished.result.report["test"]
    assert [line["loss"] for line in again.report["history"]] == pytest.approx(
        [line["loss"] for line in finished.result.report["history"]]
    )
    assert mix_of(again.model) == pytest.approx(mix_of(finished.result.model))


def test_spacy_trains_the_config_of_the_run_and_tunes_the_mix(finished, tmp_path):
    overrides = {"training.max_epochs": 0, "training.max_steps": 2, "training.eval_frequency": 1}
    train(finished.folder / "config.cfg", tmp_path, overrides=overrides)
    for name in ("model-best", "model-last"):
        nlp = spacy.load(tmp_path / name)
        assert nlp.get_pipe("wide").weights == mix_of(tmp_path / name) != (0.5, 0.5)
        assert nlp("the owl of the oak").cats["wood"] > 0.5


def test_texts_of_several_classes_are_mixed_by_log_odds(tmp_path):
    result = run(write(tmp_path, several=True), output=tmp_path / "out")
    nlp = spacy.load(result.model)
    assert nlp.pipe_names == ["tok2vec", "textcat_multilabel", "wide"]
    assert not nlp.get_pipe("wide").is_exclusive
    assert mix_of(result.model) != (0.5, 0.5)
    cats = nlp("wave and owl and tide and oak and moss").cats
    assert min(cats.values()) > 0.5
    assert result.report["test"]["ranked"]["1"]["precision"] == 1.0


# Options and what's refused.

QUICK = ["--training.max_steps", "1", "--embedder.width", "4", "--embedder.epochs", "1"]
QUICK += ["--encoder.width", "4", "--embedder.@seqpipe_embedders", "seqpipe.Word2Vec.v1"]
QUICK += ["--embedder.min_count", "1", "--encoder.engine", "plain"]


def compiled(file, *options):
    return compile_file(file, options)


def test_weight_of_0_leaves_the_classifier_out(tmp_path):
    config = compiled(write(tmp_path), "--wide.weight", "0")
    assert config["nlp"]["pipeline"] == ["tok2vec", "textcat"]
    assert "wide" not in config["components"] and config["training"]["before_to_disk"] is None


def test_weight_of_null_is_tuned(tmp_path):
    file = write(tmp_path)
    assert compiled(file, "--wide.weight", "null") == compiled(file)


def test_options_are_those_of_the_n_gram_classifier(tmp_path):
    config = compiled(write(tmp_path), "--wide.cost", "10")
    classifier = {"@seqpipe_classifiers": "seqpipe.NGramClassifier.v1", "cost": 10}
    assert config["components"]["wide"]["classifier"] == {**classifier, "exclusive": True}


def test_weight_that_is_given_is_not_tuned(tmp_path):
    result = run(write(tmp_path), output=tmp_path / "out", overrides=[*QUICK, "--wide.weight=0.25"])
    assert mix_of(result.model) == (0.75, 0.25)


def refused(file, *options):
    """Return what's wrong with a file when it's run."""
    with pytest.raises(PipelineFileError) as caught:
        run(file, output=file.parent / "out", overrides=options)
    (problem,) = caught.value.diagnostics
    return problem


def marked(problem):
    """Return the text that a problem is about."""
    place = problem.place
    return place.text[place.column - 1 : place.column - 1 + place.length]


@pytest.mark.parametrize(
    ("options", "at", "message"),
    [
        (["--wide.weight", "2"], "2", "`weight` of the component 'wide' is 2"),
        (["--wide.ratio_floor", "-1"], "-1", "ratio_floor"),
        (["--wide.ratio_flor", "1"], "ratio_flor", 'has no key "ratio_flor"'),
        (["--wide.exclusive", "false"], "false", "exactly one class"),
        (["--embedder.epochs", "automatic"], "automatic", 'an integer or "auto"'),
    ],
)
def test_option_that_cannot_be_used_is_marked(options, at, message, tmp_path):
    problem = refused(write(tmp_path), *options)
    assert marked(problem) == at and message in problem.message


WIDE = '[wide]\n@seqpipe_classifiers = "seqpipe.NGramClassifier.v1"\n'


def test_classifier_beside_a_classifier_is_refused():
    with pytest.raises(PipelineFileError, match=r"\[wide\] can't be combined with \[classifier\]"):
        compile_read(read_text(DATA.format(path="texts.jsonl") + CLASSIFIER + WIDE))


@pytest.fixture
def plugin(monkeypatch):
    """Install a plugin with a classifier that knows one word, and a head and a task of another kind."""

    class Owls(Classifier):
        """Takes texts with owls for the last label."""

        def __init__(self, *, sure: float = 0.9):
            self.exclusive, self.sure, self._labels = True, sure, []

        @property
        def labels(self):
            return self._labels

        def fit(self, examples, *, labels, seed=0, on_progress=None, dev=None):
            self._labels = list(labels)

        def predict(self, texts):
            sure = np.array([[self.sure if "owl" in text else 0.5] for text in texts])
            return np.concatenate([1 - sure, sure], axis=1).astype("float32")

        def to_disk(self, path):
            (path / "labels.json").write_text(json.dumps(self._labels), encoding="utf-8")

        def from_disk(self, path):
            self._labels = json.loads((path / "labels.json").read_text("utf-8"))

    class Numbers(TextClassifier):
        """A head of another task."""

        @classmethod
        def task(cls, settings):
            return "acme.Numbers.v1"

    class NumbersTask:
        """Another task."""

        def __init__(self, *, unit: str = "m"):
            self.unit = unit

    module = types.ModuleType("acme_of_auto")
    offers = {
        "classifiers": {"acme.Owls.v1": Owls},
        "heads": {"acme.Numbers.v1": Numbers},
        "tasks": {"acme.Numbers.v1": NumbersTask},
    }
    for kind, parts in offers.items():
        setattr(module, f"seqpipe_{kind}", hookimpl(lambda parts=parts: parts))
    monkeypatch.setitem(sys.modules, "acme_of_auto", module)
    ours = importlib.metadata.EntryPoint("seqpipe", "seqpipe.builtin", "seqpipe")
    theirs = importlib.metadata.EntryPoint("acme", "acme_of_auto", "seqpipe")
    host = plugin_host.Host([ours, theirs])
    monkeypatch.setattr(plugin_host, "host", lambda: host)
    monkeypatch.setattr("seqpipe.plugins.host", lambda: host)


@pytest.mark.usefixtures("plugin")
def test_classifier_of_a_plugin_can_stand_beside_the_head(tmp_path):
    options = [*QUICK, "--wide.@seqpipe_classifiers", "acme.Owls.v1", "--wide.sure", "0.75"]
    result = run(write(tmp_path), output=tmp_path / "out", overrides=options)
    nlp = spacy.load(result.model)
    assert nlp.get_pipe("wide").classifier.sure == 0.75
    assert nlp.get_pipe("wide").weights == mix_of(result.model) != (0.5, 0.5)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("more", ["", '[task]\n@seqpipe_tasks = "acme.Numbers.v1"\n'])
def test_classifier_beside_a_head_of_another_task_is_refused(more):
    head = '[head]\n@seqpipe_heads = "acme.Numbers.v1"\n'
    text = DATA.format(path="texts.jsonl") + head + more
    compile_read(read_text(text))
    compile_read(read_text(text, overrides=["--wide.weight", "0"]))
    with pytest.raises(PipelineFileError) as caught:
        compile_read(read_text(text + WIDE))
    (problem,) = caught.value.diagnostics
    assert "put texts into classes" in problem.message
    assert "acme.Numbers.v1" in problem.message and marked(problem) == "wide"


@pytest.mark.usefixtures("plugin")
def test_class_weights_of_a_head_of_another_task_are_refused():
    text = DATA.format(path="texts.jsonl") + '[head]\n@seqpipe_heads = "acme.Numbers.v1"\n'
    with pytest.raises(PipelineFileError) as caught:
        compile_read(read_text(text + 'class_weights = "balanced"\n'))
    (problem,) = caught.value.diagnostics
    assert "put texts into classes, and this file's is for acme.Numbers.v1" in problem.message
    assert marked(problem) == "class_weights"


def test_section_without_a_part_changes_settings_of_what_is_left_out():
    text = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "texts"

[embedder]
width = 10

[encoder]
width = 64

[encoder.cell]
forget_bias = 2

[head]
dropout = 0.5
"""
    file = read_text(text)
    check(file)
    config = expand(file.sections, file.makes, find_part, file.written)
    assert config["components"]["tok2vec"]["model"]["encoder"] == {
        **LEFT_OUT["encoder"],
        "width": 64,
        "cell": {"@seqpipe_cells": "seqpipe.LSTM.v1", "forget_bias": 2},
    }
    assert config["nlp"]["vectors"]["embedder"] == {**LEFT_OUT["embedder"], "width": 10}
    assert config["components"]["textcat"]["model"]["head"] == {
        "@seqpipe_heads": "seqpipe.TextClassifier.v2",
        "dropout": 0.5,
    }
    assert config["nlp"]["pipeline"][-1] == "wide" and file.leaves_training_out


def test_misspelt_key_of_a_section_without_a_part_is_found():
    with pytest.raises(PipelineFileError, match=r"\[encoder\] \(seqpipe\.Recurrent\.v1\)"):
        check(
            read_text('[data]\n@readers = "seqpipe.Jsonl.v1"\npath = "a"\n[encoder]\nwidht = 3\n')
        )
