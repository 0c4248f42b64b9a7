"""Taggers that see words by what language models of characters know of them."""

import json
import shutil
from pathlib import Path

import pytest
import spacy

from seqpipe.adapters import _contextual, _state_cache
from seqpipe.config import PipelineFileError, compile_file
from seqpipe.kernels.c import _engine
from seqpipe.run import run

LANGUAGE_MODEL = """
[data]
@readers = "seqpipe.Lines.v1"
path = "texts.txt"

[language_model]
width = 24
direction = "{direction}"
epochs = 4
batch_size = 4
learn_rate = 0.02
"""
TAGGER = """
[data]
@readers = "seqpipe.Columns.v1"
path = "tags.txt"

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 4
epochs = 1
min_count = 1
language_models = {models}

[encoder]
width = 16

[head]
@seqpipe_heads = "seqpipe.TokenClassifier.v1"

[task]
@seqpipe_tasks = "seqpipe.TokenLabels.v1"

[training]
max_epochs = {epochs}
eval_frequency = 20

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.02
"""
STEMS = ["bla", "bri", "cro", "dul", "fen", "gri", "hol", "jup", "kel", "lom", "mur", "nib"]
NOUNS, VERBS = [s + "ity" for s in STEMS], [s + "ate" for s in STEMS]
SENTENCES = [
    [("the", "DET"), (a, "NOUN"), ("must", "AUX"), (v, "VERB"), ("the", "DET"), (b, "NOUN")]
    for a, v, b in zip(NOUNS * 9, VERBS[5:] * 20, NOUNS[3:] * 12, strict=False)
]


@pytest.fixture(autouse=True)
def _there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_state_cache, "cache_folder", lambda: tmp_path / "cache")
    texts = [" ".join(word for word, _ in sentence) for sentence in SENTENCES]
    Path("texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    rows = ["".join(f"{word} {tag}\n" for word, tag in sentence) for sentence in SENTENCES]
    Path("tags.txt").write_text("\n".join(rows), encoding="utf-8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train both language models once."""
    folder = tmp_path_factory.mktemp("trained")
    texts = [" ".join(word for word, _ in sentence) for sentence in SENTENCES]
    (folder / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    for direction in ("forward", "backward"):
        text = LANGUAGE_MODEL.format(direction=direction)
        text = text.replace("texts.txt", (folder / "texts.txt").as_posix())
        (folder / f"{direction}.cfg").write_text(text, encoding="utf-8")
        run(folder / f"{direction}.cfg", output=folder / direction)
    return folder


@pytest.fixture
def models(trained):
    shutil.copytree(trained, "runs")
    return [f"runs/{name}/model-best" for name in ("forward", "backward")]


def tagger(models, *, epochs=5):
    text = TAGGER.format(models=json.dumps(models), epochs=epochs)
    Path("tagger.cfg").write_text(text, encoding="utf-8")
    return Path("tagger.cfg")


def files_of(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files}


def test_tagger_knows_words_that_it_never_saw_and_needs_no_other_folder(models):
    result = run(tagger(models, epochs=12), output=Path("out"))
    assert result.report["test"]["accuracy"] > 0.95
    shutil.rmtree("runs")
    shutil.rmtree("cache")
    nlp = spacy.load(result.model)
    doc = nlp("the zupity must fombate the kridity")
    assert [token.tag_ for token in doc] == [tag for _, tag in SENTENCES[0]]


def test_runs_with_and_without_a_cache_write_the_same_bytes(models, monkeypatch):
    file = tagger(models, epochs=2)
    first = files_of(run(file, output=Path("first")).model)
    assert any(path.is_file() for path in Path("cache").rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(_contextual.StateReader, "read", unread(_contextual.StateReader.read))
        stored = files_of(run(file, output=Path("stored")).model)
    monkeypatch.setattr(_contextual, "_MAX_KEPT", 0)
    computed = files_of(run(file, output=Path("computed")).model)
    assert len(first) > 5 and first == stored == computed


def unread(read):
    """Return what reads no more texts than initialisation and the test part need."""
    left = [2 * 60]

    def reading(self, text, spans):
        left[0] -= 1
        assert left[0] >= 0
        return read(self, text, spans)

    return reading


def test_any_number_of_threads_trains_the_same_files(models, monkeypatch):
    # Every pass is long enough for several threads, and every product for C.
    for limit in ("_MIN_THREADED_PRODUCTS", "_MIN_MULTIPLICATIONS", "_MIN_ROWS"):
        monkeypatch.setattr(_engine, limit, 1)
    file = tagger(models, epochs=1)
    found = []
    for threads in (1, 2):
        shutil.rmtree("cache", ignore_errors=True)
        found.append(files_of(run(file, output=Path(str(threads)), threads=threads).model))
    assert found[0] == found[1]


def test_compiled_file_is_run_alike(models):
    file = tagger(models, epochs=1)
    first = run(file, output=Path("out"))
    compiled = compile_file(file).to_str(interpolate=False)
    file.write_text(compiled, encoding="utf-8")
    assert run(file, output=Path("again")).report["test"] == first.report["test"]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["runs/missing"], ["`language_models` names runs/missing, which isn't there"]),
        (["runs/forward"], ["runs/forward, which can't be loaded"]),
        (["runs/blank"], ["runs/blank: the pipeline has no language model"]),
        ("runs/forward", ["expected a list"]),
        ([3], ["expected"]),
    ],
)
def test_mistakes_have_a_place_before_anything_is_fitted(models, named, expected):
    spacy.blank("en").to_disk("runs/blank")
    with pytest.raises(PipelineFileError) as caught:
        run(tagger(named), output=Path("out"))
    for part in [":11:", *expected]:
        assert part in str(caught.value), str(caught.value)
    assert not Path("out").exists() or not list(Path("out").rglob("*.safetensors"))
