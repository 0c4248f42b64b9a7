"""A run that pages refer to."""

import json

import pytest

from seqpipe.run import run

SMALL = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "{path}"

[embedder]
@seqpipe_embedders = "seqpipe.FastText.v1"
width = 8
min_count = 1

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 8

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[training]
max_epochs = 1
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The output folder of a run over a few texts."""
    folder = tmp_path_factory.mktemp("docs")
    texts = folder / "texts.jsonl"
    rows = [{"text": f"{w} number {i}", "label": w} for w in ("one", "two") for i in range(10)]
    texts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    file = folder / "pipeline.cfg"
    file.write_text(SMALL.format(path=texts.as_posix()), encoding="utf-8")
    run(file, output=folder / "run")
    return folder / "run"
