"""Compare text classifiers on ten sets: how often they're right, how fast, and how large.

    python benchmarks/accuracy.py --sets trec subj --systems tfidf-lr nb-svm --seeds 0 1 2
    python benchmarks/accuracy.py --systems seqpipe seqpipe:pipelines/bbc-news/pipeline.cfg

Each system is trained on each set with each seed, in a process of its own. What comes out is saved after
every training, in the file --json, and a training that's there already isn't repeated: a run that was stopped
goes on with the same command. All that the file has becomes tables on a page, --page, in Markdown.

Most sets are below the folder that the environment variable SEQPIPE_DATA names; those that can't be read are
left out, and it's said why. A system is one of the names below, or "seqpipe:FILE", a pipeline file, of which
everything is used but the data. benchmarks/README.md says what each is, and how its settings are picked.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from accuracy_report import draw_table, page
from accuracy_systems import RECIPE, SYSTEMS, Job
from machine import describe_machine
from rich.console import Console
from text_sets import SETS, available, write_set

from seqpipe.errors import DataError

_ROOT: Final = Path(__file__).parents[1]
_RESULTS: Final = _ROOT / "docs" / "benchmarks"
_PACKAGES: Final = (
    "seqpipe",
    "spacy",
    "thinc",
    "torch",
    "numpy",
    "scikit-learn",
    "fasttext-community",
)
#: Each library that computes has its own variable for the number of its threads.
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_OPTIONAL_SETS: Final = ("imdb-full",)
_OPTIONAL_SYSTEMS: Final = ("fasttext-autotune",)


@dataclass
class Results:
    """What a file has: the cells, the rows of the sets, and where each cell was measured."""

    path: Path
    sets: dict[str, dict[str, int]] = field(default_factory=dict)
    environments: list[dict[str, Any]] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Read the file, if there's one."""
        if not path.exists():
            return cls(path)
        return cls(path, **json.loads(path.read_text(encoding="utf-8")))

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the path."""
        return {"sets": self.sets, "environments": self.environments, "cells": self.cells}

    def write(self) -> None:
        """Replace the file at once: one that's stopped while it writes leaves the file as it was."""
        unfinished = self.path.with_name(self.path.name + ".unfinished")
        unfinished.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
        unfinished.replace(self.path)

    def has(self, key: dict[str, Any]) -> bool:
        """Return whether a cell was measured; one that failed wasn't."""
        return any(
            "score" in cell and all(cell[name] == value for name, value in key.items())
            for cell in self.cells
        )

    def add(self, key: dict[str, Any], found: dict[str, Any], threads: int) -> None:
        """Put in a cell, in the place of an earlier one, and write the file."""
        self.cells = [
            cell for cell in self.cells if any(cell[name] != key[name] for name in key)
        ] + [{**key, **found, "environment": self._environment(threads)}]
        self.write()

    def _environment(self, threads: int) -> int:
        here = {"threads": threads, "machine": describe_machine(), "versions": _versions()}
        for each in self.environments:
            if all(each[name] == here[name] for name in here):
                return int(each["number"])
        number = 1 + max((each["number"] for each in self.environments), default=-1)
        self.environments.append({"number": number, "date": date.today().isoformat(), **here})
        return number


def main() -> None:
    arguments = parse_arguments()
    console = Console() if sys.stdout.isatty() else Console(width=120)
    results = Results.read(arguments.json)
    with tempfile.TemporaryDirectory() as temporary:
        work = (arguments.work or Path(temporary)).resolve()
        if not arguments.render:
            measure_all(arguments, results, work, console)
    for name in arguments.sets:
        if any(cell["set"] == name for cell in results.cells):
            console.print(draw_table(results.cells, name))
    if results.cells:
        arguments.page.write_text(page(results.as_dict()), encoding="utf-8")


def measure_all(
    arguments: argparse.Namespace, results: Results, work: Path, console: Console
) -> None:
    """Measure what isn't in the results yet; the sets take turns, so that each soon has some figures."""
    readable = list(write_sets(arguments.sets, results, work, console))
    for seed in arguments.seeds:
        for name in readable:
            for system in arguments.systems:
                key = {"set": name, "system": shown(system), "seed": seed}
                if results.has(key) and not arguments.again:
                    continue
                found = measure(_job(name, system, seed, arguments.threads, work))
                results.add(key, found, arguments.threads)
                line = f"{name:14}{shown(system):20} seed {seed}  {_figures(found)}"
                console.print(line, markup=False, highlight=False, soft_wrap=True)


