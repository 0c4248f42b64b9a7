"""Pipelines for pairs of texts, from a file to a saved model."""

import csv
import json
import random

import pytest
import spacy
from spacy.tokens import DocBin

from seqpipe.adapters import DocBinReader, pair_of
from seqpipe.errors import DataError
from seqpipe.parts.readers import Jsonl, Row, split_rows
from seqpipe.run import run

FILE = """
[data]
@readers = "seqpipe.Csv.v1"
path = "{path}"
text = "first"
{pair}

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 16
epochs = 5
min_count = 1

[encoder]
width = 32

[head]
@seqpipe_heads = "seqpipe.{head}.v1"

[training]
max_epochs = 15
eval_frequency = 50

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.01

[training.batcher]
@batchers = "spacy.batch_by_sequence.v1"
size = 8
"""
THINGS = ["bread", "wine", "salt", "fish", "rice", "milk", "tea", "soap"]


def pairs(draw, label):
    for _ in range(240):
        first = draw.sample(THINGS, 3)
        kept = draw.randint(0, 3)
        others = [thing for thing in THINGS if thing not in first]
        second = first[:kept] + draw.sample(others, 3 - kept)
        draw.shuffle(second)
        yield " ".join(first), " ".join(second), label(kept)


def write(folder, head, label, pair='pair = "second"'):
    texts = folder / "pairs.csv"
    with texts.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["first", "second", "label"])
        writer.writerows(pairs(random.Random(0), label))
    path = folder / "pipeline.cfg"
    path.write_text(FILE.format(path=texts.as_posix(), head=head, pair=pair), encoding="utf-8")
    return path


def test_similarity_is_learnt_and_does_not_hang_on_the_order(tmp_path):
    file = write(tmp_path, "PairRegressor", lambda kept: kept / 3 + 0.5)
    result = run(file, output=tmp_path / "out")
    assert result.report["test"]["pearson"] > 0.9
    nlp = spacy.load(result.model)
    same, other = pair_of(nlp, "tea and fish", "fish and tea"), pair_of(nlp, "tea fish", "rice")
    assert nlp(same)._.numbers["number"] > nlp(other)._.numbers["number"]
    swapped = nlp(pair_of(nlp, "rice", "tea fish"))
    assert swapped._.numbers["number"] == pytest.approx(other._.numbers["number"], abs=1e-4)


def test_classes_of_pairs_are_written_where_those_of_texts_are(tmp_path):
    file = write(tmp_path, "PairClassifier", lambda kept: "same" if kept == 3 else "other")
    result = run(file, output=tmp_path / "out")
    assert result.report["test"]["accuracy"] > 0.85
    nlp = spacy.load(result.model)
    assert nlp.pipe_names == ["tok2vec", "textcat"]
    [doc] = nlp.pipe([pair_of(nlp, "tea fish milk", "milk tea fish")])
    assert doc._.first_text == 3
    assert doc.cats["same"] > 0.5


def test_neither_text_of_a_pair_sees_the_other_and_a_single_text_is_warned_of(tmp_path):
    file = write(tmp_path, "PairClassifier", lambda kept: "same" if kept == 3 else "other")
    nlp = spacy.load(run(file, overrides=["--training.max_epochs", "1"], output=tmp_path).model)
    with pytest.warns(UserWarning, match="got a doc with one text"):
        alone = nlp("tea fish milk").tensor
    pair = nlp(pair_of(nlp, "tea fish milk", "rice soap")).tensor
    assert abs(pair[:3] - alone).max() < 1e-5


def test_head_for_pairs_needs_pairs(tmp_path):
    file = write(tmp_path, "PairClassifier", lambda kept: str(kept == 3), pair="")
    with pytest.raises(
        DataError, match=r"has one text, and the head of the component .textcat. compares"
    ):
        run(file, output=tmp_path / "out")


@pytest.mark.parametrize(
    ("settings", "row", "problem"),
    [
        ({"pair": "b"}, {"text": "x", "b": " ", "label": "y"}, "second text of its pair is empty"),
        ({"pair": "b"}, {"text": "x", "b": 3, "label": "y"}, '"b" is a number'),
        ({"pair": "b"}, {"text": "x", "label": "y"}, 'there is no key "b"'),
    ],
)
def test_pairs_without_a_second_text_are_refused(tmp_path, settings, row, problem):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=problem):
        Jsonl(str(path), **settings).read()


def test_pairs_are_split_by_both_texts():
    rows = [
        Row("which?", ("yes", "no")[i % 2 :][:1], f"r:{i}", pair=f"text {i}") for i in range(40)
    ]
    parts = split_rows(rows, {"train": 0.5, "test": 0.5}, seed=0)
    assert {name: len(each) for name, each in parts.items()} == {"train": 20, "test": 20}
    swapped = [Row(row.pair, row.labels, f"{row.source}b", pair=row.text) for row in rows]
    parts = split_rows([*rows, *swapped], {"train": 0.5, "test": 0.5}, seed=0)
    in_train = {frozenset((row.text, row.pair)) for row in parts["train"]}
    assert not any(frozenset((row.text, row.pair)) in in_train for row in parts["test"])


def test_pairs_survive_a_docbin(tmp_path):
    nlp = spacy.blank("en")
    doc = pair_of(nlp, "tea and fish", "fish")
    doc.cats = {"same": 1.0}
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "pairs.spacy")
    [row] = DocBinReader(str(tmp_path / "pairs.spacy")).read().rows
    assert (row.text.strip(), row.pair, row.labels) == ("tea and fish", "fish", ("same",))
