"""Exported pipelines, read by their reader in a process without torch, spaCy and seqpipe, predict what the pipelines do."""

import functools
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import spacy
from e2e.small_world import UNSEEN, write_rows
from spacy.training import Example

from seqpipe.errors import ExportError, SavedModelError
from seqpipe.export import export_pipeline, reader
from seqpipe.export.reader import words_of
from seqpipe.inference import load_pipeline
from seqpipe.run import run

SAVED = Path(__file__).parents[1] / "saved_models"
SETTINGS = {"seqpipe_wide": {"classifier": {"@seqpipe_classifiers": "seqpipe.NGramClassifier.v1"}}}
#: White space of all kinds; unknown words, and some that fastText writes otherwise; other scripts, and half a character.
TEXTS = [
    *UNSEEN,
    "\n the gull.  near\tthe \u00a0 REEF\u2028Gull\n\n",
    " ",
    "x",
    "</s> a\x1ab <b> \U000f0041 naïve 海の木 \U0001f600 owls gullible",
    "of an oak and a wave " * 60,
]

TEXT_CLASSES = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "rows.jsonl"

[tokenizer]
@seqpipe_tokenizers = "seqpipe.{tokenizer}.v1"

[embedder.parts]
@seqpipe_embedders = "seqpipe.FastText.v1"
width = 6
min_count = 1
lower = true
standardize = true
tune = true

[embedder.whole]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 4
min_count = 1

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 8
window = 16
residual = true

[encoder.cell]
@seqpipe_cells = "seqpipe.GRU.v1"

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v2"
{head}

[wide]
@seqpipe_classifiers = "seqpipe.NGramClassifier.v1"
{wide}

[decision]

[training]
max_epochs = 2

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.03
"""

WORD_LABELS = """
[data]
@readers = "seqpipe.Columns.v1"
path = "words.conll"

[embedder]
@seqpipe_embedders = "seqpipe.FastText.v1"
width = 6
min_count = 1

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 8

[head]
@seqpipe_heads = "{head}"

[task]
@seqpipe_tasks = "seqpipe.TokenLabels.v1"
{task}

