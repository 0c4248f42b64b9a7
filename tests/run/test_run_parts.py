"""Every part that seqpipe offers can be named in a pipeline file, and trains."""

import itertools
from pathlib import Path

import pytest
import spacy
from confection import Config
from e2e.small_world import UNSEEN, WORDS, write_texts

from seqpipe.hookspecs import KINDS
from seqpipe.parts.heads import TEXT_CLASSES
from seqpipe.plugins import host
from seqpipe.run import run

POOLS = ("last", "mean", "max", "attention")

#: What makes the parts small enough for a few short texts; settings that a part lacks are left out.
SMALL = {"width": 8, "epochs": 1, "min_count": 1, "subsample": 1.0}

FILE = """
[data]
@readers = "seqpipe.Folders.v1"
path = "texts"
split = {{"train": 0.6, "dev": 0.2, "test": 0.2}}

[tokenizer]
@seqpipe_tokenizers = "{tokenizers}"

[embedder]
@seqpipe_embedders = "{embedders}"
{embedder_settings}

[encoder]
@seqpipe_encoders = "{encoders}"
{encoder_settings}
{cell}

[head]
@seqpipe_heads = "{heads}"
pool = "{pool}"

[training]
max_steps = 2
"""


#: What parts need that have no default for everything.
INNER = """
[embedder.embedder]
@seqpipe_embedders = "seqpipe.FastText.v1"
width = 8
epochs = 1
min_count = 1
subsample = 1.0
"""
NEEDED = {
    "seqpipe.Pretrained.v1": 'path = "vectors.txt"',
    "seqpipe.Retrofitted.v1": 'synonyms = "pairs.txt"\n' + INNER,
    "seqpipe.CounterFitted.v1": 'antonyms = "pairs.txt"\n' + INNER,
}


def offered():
    """Return the names by kind of seqpipe's own parts that a pipeline is put together from."""
    parts = host().load("seqpipe").parts
    names = {kind: sorted(parts[kind]) for kind in KINDS if kind not in ("classifiers", "tasks")}
    return {**names, "heads": [name for name in names["heads"] if reads_texts(name)]}


def reads_texts(head):
    """Return whether a head puts single texts into classes; others read other data."""
    part = host().find("heads", head)
    factory = part.factory
    while hasattr(factory, "func"):
        factory = factory.func
    return part.task({}) == TEXT_CLASSES and not factory.sees_pairs


def combinations():
    """Return choices of a part for each kind: each cell in each encoder that takes one, all others at least once."""
    names = offered()
    takes_cell = [n for n in names["encoders"] if "cell" in host().find("encoders", n).settings]
    others = [name for name in names["encoders"] if name not in takes_cell]
    cells_in_encoders = [
        *itertools.product(names["cells"], takes_cell),
        *((names["cells"][0], name) for name in others),
    ]
    kinds = ("tokenizers", "embedders", "heads")
    most = max(len(cells_in_encoders), len(POOLS), *(len(names[kind]) for kind in kinds))
    for i in range(most):
        chosen = {kind: names[kind][i % len(names[kind])] for kind in kinds}
        cell, encoder = cells_in_encoders[i % len(cells_in_encoders)]
        yield {**chosen, "cells": cell, "encoders": encoder, "pool": POOLS[i % len(POOLS)]}


def settings(kind, name):
    part = host().find(kind, name)
    small = [f"{key} = {value}" for key, value in SMALL.items() if key in part.settings]
    return "\n".join([*small, NEEDED.get(name, "")])


def write_file(chosen):
    encoder = host().find("encoders", chosen["encoders"])
    cell = f'\n[encoder.cell]\n@seqpipe_cells = "{chosen["cells"]}"'
    text = FILE.format(
        **chosen,
        embedder_settings=settings("embedders", chosen["embedders"]),
        encoder_settings=settings("encoders", chosen["encoders"]),
        cell=cell if "cell" in encoder.settings else "",
    )
    Path("pipeline.cfg").write_text(text, encoding="utf-8")
    return Path("pipeline.cfg")


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Return a folder with texts of two classes."""
    folder = tmp_path_factory.mktemp("parts")
    write_texts(folder / "texts", texts=10)
    words = [word for group in WORDS.values() for word in group]
    lines = [" ".join([word, *(str(len(word) + i) for i in range(8))]) for word in words]
    (folder / "vectors.txt").write_text(
        "\n".join([f"{len(words)} 8", *lines, ""]), encoding="utf-8"
    )
    (folder / "pairs.txt").write_text("wave oak\na o\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def plain(texts):
    """Return a pipeline file, and the model that comes out of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(texts)
        chosen = {"tokenizers": "seqpipe.SpacyRules.v1", "embedders": "seqpipe.FastText.v1"}
        file = write_file(next(combinations()) | chosen).rename("plain.cfg")
        return file, run(file, output=texts / "plain").model


def test_combinations_have_every_part():
    chosen = list(combinations())
    for kind, names in offered().items():
        assert names and {each[kind] for each in chosen} == set(names)
    assert {each["pool"] for each in chosen} == set(POOLS)


def _short(chosen):
    return "-".join(name.split(".")[1] for name in chosen.values() if "." in name)


@pytest.mark.parametrize("chosen", list(combinations()), ids=_short)
def test_every_part_trains_and_loads(chosen, texts, tmp_path, monkeypatch):
    monkeypatch.chdir(texts)
    result = run(write_file(chosen), output=tmp_path)
    assert result.report["history"][-1]["step"] == 2
    written = Config().from_disk(tmp_path / "config.cfg").to_str()
    # The rules of the pipeline's language are spaCy's own tokenizer.
    named = {name for name in chosen.values() if "." in name} - {"seqpipe.SpacyRules.v1"}
    if "cell" not in host().find("encoders", chosen["encoders"]).settings:
        named -= {chosen["cells"]}
    assert not [name for name in named if f'"{name}"' not in written]
    for doc in spacy.load(result.model).pipe(UNSEEN):
        assert sum(doc.cats.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "overrides",
    [
        ["--embedder.architecture", "cbow"],
        ["--embedder.max_n", "0"],
        ["--embedder.trained_width", "4", "--embedder.trained_rows", "50"],
        ["--encoder.depth", "2", "--encoder.bidirectional", "false", "--encoder.window", "4"],
        ["--head.pool", '["last", "max"]'],
        ["--pipeline.lang", "de"],
    ],
    ids=lambda overrides: overrides[0],
)
def test_setting_reaches_its_part(overrides, plain, texts, tmp_path, monkeypatch):
    monkeypatch.chdir(texts)
    changed = run(plain[0], overrides=overrides, output=tmp_path)
    assert weights(changed.model) != weights(plain[1])
    assert spacy.load(changed.model).lang == ("de" if "de" in overrides else "en")


def weights(model):
    names = ("tok2vec/model", "textcat/model", "vocab/embedder/vectors.safetensors", "tokenizer")
    return [(model / name).read_bytes() for name in names if (model / name).exists()]
