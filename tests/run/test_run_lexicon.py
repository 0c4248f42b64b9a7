"""Entities that a list of names tells, though no training text has them."""

import itertools
import json
from pathlib import Path

import pytest
import spacy

from seqpipe.config import PipelineFileError, compile_file
from seqpipe.run import run

FILE = """
[data]
@readers = "seqpipe.Columns.v1"
path = "names.txt"

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 4
epochs = 1
min_count = 1
{setting}

[encoder]
width = 16

[head]
@seqpipe_heads = "seqpipe.Crf.v1"

[task]
@seqpipe_tasks = "seqpipe.Entities.v1"

[training]
max_epochs = 12
eval_frequency = 20

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.02
"""
LISTS = 'gazetteers = {"person": "persons.txt"}'
#: Words that tell nothing by themselves; every second one is a name.
WORDS = ["".join(letters) for letters in itertools.product("bdfgklmn", "aeiou", "prstvz")]
NAMES = WORDS[::2]


@pytest.fixture(autouse=True)
def _there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sentences = [f"{word} O\n{name} B-PER\n" for word, name in zip(WORDS[1::2], NAMES, strict=True)]
    sentences += [
        f"{name} B-PER\n{word} O\n" for word, name in zip(WORDS[3::2], NAMES, strict=False)
    ]
    Path("names.txt").write_text("\n".join(sentences), encoding="utf-8")
    Path("persons.txt").write_text("\n".join(NAMES).upper(), encoding="utf-8")


def trained(setting):
    Path("pipeline.cfg").write_text(FILE.format(setting=setting), encoding="utf-8")
    return run(Path("pipeline.cfg"), output=Path("out"))


def test_names_of_a_list_are_found_and_the_saved_pipeline_needs_no_list():
    assert trained("").report["test"]["f"] < 0.8
    result = trained(LISTS)
    assert result.report["test"]["f"] > 0.95
    Path("persons.txt").unlink()
    nlp = spacy.load(result.model)
    assert [entity.text for entity in nlp(f"{WORDS[1]} {NAMES[5]}").ents] == [NAMES[5]]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('gazetteers = {"person": "person.txt"}', ["the list 'person': person.txt", ":11:"]),
        ('lexicon = "words.vec"', ["words.vec", ":11:"]),
        ('gazetteers = "persons.txt"', ["gazetteers", ":11:"]),
    ],
)
def test_list_that_cannot_be_read_is_reported_where_it_is_named(setting, said):
    with pytest.raises(PipelineFileError) as caught:
        trained(setting)
    assert all(part in str(caught.value) for part in said)


def test_settings_reach_the_encoder():
    settings = {"gazetteers": {"person": "persons.txt"}, "lexicon": "words.vec", "lexicon_words": 9}
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
    Path("pipeline.cfg").write_text(FILE.format(setting=lines), encoding="utf-8")
    config = compile_file(Path("pipeline.cfg"))
    model = config["components"]["tok2vec"]["model"]
    assert {key: model[key] for key in settings} == settings
