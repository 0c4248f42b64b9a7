"""Pipelines that label words, from a file of two columns to a saved model."""

import json
import random

import pytest
import spacy

from seqpipe.config import read
from seqpipe.errors import DataError
from seqpipe.messages import PipelineFileError
from seqpipe.run import run

PLACES = ["Bath", "York", "New York", "Kew"]
PEOPLE = ["Ada", "Ada Byron", "Grace Hopper", "Alan"]
FILE = """
[data]
@readers = "seqpipe.Columns.v1"
path = "{path}"
tags = {{"pos": 1, "ner": 2}}

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 16
epochs = 5
min_count = 1

[encoder]
width = 32

[head]
@seqpipe_heads = "seqpipe.{head}.v1"

[task]
@seqpipe_tasks = "seqpipe.{task}.v1"
{settings}

[training]
max_epochs = 20
eval_frequency = 100

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.01

[training.batcher]
@batchers = "spacy.batch_by_sequence.v1"
size = 8
"""


def sentence(draw):
    """Return the lines of a sentence whose names are known by the words before them."""
    words = [("from", "ADP", "O"), None, ("to", "ADP", "O"), ("see", "VERB", "O"), None]
    lines = []
    for each in words:
        if each is not None:
            lines.append(each)
            continue
        label = "LOC" if lines[-1][0] == "from" else "PER"
        name = draw.choice(PLACES if label == "LOC" else PEOPLE).split()
        lines += [
            (word, "PROPN", f"{'I' if place else 'B'}-{label}") for place, word in enumerate(name)
        ]
    return "".join(" ".join(line) + "\n" for line in lines)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    draw = random.Random(0)
    path = tmp_path_factory.mktemp("words") / "train.txt"
    path.write_text("\n".join(sentence(draw) for _ in range(200)), encoding="utf-8")
    return path


def write(folder, texts, head, task, settings=""):
    file = folder / "pipeline.cfg"
    text = FILE.format(path=texts.as_posix(), head=head, task=task, settings=settings)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("head", ["TokenClassifier", "Crf"])
def test_entities_are_learnt_saved_and_found_in_new_texts(tmp_path, texts, head):
    result = run(write(tmp_path, texts, head, "Entities"), output=tmp_path / "out")
    test = result.report["test"]
    assert test["f"] > 0.9
    assert {*test["labels"]} == {"LOC", "PER"}
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert report["test"]["f"] == test["f"]
    nlp = spacy.load(result.model)
    doc = nlp("from New York to see Ada Byron")
    assert [(e.text, e.label_) for e in doc.ents] == [("New York", "LOC"), ("Ada Byron", "PER")]
    assert all(0.3 < e._.confidence <= 1 for e in doc.ents)
    assert [span.text for span in doc.spans["entities"]] == ["New York", "Ada Byron"]
    docs = list(nlp.pipe(["from Kew to see Alan", "", "see Grace Hopper"]))
    assert [[e.text for e in doc.ents] for doc in docs] == [["Kew", "Alan"], [], ["Grace Hopper"]]


def test_parts_of_speech_are_learnt_by_their_name(tmp_path, texts):
    settings = 'tags = "pos"\nattribute = "pos"'
    result = run(
        write(tmp_path, texts, "TokenClassifier", "TokenLabels", settings), output=tmp_path / "out"
    )
    assert result.report["test"]["accuracy"] > 0.98
    doc = spacy.load(result.model)("from Bath to see Ada")
    assert [token.pos_ for token in doc] == ["ADP", "PROPN", "ADP", "VERB", "PROPN"]


def test_task_has_to_say_which_tags(tmp_path, texts):
    file = write(tmp_path, texts, "TokenClassifier", "TokenLabels")
    with pytest.raises(DataError, match='the data has the tags "pos", "ner": say by `tags`'):
        run(file, output=tmp_path / "out")
    assert not (tmp_path / "out" / "model-best").exists()


def test_rows_that_the_task_cannot_learn_are_left_out_if_they_may(tmp_path):
    rows = [{"text": f"see Ada {n}", "entities": [[4, 7, "PER"]]} for n in range(20)]
    rows[3]["entities"] = [[4, 6, "PER"]]
    rows[5]["entities"] = [[4, 7, "PER"], [0, 7, "PER"]]
    lines = tmp_path / "texts.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    file = write(tmp_path, lines, "Crf", "Entities")
    text = file.read_text("utf-8").replace("Columns", "Jsonl")
    text = text.replace('tags = {"pos": 1, "ner": 2}', 'spans = "entities"')
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"texts.jsonl:[46] has "):
        run(file, output=tmp_path / "out")
    options = ["--data.on_bad_row", "skip", "--training.max_epochs", "1"]
    report = run(read(file, options), output=tmp_path / "out").report
    assert sum(report["data"]["rows"].values()) == 18
    skipped = sorted(report["data"]["skipped"])
    assert "texts.jsonl:4: has a span from 4 to 6" in skipped[0]
    assert "texts.jsonl:6: has entities that overlap" in skipped[1]


def test_misspelt_setting_of_a_task_is_placed(tmp_path, texts):
    file = write(tmp_path, texts, "Crf", "Entities", "alignement = 1")
    with pytest.raises(PipelineFileError, match='did you mean "alignment"'):
        run(file, output=tmp_path / "out")


def test_classifier_of_texts_says_what_words_are_for(tmp_path, texts):
    file = write(tmp_path, texts, "TextClassifier", "TextClasses")
    with pytest.raises(DataError, match=r"has tags of words, like all rows, .* seqpipe\.Crf\.v1"):
        run(file, output=tmp_path / "out")


def test_part_without_rows_is_blamed_on_the_data(tmp_path):
    """All texts are the same, so that one part has them all."""
    words = tmp_path / "words.conll"
    words.write_text("see VERB O\nBath PROPN B-LOC\n\n" * 30, encoding="utf-8")
    file = tmp_path / "file.cfg"
    file.write_text(
        FILE.format(path=words, head="Crf", task="Entities", settings=""), encoding="utf-8"
    )
    with pytest.raises(DataError, match=r"\[data\].*the dev part has no rows"):
        run(file, output=tmp_path / "out")
