"""Measure how long commands take that train nothing: ``python benchmarks/startup.py``.

What they're measured against is what any program with spaCy waits for, ``import spacy``, in the same
run: each command is called in turn, as often as ``--repeats`` says, and medians are compared. A first,
uncounted round fills the record of what parts take.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from machine import describe_machine

#: The mistakes are in seqpipe's sections and in spaCy's.
MISTAKES: Final = """\
[data]
@readers = "seqpipe.Csv.v1"
paht = "reviews.csv"

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
widht = 64

[encoder.cell]
@seqpipe_cells = "seqpipe.LTSM.v1"

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[training]
max_epoch = 3
"""
PIPELINE: Final = Path(__file__).parents[1] / "pipelines" / "bbc-news" / "pipeline.cfg"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="how often each is called")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(commands(Path(folder)), options.repeats)
    print(describe_machine())
    floor = statistics.median(seconds["import spacy"])
    for name, each in seconds.items():
        median = statistics.median(each)
        print(
            f"{name:<32}{median:6.2f} s  ({min(each):.2f} to {max(each):.2f})"
            f"  {median / floor:5.2f} of, {median - floor:+.2f} s to import spacy"
        )


def commands(folder: Path) -> dict[str, list[str]]:
    """Return what's called, by the name that the table gives it."""
    mistakes = folder / "mistakes.cfg"
    mistakes.write_text(MISTAKES, encoding="utf-8")
    seqpipe = [sys.executable, "-m", "seqpipe"]
    return {
        "import spacy": [sys.executable, "-c", "import spacy"],
        "seqpipe --help": [*seqpipe, "--help"],
        "seqpipe plugins show": [*seqpipe, "plugins", "show", "seqpipe.Recurrent.v1"],
        "seqpipe run, with mistakes": [*seqpipe, "run", str(mistakes)],
        "seqpipe compile, with mistakes": [*seqpipe, "compile", str(mistakes)],
        "seqpipe compile": [*seqpipe, "compile", str(PIPELINE)],
    }


def measure(calls: dict[str, list[str]], repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each call, in turns with the others."""
    # As installed packages are: their modules are compiled once, and not at each start.
    env = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            subprocess.run(call, capture_output=True, check=False, env=env)
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
