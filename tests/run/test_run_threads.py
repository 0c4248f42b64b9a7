"""A run gives the same files for any number of threads."""

from seqpipe.kernels.c import _engine
from seqpipe.run import run

PIPELINE = """
[data]
@readers = "seqpipe.Csv.v1"
path = "{path}"

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 4
epochs = 1
min_count = 1

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 12
residual = true
dropout = 0.2
cell = {"@seqpipe_cells": "seqpipe.PeepholeLSTM.v1"}

[head]

[training]
max_steps = 2
"""


def test_any_number_of_threads_trains_the_same_files(tmp_path, monkeypatch):
    # Every pass is long enough for several threads, and every product for C.
    for limit in ("_MIN_THREADED_PRODUCTS", "_MIN_MULTIPLICATIONS", "_MIN_ROWS"):
        monkeypatch.setattr(_engine, limit, 1)
    rows = [f"{'good' if n % 2 else 'bad'} {'word ' * (n % 7)}end,{'ab'[n % 2]}" for n in range(60)]
    table = tmp_path / "rows.csv"
    table.write_text("\n".join(["text,label", *rows, ""]), encoding="utf-8")
    file = tmp_path / "pipeline.cfg"
    file.write_text(PIPELINE.replace("{path}", table.as_posix()), encoding="utf-8")
    found = []
    for threads in (1, 2, 3):
        made = run(file, output=tmp_path / str(threads), threads=threads)
        assert made.report["machine"]["threads"] == threads
        files = [path for path in made.model.rglob("*") if path.is_file()]
        found.append({path.relative_to(made.model): path.read_bytes() for path in files})
    assert len(found[0]) > 5 and found[0] == found[1] == found[2]
