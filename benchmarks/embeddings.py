"""Trains word vectors by seqpipe, by the fastText library itself, and by gensim, on the same corpus.

Every run is a process of its own, from a text file of words to vectors in memory, so set-up counts and
memory can be measured separately. Peers take turns. See benchmarks/README.md.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from embeddings_corpus import write_corpus
from embeddings_growth import compare_growth, growth_table
from embeddings_peers import MODELS, PEERS
from machine import describe_machine
from rich.console import Console
from rich.table import Table

from seqpipe.evaluation import Fitted
from seqpipe.evaluation.embeddings import Analogies, WordSimilarity
from seqpipe.parts.embedders import Pretrained

#: The settings of each peer, by seqpipe's names.
SETTINGS: dict[str, Any] = {
    "width": 100,
    "window": 5,
    "negatives": 5,
    "min_count": 5,
    "epochs": 5,
    "subsample": 1e-4,
    "learning_rate": 0.05,
}
SIMILARITY = {
    "WS-353": "EN-WS-353-ALL.txt",
    "MEN": "EN-MEN-TR-3k.txt",
    "SimLex": "EN-SIMLEX-999.txt",
    "RG-65": "EN-RG-65.txt",
}


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        corpora = list(_corpora(options, Path(name)))
        runs = list(_runs(options, corpora))
    # A file has no width of its own, and 80 columns are too few.
    console = Console() if sys.stdout.isatty() else Console(width=120)
    first = [run for run in runs if run["corpus"] == corpora[0]["name"]]
    for model in options.models:
        mine = [run for run in first if run["model"] == model]
        console.print(_table(model, mine))
        if mine[0]["sections"]:
            console.print(_section_table(model, mine))
    growth = list(compare_growth(runs, corpora[0]["name"], [each["name"] for each in corpora[1:]]))
    if growth:
        console.print(growth_table(growth))
    result = {
        "machine": describe_machine(),
        "corpora": [{key: each[key] for key in each if key != "path"} for each in corpora],
        "settings": {**SETTINGS, "threads": options.threads},
        "runs": runs,
        "growth": growth,
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=4_000_000, help="length of the corpus")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--epochs", type=int, default=SETTINGS["epochs"])
    parser.add_argument("--growth", action="store_true", help="corpora twice as long, too")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _corpora(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """Write the corpora, each with the `min_count` that it's trained with."""
    least = SETTINGS["min_count"]
    once, twice, again = (folder / f"{name}.txt" for name in ("once", "twice", "again"))
    written = write_corpus(once, words=options.words)
    yield {"name": "once", "path": once, "min_count": least, **written}
    if options.growth:
        longer = write_corpus(twice, words=2 * options.words)
        yield {"name": "twice", "path": twice, "min_count": least, **longer}
        text = once.read_text(encoding="utf-8")
        again.write_text(text + text, encoding="utf-8")
        doubled = {key: 2 * written[key] for key in ("lines", "words", "bytes")}
        yield {"name": "again", "path": again, "min_count": 2 * least, **written, **doubled}