[training]
max_epochs = 2
"""


def trained(folder, pipeline):
    (folder / "pipeline.cfg").write_text(pipeline, encoding="utf-8")
    return load_pipeline(str(run(folder / "pipeline.cfg", output=folder / "run").model))


#: Runs a reader, and fails if it has imported what it should do without.
READ = """
import runpy, sys
runpy.run_path(sys.argv[1], run_name="__main__")
assert not {"torch", "spacy", "seqpipe", "thinc", "onnx"} & set(sys.modules), set(sys.modules)
"""


def read(folder, texts):
    """Return what the reader in a folder prints of lists of words."""
    # In a process of its own, where nothing has been imported for other tests.
    command = [sys.executable, "-I", "-c", READ, str(folder / "reader.py"), "--words"]
    lines = "".join(f"{json.dumps(words)}\n" for words in texts)
    done = subprocess.run(command, input=lines, capture_output=True, encoding="utf-8", check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def load_reader(folder):
    """Return the reader's module."""
    spec = importlib.util.spec_from_file_location("reader", folder / "reader.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_same_classes(nlp, found, texts):
    for doc, one in zip(nlp.pipe(map(nlp.make_doc, texts)), found, strict=True):
        assert one["scores"] == pytest.approx(doc.cats, abs=1e-5)
        if nlp.has_pipe("decision"):
            assert one["labels"] == list(doc._.decision)


@pytest.mark.parametrize(
    "name", ["text-classifier", "several-labels", "side-by-side", "pretrained"]
)
def test_saved_models_are_read_in_a_process_of_their_own(name, tmp_path):
    nlp = load_pipeline(str(SAVED / name))
    export_pipeline(nlp, tmp_path / "exported")
    words = [[token.text for token in nlp.make_doc(text)] for text in TEXTS]
    assert_same_classes(nlp, read(tmp_path / "exported", words), TEXTS)


@pytest.mark.parametrize(
    ("tokenizer", "head", "wide"),
    [
        ("Regex", "", ""),
        ("Whitespace", "exclusive = false", "exclusive = false\nword_ngrams = 3"),
        ("Characters", "", 'weighting = "binary"\nmax_n = 0\nlower = false\ntext_ends = false'),
    ],
)
def test_trained_pipeline_is_exported_with_all_that_it_has(
    tokenizer, head, wide, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rows.jsonl", rows=60)
    nlp = trained(tmp_path, TEXT_CLASSES.format(tokenizer=tokenizer, head=head, wide=wide))
    assert nlp.pipe_names[2:] == ["wide", "decision"]
    export_pipeline(nlp, tmp_path / "exported")
    pipeline = load_reader(tmp_path / "exported").Pipeline(tmp_path / "exported")
    for text in TEXTS:
        doc = nlp.make_doc(text)
        words = [token.text for token in doc]
        assert pipeline.tokens(text) == words
        words.append("half\ud800acharacter")
        np.testing.assert_allclose(
            pipeline.tables[0].vectors(words),
            nlp.vocab.vectors.embedder.embed(words)[:, :6],
            atol=1e-6,
        )
    assert_same_classes(nlp, pipeline.predict(TEXTS), TEXTS)


@pytest.mark.parametrize(
    ("head", "task"),
    [
        ("seqpipe.TokenClassifier.v1", ""),
        ("seqpipe.TokenClassifier.v1", 'scheme = "BIO"'),
        ("seqpipe.Crf.v1", ""),
        ("seqpipe.Crf.v1", 'scheme = "BIO"'),
    ],
)
def test_labels_of_words_are_those_of_the_pipeline(head, task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        f"Ada B-PER\nByron{n} I-PER\nwrote O\nto O\nLondon B-LOC\n\nwe{n} O\nsaw O\nAda B-PER\n\n"
        for n in range(10)
    ]
    (tmp_path / "words.conll").write_text("".join(rows), encoding="utf-8")
    nlp = trained(tmp_path, WORD_LABELS.format(head=head, task=task))
    chance = np.random.default_rng(0)
    module = nlp.get_pipe("task").heads()[0]
    for parameter in module.parameters():
        # So that labels differ, and a scheme has something to forbid.
        parameter.data.copy_(parameter.new_tensor(chance.normal(size=parameter.shape, scale=2)))
    export_pipeline(nlp, tmp_path / "exported")
    pipeline = load_reader(tmp_path / "exported").Pipeline(tmp_path / "exported")
    texts = ["Ada saw London.", "", "we wrote\n\nto  Byron and to Ada", "a " * 40]
    docs = list(nlp.pipe(map(nlp.make_doc, texts)))
    for doc, one in zip(docs, pipeline.predict([[t.text for t in d] for d in docs]), strict=True):
        words = [token for token in doc if not token.is_space]
        assert one["words"] == [token.text for token in words]
        assert one["labels"] == [token.tag_ for token in words]
        scores = nlp.get_pipe("task").predict([doc]) if len(doc) else np.zeros((0, 5))
        labels = list(nlp.get_pipe("task").labels)
        expected = [scores[t.i, labels.index(t.tag_)] for t in words]
        np.testing.assert_allclose(one["scores"], expected, atol=1e-5)


def test_long_texts_and_many_do_not_depend_on_each_other(tmp_path):
    nlp = load_pipeline(str(SAVED / "several-labels"))
    export_pipeline(nlp, tmp_path / "exported")
    reader = load_reader(tmp_path / "exported")
    pipeline = reader.Pipeline(tmp_path / "exported")
    texts = [f"{'wave oak ' * n} gull{n}" for n in (0, 300, 3, 7, 0, 50)]
    together = pipeline.predict(texts)
    reader.WORDS_AT_ONCE = 1
    for text, one, alone in zip(texts, together, pipeline.predict(texts), strict=True):
        assert one["scores"] == pytest.approx(alone["scores"], abs=1e-6)
        assert one["scores"] == pytest.approx(nlp(text).cats, abs=1e-5)
    assert pipeline.predict([]) == []


def test_text_for_a_tokenizer_that_the_reader_lacks_is_an_error(tmp_path):
    export_pipeline(load_pipeline(str(SAVED / "text-classifier")), tmp_path / "exported")
    pipeline = load_reader(tmp_path / "exported").Pipeline(tmp_path / "exported")
    with pytest.raises(TypeError, match=r"give lists of words: .* spacy\.tokenizer\.Tokenizer"):
        pipeline.predict(["a text"])
    with pytest.raises(TypeError, match="a text is a string or a list of strings"):
        pipeline.predict([["gull", 3]])
    with pytest.raises(TypeError, match="that aren't empty"):
        pipeline.predict([["gull", ""]])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 7 isn't JSON"),
        ('"gull"', "line 7 should be a list of strings"),
        ('["gull", ""]', "line 7 should be a list of strings"),
        ("null", "line 7 should be a list of strings"),
    ],
)
def test_line_that_is_no_list_of_words_is_named(line, message):
    assert words_of('["gull"]', 1) == ["gull"]
    with pytest.raises(SystemExit, match=message):
        words_of(line, 7)


