"""What seqpipe saves is a spaCy pipeline: loaded, run and saved again by spaCy alone."""

import json
import multiprocessing
import pickle
import random
import shutil
import sys
from pathlib import Path

import pytest
import spacy
from e2e.small_world import UNSEEN, WORDS, python, run_process, seqpipe, write_world

from seqpipe import storage
from seqpipe.config import compile_file
from seqpipe.run import run
from seqpipe.training import resolve_training, train

SEA, WOOD = "the gull of the harbour and a wave", "an owl near the oak"

#: Loads a pipeline as any user of spaCy does, and prints what it says of the texts given.
LOAD = """
import json, multiprocessing, sys
import spacy
nlp = spacy.load(sys.argv[1])
texts = json.loads(sys.argv[2])
said = {"cats": [doc.cats for doc in nlp.pipe(texts)]}
said["one by one"] = [nlp(text).cats for text in texts]
multiprocessing.set_forkserver_preload(["torch", "spacy"])
for method in sys.argv[3:]:
    multiprocessing.set_start_method(method, force=True)
    docs = nlp.pipe(texts * 20, n_process=2, batch_size=5)
    said[method] = [doc.cats for doc in docs][-len(texts):]
print(json.dumps(said))
"""


def ask(model, *methods, cwd):
    """Return what a fresh process says of the texts."""
    return json.loads(python(LOAD, str(model), json.dumps(UNSEEN), *methods, cwd=cwd))


def cats_of(nlp):
    return [doc.cats for doc in nlp.pipe(UNSEEN)]


def same(one, other):
    return [pytest.approx(cats, abs=1e-6) for cats in one] == other


@pytest.fixture(scope="module")
def nlp(trained):
    """Return the trained pipeline, for tests that don't change it."""
    return spacy.load(trained.model)


def test_fresh_process_predicts_what_the_training_process_did(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = write_world(tmp_path)
    overrides = [
        "--training.max_epochs",
        "2",
        "--tokenizer.@seqpipe_tokenizers",
        "seqpipe.Regex.v1",
    ]
    config = compile_file(file, overrides)
    trained_here = spacy.util.load_model_from_config(config, auto_fill=True)
    training = resolve_training(trained_here.config.interpolate())
    trained_here.initialize(lambda: training.train(trained_here), sgd=training.optimizer)
    random.seed(0)
    assert list(train(trained_here, training))
    expected = cats_of(trained_here)
    trained_here.to_disk(tmp_path / "model")

    said = ask(tmp_path / "model", cwd=tmp_path)

    assert said["cats"] == expected
    assert expected[0] != expected[1] != expected[2] != expected[3]


def test_fresh_process_says_the_same_in_one_process_and_in_two(trained, nlp, tmp_path):
    # Python's own choice depends on its version and on the system. Processes of a fork server begin as
    # spawned ones do, with all that they need pickled, but torch and spaCy are imported once for both.
    methods = multiprocessing.get_all_start_methods()
    used = ["fork", "forkserver"] if "forkserver" in methods else ["spawn"]
    said = ask(trained.model, *used, cwd=tmp_path)
    assert said["cats"] == cats_of(nlp)
    # An empty text by itself never gets to the model: spaCy gives it zeros.
    alone = [cats for cats, text in zip(said["one by one"], UNSEEN, strict=True) if text]
    assert same([cats for cats, text in zip(said["cats"], UNSEEN, strict=True) if text], alone)
    for method in used:
        assert same(said["cats"], said[method]), method
    assert said["cats"][0]["sea"] > 0.5 > said["cats"][1]["sea"]


def test_unknown_words_have_vectors_and_predictions(nlp):
    known, unknown, strange = nlp.pipe(["tide", "tidewater", "xyzzy"])
    vocabulary = nlp.vocab.vectors.embedder.vocabulary
    assert known.text in vocabulary and unknown.text not in vocabulary
    assert known.vector.any() and unknown.vector.any()
    for doc in (known, unknown, strange):
        assert sum(doc.cats.values()) == pytest.approx(1)


@pytest.mark.parametrize("way", ["to_bytes", "pickle"])
def test_round_trip_in_memory_keeps_predictions(nlp, way):
    if way == "pickle":
        again = pickle.loads(pickle.dumps(nlp))
    else:
        again = spacy.util.load_model_from_config(nlp.config, auto_fill=True)
        again.from_bytes(nlp.to_bytes())
    assert cats_of(again) == cats_of(nlp)


def test_pipeline_saved_by_spacy_over_a_model_of_ours_loads(trained, nlp, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained.model, folder)
    nlp.to_disk(folder)
    # What the manifest said isn't true any more.
    assert not storage.has_manifest(folder)
    assert cats_of(spacy.load(folder)) == cats_of(nlp)


def test_pipeline_saved_to_a_new_folder_and_loaded_from_there(nlp, tmp_path):
    nlp.to_disk(tmp_path / "model")
    assert cats_of(spacy.load(tmp_path / "model")) == cats_of(nlp)
    assert cats_of(spacy.load(tmp_path / "model", exclude=["tokenizer"])) == cats_of(nlp)


def test_saved_pipeline_can_be_trained_further_by_spacy(trained):
    nlp = spacy.load(trained.model)
    doc = nlp.make_doc("the xyzzy of plugh")
    example = spacy.training.Example.from_dict(doc, {"cats": {"sea": 0.0, "wood": 1.0}})
    before = nlp("the xyzzy of plugh").cats["wood"]
    optimizer = nlp.resume_training()
    for _ in range(5):
        nlp.update([example], sgd=optimizer)
    assert nlp("the xyzzy of plugh").cats["wood"] > before


def test_compiled_file_trains_with_spacys_own_command(tmp_path):
    write_world(tmp_path)
    compiled = seqpipe("compile", "pipeline.cfg", "--training.max_epochs", "6", cwd=tmp_path)
    assert compiled.returncode == 0 and compiled.stderr == ""
    (tmp_path / "config.cfg").write_text(compiled.stdout, encoding="utf-8")

    arguments = ["spacy", "train", "config.cfg", "--output", "trained"]
    done = run_process([sys.executable, "-m", *arguments], cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    nlp = spacy.load(tmp_path / "trained" / "model-best")
    assert nlp.pipe_names == ["tok2vec", "textcat"]
    assert nlp(SEA).cats["sea"] > 0.5 > nlp(WOOD).cats["sea"]
    assert set(nlp.get_pipe("textcat").labels) == set(WORDS)


def test_compiled_file_runs_as_a_pipeline_file_and_gives_the_same_model(
    trained, tmp_path, monkeypatch
):
    monkeypatch.chdir(trained.folder)
    compiled = compile_file(Path("pipeline.cfg")).to_str(interpolate=False)
    (tmp_path / "compiled.cfg").write_text(compiled, encoding="utf-8")
    result = run(tmp_path / "compiled.cfg", output=tmp_path / "out")
    assert result.report["test"] == trained.report["test"]
    weights = "tok2vec/model"
    assert (result.model / weights).read_bytes() == (trained.model / weights).read_bytes()