def _runs(
    options: argparse.Namespace, corpora: Sequence[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    for seed in range(options.seeds):
        for model in options.models:
            # In a rotating order, as a machine may become slower or faster meanwhile.
            for peer in options.peers if seed % 2 == 0 else reversed(options.peers):
                for corpus in corpora if seed % 2 == 0 else reversed(corpora):
                    yield _run(options, corpus, model, peer, seed)


def _run(
    options: argparse.Namespace, corpus: dict[str, Any], model: str, peer: str, seed: int
) -> dict[str, Any]:
    """Train in a process of its own, and score what it left."""
    with tempfile.TemporaryDirectory() as name:
        common = {"epochs": options.epochs, "threads": options.threads, "seed": seed}
        settings = {**SETTINGS, **common, "min_count": corpus["min_count"]}
        command = [sys.executable, str(Path(__file__).with_name("embeddings_peers.py"))]
        job = {"peer": peer, "model": model, "corpus": str(corpus["path"]), "settings": settings}
        done = subprocess.run(
            [*command, json.dumps(job)], cwd=name, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{peer}, {model}, seed {seed}:\n{done.stderr[-2000:]}")
        measured = json.loads(done.stdout.splitlines()[-1])
        scores, sections = _scores(Path(name))
    which = {"model": model, "peer": peer, "seed": seed, "corpus": corpus["name"]}
    speed = corpus["words"] * options.epochs / measured["seconds"]
    print(*which.values(), f"{measured['seconds']:.1f} s", file=sys.stderr, flush=True)
    return {**which, **measured, "words_per_second": speed, "scores": scores, "sections": sections}


def _scores(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Score the vectors that a peer left by each list and by each section of the analogies, if there are lists."""
    if "SEQPIPE_DATA" not in os.environ:
        return {}, {}
    vectors, words = (str(folder / name) for name in ("vectors.npy", "words.txt"))
    embedder = Pretrained(path=vectors, vocabulary_path=words)
    embedder.fit([])
    fitted = Fitted(embedder)
    scores = {
        name: next(iter(WordSimilarity(path=f"data:wordsim/{file}")(fitted).values()))["spearman"]
        for name, file in SIMILARITY.items()
    }
    (analogies,) = Analogies(path="data:analogies_en/questions-words.txt")(fitted).values()
    scores["analogies"] = analogies["3cosadd"]
    sections = {name: found["3cosadd"] for name, found in analogies["sections"].items()}
    return _with_nan(scores), _with_nan(sections)


def _with_nan(scores: dict[str, float | None]) -> dict[str, float]:
    return {name: float("nan") if score is None else score for name, score in scores.items()}


def _table(model: str, runs: list[dict[str, Any]]) -> Table:
    table = Table(title=model)
    names = list(runs[0]["scores"])
    for column in (
        "peer",
        "seconds",
        "÷ library",
        "processor",
        "÷ library",
        "words/s",
        "MiB",
        *names,
    ):
        table.add_column(column, justify="left" if column == "peer" else "right")
    library = {run["seed"]: run for run in runs if run["peer"] == "fasttext"}
    for peer in sorted({run["peer"] for run in runs}, key=list(PEERS).index):
        mine = [run for run in runs if run["peer"] == peer]
        times = [cell for key in ("seconds", "processor") for cell in _time(key, mine, library)]
        table.add_row(
            peer,
            *times,
            f"{statistics.median(run['words_per_second'] for run in mine):,.0f}",
            f"{statistics.median(run['memory'] for run in mine) / 2**20:,.0f}",
            *(_spread([run["scores"][name] for run in mine]) for name in names),
        )
    return table


def _section_table(model: str, runs: list[dict[str, Any]]) -> Table:
    table = Table("section", title=f"{model}: analogies")
    peers = [peer for peer in PEERS if any(run["peer"] == peer for run in runs)]
    for peer in peers:
        table.add_column(peer, justify="right")
    for section in runs[0]["sections"]:
        found = [
            [run["sections"][section] for run in runs if run["peer"] == each] for each in peers
        ]
        table.add_row(section, *map(_spread, found))
    return table


def _time(
    key: str, mine: list[dict[str, Any]], library: dict[int, dict[str, Any]]
) -> tuple[str, str]:
    """Return the median of a time, and of its ratios to the library's with the same seed."""
    ratios = [run[key] / library[run["seed"]][key] for run in mine if run["seed"] in library]
    median = f"{statistics.median(run[key] for run in mine):.1f}"
    return median, f"{statistics.median(ratios):.3f}" if ratios else ""


def _spread(values: list[float]) -> str:
    spread = np.std(values, ddof=1) if len(values) > 1 else float("nan")
    return f"{np.mean(values):.3f} ± {spread:.3f}"


if __name__ == "__main__":
    main()