def test_lines_end_with_line_feeds_alone(tmp_path, monkeypatch, capsys):
    (tmp_path / "texts.txt").write_bytes(b"one\rtwo\r\nthree\n")
    given = []
    pipeline = SimpleNamespace(
        settings={"tokenizer": {"kind": "whitespace"}},
        predict=lambda texts: given.extend(texts) or [{"labels": []}] * len(texts),
    )
    monkeypatch.setattr(reader, "Pipeline", lambda: pipeline)
    opened = functools.partial(open, tmp_path / "texts.txt")
    monkeypatch.setattr(reader, "open", lambda _, **how: opened(**how), raising=False)
    monkeypatch.setattr("sys.argv", ["reader.py"])
    reader.main()
    assert given == ["one\rtwo", "three"]
    assert capsys.readouterr().out == '{"labels": []}\n' * 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("trained-and-tuned", "by trained_width can't be exported"),
        ("fasttext-classifier", "the component 'classifier', a ClassifierPipe, can't be exported"),
        ("tagger", "should have one head for classes of texts or labels of words"),
        ("embedding", r"the pipeline \(no components\) can't be exported"),
    ],
)
def test_pipelines_that_cannot_be_exported_are_refused_and_nothing_is_written(
    name, message, tmp_path
):
    with pytest.raises(ExportError, match=message):
        export_pipeline(load_pipeline(str(SAVED / name)), tmp_path / "exported")
    assert not list(tmp_path.iterdir())


def test_other_components_are_refused_by_name(tmp_path):
    nlp = load_pipeline(str(SAVED / "text-classifier"))
    nlp.add_pipe("sentencizer", name="cutter")
    with pytest.raises(ExportError, match="the component 'cutter', a Sentencizer, can't"):
        export_pipeline(nlp, tmp_path / "exported")


def test_classifier_of_other_labels_than_the_heads_is_refused(tmp_path):
    nlp = load_pipeline(str(SAVED / "text-classifier"))
    wide = nlp.add_pipe(
        "seqpipe_wide",
        config=SETTINGS["seqpipe_wide"],
    )
    doc = nlp.make_doc("gull reef")
    doc.cats = {"sea": 1.0, "sky": 0.0}
    wide.initialize(lambda: [Example(doc, doc)])
    with pytest.raises(
        ExportError, match="the component 'seqpipe_wide' can't be exported: it has other"
    ):
        export_pipeline(nlp, tmp_path / "exported")


def test_folder_that_is_not_ours_is_left_alone_and_our_own_is_replaced(tmp_path):
    nlp = load_pipeline(str(SAVED / "pretrained"))
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("all my work")
    with pytest.raises(SavedModelError, match="can't be replaced"):
        export_pipeline(nlp, tmp_path / "theirs")
    assert [file.name for file in (tmp_path / "theirs").iterdir()] == ["thesis.txt"]
    export_pipeline(nlp, tmp_path / "ours")
    load_reader(tmp_path / "ours")
    before = (tmp_path / "ours" / "model.onnx").read_bytes()
    export_pipeline(nlp, tmp_path / "ours")
    assert (tmp_path / "ours" / "model.onnx").read_bytes() == before


def test_trained_model_is_not_replaced_by_its_export(tmp_path):
    model = tmp_path / "model"
    shutil.copytree(SAVED / "pretrained", model)
    (model / "__pycache__").mkdir()
    (model / "__pycache__" / "reader.cpython.pyc").write_bytes(b"")
    before = sorted(model.rglob("*"))
    with pytest.raises(SavedModelError, match="that isn't an export stands there"):
        export_pipeline(load_pipeline(str(SAVED / "pretrained")), model)
    assert sorted(model.rglob("*")) == before


def test_order_of_components_that_the_reader_has_not_is_refused(tmp_path):
    nlp = load_pipeline(str(SAVED / "text-classifier"))
    nlp.add_pipe("seqpipe_decision", first=True)
    with pytest.raises(ExportError, match="only in that of encoder, head, wide, decision"):
        export_pipeline(nlp, tmp_path / "exported")


@pytest.mark.parametrize(
    ("factory", "message"),
    [("seqpipe_decision", "2 components of the kind decision"), ("seqpipe_wide", "kind wide")],
)
def test_two_components_of_one_kind_are_refused(factory, message, tmp_path):
    nlp = load_pipeline(str(SAVED / "text-classifier"))
    for name in ("one", "other"):
        nlp.add_pipe(factory, name=name, config=SETTINGS.get(factory, {}))
    with pytest.raises(ExportError, match=message):
        export_pipeline(nlp, tmp_path / "exported")


def test_reader_that_gives_something_else_is_noticed_and_nothing_is_written(tmp_path, monkeypatch):
    nlp = load_pipeline(str(SAVED / "several-labels"))
    monkeypatch.setattr(
        "seqpipe.export.reader.Pipeline._mix", lambda self, words, scores: scores / 2
    )
    with pytest.raises(ExportError, match="its reader gives scores that differ by up to 0"):
        export_pipeline(nlp, tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


def test_interrupted_export_leaves_nothing(tmp_path, monkeypatch):
    def fail(*arguments, **arrays):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(KeyboardInterrupt):
        export_pipeline(load_pipeline(str(SAVED / "pretrained")), tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


def test_blank_pipeline_of_spacys_is_refused(tmp_path):
    with pytest.raises(ExportError, match="can't be exported"):
        export_pipeline(spacy.blank("en"), tmp_path / "exported")
