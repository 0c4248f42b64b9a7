"""What benchmarks of trainings share: cells of set, system and seed, each measured once and saved at once.

A benchmark says what its sets and systems are, and how a page is written of what was measured; here's the loop, the
file of results from which a stopped run goes on, and the options.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from accuracy_systems import RECIPE
from machine import describe_machine
from rich.console import Console
from rich.table import Table
from text_sets import Parts

from seqpipe.errors import DataError

_ROOT: Final = Path(__file__).parents[1]
_RESULTS: Final = _ROOT / "docs" / "benchmarks"
#: Those that any of the systems computes with.
PACKAGES: Final = (
    "seqpipe",
    "spacy",
    "thinc",
    "torch",
    "numpy",
    "scikit-learn",
    "fasttext-community",
)
#: What a pipeline file's name ends with is the digest of its text.
_DIGEST: Final = "#"
_SHIPPED: Final = f"{RECIPE}pipelines/"
#: Each library that computes has its own variable for the number of its threads.
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Benchmark:
    """What differs between the benchmarks.

    Args:
        name: That of its files in ``docs/benchmarks``.
        about: What ``--help`` begins with.
        cell: The script, beside this one, that measures a cell.
        sets: What's known of each set, by its name.
        systems: Where each system's function is, by the system's name.
        read: Yields each set's parts, or why it can't be read.
        write: Writes a set's parts into a folder, for the processes that measure.
        job: Takes the names of a set and a system, a seed, a number of threads, and the folder of the set's files;
            returns what the script is given, a dataclass, or None if the system doesn't learn the set.
        table: Draws the cells of a set for a terminal.
        page: Returns the page of all results, in Markdown.
        packages: Those whose versions are kept.
        optional_sets: Sets that are measured only if they're asked for.
        optional_systems: Systems that are.
    """

    name: str
    about: str
    cell: str
    sets: Mapping[str, Any]
    systems: Mapping[str, str]
    read: Callable[[Iterable[str]], Iterator[tuple[str, Parts | DataError]]]
    write: Callable[[Parts, Path], None]
    job: Callable[[str, str, int, int, Path], Any]
    table: Callable[[Sequence[dict[str, Any]], str], Table]
    page: Callable[[dict[str, Any]], str]
    packages: tuple[str, ...] = PACKAGES
    optional_sets: tuple[str, ...] = ()
    optional_systems: tuple[str, ...] = ()


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
        return any("score" in cell and _is_of(cell, key) for cell in self.cells)

    def add(
        self,
        key: dict[str, Any],
        found: dict[str, Any],
        threads: int,
        packages: Sequence[str] = PACKAGES,
    ) -> None:
        """Put in a cell, in the place of an earlier one, and write the file.

        Args:
            key: Which cell: its set, its system and its seed.
            found: What was measured, or the error.
            threads: How many each system might use.
            packages: Those whose versions matter.
        """
        measured = {**key, **found, "environment": self._environment(threads, packages)}
        self.cells = [*(cell for cell in self.cells if not _is_of(cell, key)), measured]
        self.write()

    def _environment(self, threads: int, packages: Sequence[str]) -> int:
        here = {
            "threads": threads,
            "machine": describe_machine(),
            "versions": _versions(packages),
        }
        for each in self.environments:
            if all(each[name] == here[name] for name in here):
                return int(each["number"])
        number = 1 + max((each["number"] for each in self.environments), default=-1)
        self.environments.append({"number": number, "date": date.today().isoformat(), **here})
        return number


def _is_of(cell: Mapping[str, Any], key: Mapping[str, Any]) -> bool:
    """Return whether a cell is the one with a key."""
    name, _, _ = key["system"].rpartition(_DIGEST)
    # Files in pipelines/ were saved without a digest before.
    systems = (key["system"], name) if name.startswith(_SHIPPED) else (key["system"],)
    return cell["system"] in systems and all(
        cell[part] == value for part, value in key.items() if part != "system"
    )


def run_benchmark(benchmark: Benchmark) -> None:
    """Measure what the options of the command ask for, and write the page."""
    arguments = parse_arguments(benchmark)
    console = Console() if sys.stdout.isatty() else Console(width=120)
    results = Results.read(arguments.json)
    with tempfile.TemporaryDirectory() as temporary:
        work = (arguments.work or Path(temporary)).resolve()
        if not arguments.render:
            measure_all(benchmark, arguments, results, work, console)
    for name in arguments.sets:
        if any(cell["set"] == name for cell in results.cells):
            console.print(benchmark.table(results.cells, name))
    if results.cells:
        arguments.page.write_text(benchmark.page(results.as_dict()), encoding="utf-8")


def measure_all(
    benchmark: Benchmark,
    arguments: argparse.Namespace,
    results: Results,
    work: Path,
    console: Console,
) -> None:
    """Measure what isn't in the results yet; the sets take turns, so that each soon has some figures."""
    readable = list(write_sets(benchmark, arguments, results, work, console))
    for seed in arguments.seeds:
        for name in readable:
            for system in arguments.systems:
                key = {"set": name, "system": shown(system), "seed": seed}
                job = benchmark.job(name, _absolute(system), seed, arguments.threads, work / name)
                if job is None or (results.has(key) and not arguments.again):
                    continue
                found = measure(job, benchmark.cell)
                results.add(key, found, arguments.threads, benchmark.packages)
                line = f"{name:14}{shown(system):20} seed {seed}  {_figures(found)}"
                console.print(line, markup=False, highlight=False, soft_wrap=True)


