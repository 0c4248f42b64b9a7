"""Runs of files that make a language model."""

import json
from pathlib import Path

import pytest
import spacy

from seqpipe.adapters import language_model_in
from seqpipe.config import PipelineFileError, compile_file
from seqpipe.errors import ConfigError, DataError, InterruptedRun, NotFiniteError
from seqpipe.kernels.c import _engine
from seqpipe.reporting import Silent
from seqpipe.run import run

FILE = """
[data]
@readers = "seqpipe.Lines.v1"
path = "texts.txt"

[language_model]
width = 12
layers = 2
epochs = 3
batch_size = 4
sequence_length = 16
learn_rate = 0.02
evaluations = 3
"""
WORDS = FILE.replace("width", 'unit = "word"\nwidth')
NOUNS, VERBS = ("cat", "dog", "man", "queen"), ("saw", "met", "liked")
LINES = [f"the {a} {v} the {b}." for a in NOUNS for v in VERBS for b in NOUNS]


@pytest.fixture(autouse=True)
def _there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")


def trained(text=FILE, **settings):
    Path("pipeline.cfg").write_text(text, encoding="utf-8")
    return run(Path("pipeline.cfg"), output=Path("out"), **settings)


@pytest.mark.parametrize("text", [FILE, WORDS], ids=["characters", "words"])
def test_file_becomes_a_pipeline_that_knows_how_good_it_is(text):
    result = trained(text)
    report = json.loads(Path("out/report.json").read_text(encoding="utf-8"))
    assert report == result.report
    assert sum(report["data"]["texts"].values()) == len(LINES)
    nlp = spacy.load(result.model)
    pipe = language_model_in(nlp)
    test = pipe.measure(corpus(nlp, "test"))
    assert report["test"]["perplexity"] == pytest.approx(test.perplexity, rel=1e-4)
    assert report["test"]["bits_per_character"] == pytest.approx(test.bits_per_character, rel=1e-4)
    assert nlp.meta["performance"] == pytest.approx(report["dev"])
    assert report["dev"]["perplexity"] == min(line["perplexity"] for line in report["history"])
    assert report["sample"] == pipe.generate(length=200, temperature=0.8, seed=0)
    assert nlp("the cat saw the dog.")._.perplexity < nlp("dog cat the saw the.")._.perplexity


def corpus(nlp, part):
    """Return the texts of a part."""
    made = spacy.registry.resolve({"corpus": nlp.config.interpolate()["corpora"][part]})
    return list(made["corpus"].texts())


def test_any_number_of_threads_trains_the_same_files(monkeypatch, tmp_path):
    # Every pass is long enough for several threads, and every product for C.
    for limit in ("_MIN_THREADED_PRODUCTS", "_MIN_MULTIPLICATIONS", "_MIN_ROWS"):
        monkeypatch.setattr(_engine, limit, 1)
    Path("pipeline.cfg").write_text(FILE.replace("epochs = 3", "epochs = 1"), encoding="utf-8")
    found = []
    for threads in (1, 2, 3):
        made = run(Path("pipeline.cfg"), output=tmp_path / str(threads), threads=threads)
        files = [path for path in made.model.rglob("*") if path.is_file()]
        found.append({path.relative_to(made.model): path.read_bytes() for path in files})
    assert len(found[0]) > 5 and found[0] == found[1] == found[2]


def test_compiled_file_is_run_alike(tmp_path):
    first = trained()
    Path("pipeline.cfg").write_text(
        compile_file(Path("pipeline.cfg")).to_str(interpolate=False), encoding="utf-8"
    )
    again = run(Path("pipeline.cfg"), output=tmp_path / "again")
    assert again.report["test"] == first.report["test"]


def test_without_dev_and_test_parts_the_last_model_is_kept():
    text = FILE.replace("[language_model]", 'split = {"train": 1.0}\n\n[language_model]')
    report = trained(text).report
    assert report["history"] == [] and not {"dev", "test"} & set(report)
    assert report["sample"]


class Stopping(Silent):
    """Presses Ctrl-C when half of the training is done."""

    def progress(self, progress):
        if progress.fraction > 0.5:
            raise KeyboardInterrupt


def test_interrupted_run_keeps_its_best_model():
    with pytest.raises(InterruptedRun, match="model-unfinished"):
        trained(reporter=Stopping())
    assert language_model_in(spacy.load("out/model-unfinished")).generate(length=3, seed=0)


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "no text"), ("a\n", "part has no text"), ("aa\n" * 9, "part")],
    ids=["empty", "one character", "one text"],
)
def test_texts_that_are_too_few_are_an_error_with_a_place(content, said):
    Path("texts.txt").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said) as raised:
        trained()
    assert isinstance(raised.value, PipelineFileError)


def test_one_character_over_and_over_is_an_error():
    Path("texts.txt").write_text("a\n", encoding="utf-8")
    with pytest.raises(DataError, match="only 'a'"):
        trained(FILE.replace("[language_model]", 'split = {"train": 1.0}\n\n[language_model]'))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("width = 12", "width = 0", "width"),
        ("layers = 2", "embedding_width = 3", "embedding_width"),
        ("epochs = 3", "epochs = 0", "epochs"),
        ("layers = 2", "cutoffs = [5, 3]", "cutoffs"),
        ("layers = 2", "dropout = 1.0", "dropout"),
    ],
)
def test_wrong_values_are_reported_at_their_place(old, new, named):
    with pytest.raises(ConfigError) as raised:
        trained(FILE.replace(old, new))
    assert isinstance(raised.value, PipelineFileError)
    (problem,) = raised.value.diagnostics
    assert f"`{named}`" in problem.message and problem.place.text.startswith(named)


class Noting(Silent):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def test_model_that_predicts_worse_than_frequencies_is_warned_of():
    reporter = Noting()
    diverged = FILE.replace("learn_rate = 0.02", "learn_rate = 1000.0")
    report = trained(diverged, reporter=reporter).report
    (warning,) = report["warnings"]
    assert "smaller `learn_rate`" in warning and f"warning: {warning}" in reporter.notes
    assert trained().report["warnings"] == []


def test_loss_that_is_not_finite_ends_the_run():
    with pytest.raises(NotFiniteError, match="smaller `learn_rate`"):
        trained(FILE.replace("learn_rate = 0.02", "learn_rate = 1e30\ngrad_clip = 0.0"))
