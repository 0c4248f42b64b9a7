"""The benchmark of how fast words are labelled, on some made-up sentences."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import word_speed


def test_everything_is_measured(monkeypatch, capsys):
    monkeypatch.delenv("SEQPIPE_DATA", raising=False)
    word_speed.main(["--sentences", "12", "--repeats", "1", "--threads", "1"])
    printed = capsys.readouterr().out
    assert re.search(r"CRF / softmax: \d+\.\d\d", printed)
    assert re.search(r"decoding / encoder: \d+\.\d\d", printed)
    assert len(re.findall(r"[\d,]+ words/s", printed)) == 4