def write_sets(
    benchmark: Benchmark,
    arguments: argparse.Namespace,
    results: Results,
    work: Path,
    console: Console,
) -> Iterator[str]:
    """Write the sets' files, and yield the names of those that could be read.

    Raises:
        SystemExit: The results have cells of a set's other rows.
    """
    for name, parts in benchmark.read(arguments.sets):
        if isinstance(parts, DataError):
            console.print(f"{name} is left out: {parts}", style="red", markup=False, soft_wrap=True)
            continue
        used = {part: rows[: arguments.texts] for part, rows in parts.items()}
        counts = {part: len(rows) for part, rows in used.items()}
        others = any(cell["set"] == name for cell in results.cells if not arguments.again)
        if others and results.sets.get(name, counts) != counts:
            sys.exit(
                f"{results.path} has figures of other parts of {name}, {results.sets[name]} rows instead of {counts}: "
                "name another --json, or measure --again"
            )
        benchmark.write(used, work / name)
        results.sets[name] = counts
        yield name


def measure(job: Any, cell: str = "accuracy_cell.py") -> dict[str, Any]:
    """Measure one cell in a process of its own; its error is the result, if it fails.

    Args:
        job: A dataclass, as the cell's script takes it.
        cell: The script.
    """
    command = [sys.executable, str(Path(__file__).with_name(cell))]
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
    """Return a system's name as it's saved: a pipeline file, by its place in this repository and what it holds.

    A file elsewhere has its name alone for a place.
    """
    if not system.startswith(RECIPE):
        return system
    path = Path(system.removeprefix(RECIPE)).resolve()
    place = path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else Path(path.name)
    digest = hashlib.sha256(path.read_text(encoding="utf-8").encode()).hexdigest()[:8]
    return f"{RECIPE}{place.as_posix()}{_DIGEST}{digest}"


def _absolute(system: str) -> str:
    if not system.startswith(RECIPE):
        return system
    return RECIPE + str(Path(system.removeprefix(RECIPE)).resolve())


def _figures(found: dict[str, Any]) -> str:
    if "error" in found:
        return f"failed: {found['error']}"
    return f"{found['score']:.4f} {found['train_seconds']:8.1f} s"


def _versions(packages: Sequence[str]) -> dict[str, str]:
    versions = {}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def parse_arguments(benchmark: Benchmark) -> argparse.Namespace:
    """Read the options of the command."""
    parser = argparse.ArgumentParser(
        description=benchmark.about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    _add_choices(parser, benchmark)
    _add_places(parser, benchmark)
    arguments = parser.parse_args()
    arguments.page = arguments.page or arguments.json.with_suffix(".md")
    if arguments.threads < 1:
        parser.error("--threads: at least 1 is needed")
    if arguments.texts is not None and arguments.texts < 1:
        parser.error("--texts: at least 1 is needed")
    if arguments.render and not arguments.json.exists():
        parser.error(f"--render: there's no file {arguments.json} to write a page of")
    return arguments


def _add_choices(parser: argparse.ArgumentParser, benchmark: Benchmark) -> None:
    """Add the options that say what's measured."""
    parser.add_argument(
        "--sets",
        nargs="+",
        choices=benchmark.sets,
        default=[name for name in benchmark.sets if name not in benchmark.optional_sets],
        metavar="SET",
        help=f"of {', '.join(benchmark.sets)}; all{_but(benchmark.optional_sets)}",
    )
    parser.add_argument(
        "--systems",
        nargs="+",
        type=lambda name: _system(name, benchmark.systems),
        default=[name for name in benchmark.systems if name not in benchmark.optional_systems],
        metavar="SYSTEM",
        help=f"of {', '.join(benchmark.systems)}, or seqpipe:FILE; all{_but(benchmark.optional_systems)}",
    )
    parser.add_argument(
        "--seeds", nargs="+", type=int, default=[0], metavar="SEED", help="of training; 0 only"
    )
    parser.add_argument("--threads", type=int, default=1, help="that each system may use; 1")
    parser.add_argument(
        "--texts", type=int, metavar="N", help="the first N of each part only: to try things"
    )
    parser.add_argument("--again", action="store_true", help="measure what's there already, too")
    parser.add_argument("--render", action="store_true", help="measure nothing, write the page")


def _add_places(parser: argparse.ArgumentParser, benchmark: Benchmark) -> None:
    """Add the options that say where things are."""
    parser.add_argument(
        "--json",
        type=Path,
        default=_RESULTS / f"{benchmark.name}.json",
        metavar="FILE",
        help=f"the results; docs/benchmarks/{benchmark.name}.json",
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="beside the JSON, if not given")
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="keep the sets' files here, SET/train.jsonl"
    )


def _but(names: Sequence[str]) -> str:
    return f" but {', '.join(names)}" if names else ""


def _system(name: str, systems: Mapping[str, str]) -> str:
    if name.startswith(RECIPE):
        path = Path(name.removeprefix(RECIPE))
        if not path.is_file():
            raise argparse.ArgumentTypeError(f"there's no pipeline file {path}")
    elif name not in systems:
        known = ", ".join(systems)
        raise argparse.ArgumentTypeError(f"{name!r} is neither one of {known}, nor seqpipe:FILE")
    return name
