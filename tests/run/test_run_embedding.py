"""Runs of files that make an embedding, and scores of embeddings in any run."""

import json
from pathlib import Path

import numpy as np
import pytest
import spacy
from e2e.small_world import PIPELINE, WORDS, write_texts
from spacy import registry

from seqpipe.errors import ConfigError, DataError
from seqpipe.run import run

FILE = """
[data]
@readers = "seqpipe.Lines.v1"
path = "texts.txt"
split = {"train": 0.8, "test": 0.2}

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 6
epochs = 2
min_count = 1
subsample = 1.0
"""

SCORE = """
[evaluation.seen]
@scorers = "tests.Seen.v1"
times = 2
"""


@registry.scorers("tests.Seen.v1")
def make_seen(*, times: int = 1):
    def score(fitted):
        held_out = {word for words in fitted.test() for word in words}
        return {
            "train": times * sum(len(words) for words in fitted.train()),
            "held_out": len(held_out),
            "width": fitted.embedder.embed(["wave"]).shape[1],
            "seed": fitted.seed,
        }

    return score


@registry.scorers("tests.Nothing.v1")
def make_nothing():
    return "nothing"


@pytest.fixture(autouse=True)
def _there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [" ".join(words[i:] + words[:i]) for words in WORDS.values() for i in range(8)]
    Path("texts.txt").write_text("\n".join(lines * 3 + ["New  York"]) + "\n", encoding="utf-8")


def run_file(text=FILE, *overrides, output="out"):
    Path("pipeline.cfg").write_text(text, encoding="utf-8")
    return run(Path("pipeline.cfg"), overrides=overrides, output=Path(output))


def test_an_embedding_is_fitted_saved_and_loads_with_spacy():
    result = run_file()
    report = json.loads(Path("out/report.json").read_text())
    assert report["data"]["sequences"] < 49 and report["data"]["words"] > 200
    assert report["vectors"]["width"] == 6 and report["vectors"]["known"] >= 16
    assert set(report["timings"]) >= {"data", "embedder", "evaluation", "saving", "total"}
    nlp = spacy.load(result.model)
    assert nlp.pipe_names == []
    doc = nlp("wave oak")
    assert doc[0].vector.shape == (6,) and doc[0].vector.any()
    assert Path("out/config.cfg").is_file()


def test_the_same_file_gives_the_same_bytes():
    first, second = run_file(output="a"), run_file(output="b")
    assert first.report["data"] == second.report["data"]
    manifests = [Path(f"{name}/model-best/seqpipe-manifest.json").read_text() for name in "ab"]
    assert manifests[0] == manifests[1]


def test_scores_see_what_was_fitted_on_and_what_was_held_out():
    report = run_file(FILE + SCORE, "--pipeline.seed", "3").report
    scores = report["embedding"]["seen"]
    assert scores["train"] == 2 * report["data"]["words"]
    assert scores["held_out"] > 0 and (scores["width"], scores["seed"]) == (6, 3)


def test_scores_of_an_embedding_stand_beside_those_of_a_pipeline():
    write_texts(Path("texts"))
    report = run_file(PIPELINE + SCORE, "--training.max_steps", "1").report
    assert report["embedding"]["seen"]["width"] == 8
    assert report["test"]["accuracy"] >= 0


def test_vectors_of_several_embedders_are_tuned_and_saved():
    write_texts(Path("texts"))
    one = (
        "[embedder]\n"
        + PIPELINE[PIPELINE.index("[embedder]") :].split("\n", 1)[1].split("[encoder]")[0]
    )
    several = one.replace("[embedder]", "[embedder.a]") + one.replace(
        "[embedder]", "[embedder.b]\ntune = true"
    )
    result = run_file(PIPELINE.replace(one, several), "--training.max_epochs", "2")
    nlp = spacy.load(result.model)
    assert nlp.vocab.vectors.shape[1] == 16
    offsets = nlp.get_pipe("tok2vec").model.shims[0].module.offsets
    assert offsets.columns == slice(8, 16) and bool(offsets.weight.any())
    assert np.isfinite(nlp("the gull")[1].vector).all()


def test_a_score_that_is_none_is_refused():
    with pytest.raises(ConfigError, match=r"\[evaluation.none\] made 'nothing'"):
        run_file(FILE + '\n[evaluation.none]\n@scorers = "tests.Nothing.v1"\n')


def test_a_stream_has_no_labels_to_train_on():
    text = PIPELINE.replace("seqpipe.Folders.v1", "seqpipe.Lines.v1").replace(
        '"texts"', '"texts.txt"'
    )
    with pytest.raises(ConfigError, match="gives no labels to learn"):
        run_file(text)


def test_missing_texts_are_told_and_nothing_is_written():
    with pytest.raises(DataError, match=r"other\.txt isn't there"):
        run_file(FILE, "--data.path", "other.txt")
    assert not Path("out/model-best").exists()