def write_sets(
    names: Sequence[str], results: Results, work: Path, console: Console
) -> Iterator[str]:
    """Write the sets' files, and yield the names of those that could be read."""
    for name, parts in available(names):
        if isinstance(parts, DataError):
            console.print(f"{name} is left out: {parts}", style="red", markup=False, soft_wrap=True)
            continue
        write_set(parts, work / name)
        results.sets[name] = {part: len(rows) for part, rows in parts.items()}
        yield name


def measure(job: Job) -> dict[str, Any]:
    """Measure one cell in a process of its own; its error is the result, if it fails."""
    command = [sys.executable, str(Path(__file__).with_name("accuracy_cell.py"))]
    given = json.dumps({**asdict(job), "data": str(job.data)})
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, given],
            cwd=folder,
            env={**os.environ, **dict.fromkeys(_THREADS, str(job.threads))},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    if done.returncode:
        found = {"error": f"its process ended with the status {done.returncode}"}
    else:
        found = json.loads(done.stdout.splitlines()[-1])
    if "error" in found:
        print(done.stderr, file=sys.stderr, flush=True)
    return found


def shown(system: str) -> str:
    """Return a system's name as it's saved: a pipeline file of this repository, by its place in it."""
    if not system.startswith(RECIPE):
        return system
    path = Path(system.removeprefix(RECIPE)).resolve()
    inside = path.is_relative_to(_ROOT)
    return RECIPE + (path.relative_to(_ROOT) if inside else Path(path.name)).as_posix()


def _job(name: str, system: str, seed: int, threads: int, work: Path) -> Job:
    if system.startswith(RECIPE):
        system = RECIPE + str(Path(system.removeprefix(RECIPE)).resolve())
    known = SETS[name]
    return Job(system, work / name, known.lang, known.exclusive, seed, threads)


def _figures(found: dict[str, Any]) -> str:
    if "error" in found:
        return f"failed: {found['error']}"
    return f"{found['score']:.4f} {found['train_seconds']:8.1f} s"


def _versions() -> dict[str, str]:
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sets",
        nargs="+",
        choices=SETS,
        default=[name for name in SETS if name not in _OPTIONAL_SETS],
        metavar="SET",
        help=f"of {', '.join(SETS)}; all but {', '.join(_OPTIONAL_SETS)}",
    )
    parser.add_argument(
        "--systems",
        nargs="+",
        type=_system,
        default=[name for name in SYSTEMS if name not in _OPTIONAL_SYSTEMS],
        metavar="SYSTEM",
        help=f"of {', '.join(SYSTEMS)}, or seqpipe:FILE; all but {', '.join(_OPTIONAL_SYSTEMS)}",
    )
    parser.add_argument(
        "--seeds", nargs="+", type=int, default=[0], metavar="SEED", help="of training; 0 only"
    )
    parser.add_argument("--threads", type=int, default=1, help="that each system may use; 1")
    parser.add_argument(
        "--json",
        type=Path,
        default=_RESULTS / "accuracy.json",
        metavar="FILE",
        help="the results; docs/benchmarks/accuracy.json",
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="beside the JSON, if not given")
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="keep the sets' files here, SET/train.jsonl"
    )
    parser.add_argument("--again", action="store_true", help="measure what's there already, too")
    parser.add_argument("--render", action="store_true", help="measure nothing, write the page")
    arguments = parser.parse_args()
    arguments.page = arguments.page or arguments.json.with_suffix(".md")
    if arguments.threads < 1:
        parser.error("--threads: at least 1 is needed")
    if arguments.render and not arguments.json.exists():
        parser.error(f"--render: there's no file {arguments.json} to write a page of")
    return arguments


def _system(name: str) -> str:
    if name.startswith(RECIPE):
        path = Path(name.removeprefix(RECIPE))
        if not path.is_file():
            raise argparse.ArgumentTypeError(f"there's no pipeline file {path}")
    elif name not in SYSTEMS:
        known = ", ".join(SYSTEMS)
        raise argparse.ArgumentTypeError(f"{name!r} is neither one of {known}, nor seqpipe:FILE")
    return name


if __name__ == "__main__":
    main()
