"""The benchmark of embeddings runs, and compares what it says it does."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "embeddings.py"


def test_peers_train_on_the_same_corpus(tmp_path, monkeypatch):
    monkeypatch.delenv("SEQPIPE_DATA", raising=False)
    options = "--words 3000 --seeds 1 --epochs 1 --threads 1 --peers fasttext seqpipe --growth"
    result = tmp_path / "result.json"
    done = subprocess.run(
        [
            sys.executable,
            str(SCRIPT),
            *options.split(),
            "--models",
            "word2vec",
            "--json",
            str(result),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(result.read_text())
    once = {run["peer"]: run for run in found["runs"] if run["corpus"] == "once"}
    assert set(once) == {"fasttext", "seqpipe"}
    assert once["fasttext"]["known"] == once["seqpipe"]["known"] > 50
    assert all(run["seconds"] > 0 and run["memory"] > 2**20 for run in found["runs"])
    assert 3000 <= found["corpora"][0]["words"] < 4000
    growth = {(row["peer"], row["corpus"]): row for row in found["growth"]}
    assert len(growth) == 4
    for peer in once:
        assert growth[peer, "twice"]["known"][0] > 1.2
        assert growth[peer, "again"]["known"] == [1]
