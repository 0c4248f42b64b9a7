"""Runs a pipeline file with several seeds, and says how much the results differ."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final

from seqpipe import storage
from seqpipe.config import PipelineFile, read
from seqpipe.errors import ConfigError
from seqpipe.reporting import Reporter
from seqpipe.run._run import run, to_json

#: The summary's file, beside the folders of the runs.
SUMMARY: Final = "seeds.json"


def run_seeds(
    file: PipelineFile,
    *,
    overrides: Sequence[str],
    output: Path,
    count: int,
    threads: int | None = None,
    make_reporter: Callable[[int], AbstractContextManager[Reporter]],
) -> dict[str, Any]:
    """Run a file with several seeds in a row, from its own on.

    Each run has a folder of its own in `output`, "seed-0" and so on, and what they come to is in seeds.json beside them,
    written anew after each: a run that's stopped leaves those before it.

    Args:
        file: The pipeline file as it was read.
        overrides: The options that it was read with.
        output: The folder for all results.
        count: How many seeds.
        threads: As `run` has it.
        make_reporter: Returns what receives the progress of the run with a seed.

    Returns:
        The summary; see `summarise`.

    Raises:
        ConfigError: The file has no seed of its own to begin with.
        SeqpipeError: As `run`.
    """
    section = "pipeline" if file.makes is not None else "system"
    first = file.sections.get(section, {}).get("seed", 0)
    if not isinstance(first, int):
        raise ConfigError(f"[{section}] has the seed {first!r}, and several seeds need a number")
    reports: dict[int, dict[str, Any]] = {}
    summary: dict[str, Any] = {}
    for seed in range(first, first + count):
        again = read(file.path, [*overrides, f"--{section}.seed", str(seed)])
        with make_reporter(seed) as reporter:
            result = run(again, output=output / f"seed-{seed}", threads=threads, reporter=reporter)
        reports[seed] = result.report
        summary = summarise(reports)
        storage.write_text(output / SUMMARY, to_json(summary))
    return summary


def summarise(reports: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what reports by seed come to.

    Returns:
        "seeds" has the figures of each seed; "figures" has for each figure that all of them have its mean, its least and
        greatest value, and its standard deviation, which is None for one seed.
    """
    by_seed = {seed: _figures(report) for seed, report in reports.items()}
    names = [name for name in next(iter(by_seed.values()), {}) if _in_all(name, by_seed)]
    figures = {}
    for name in names:
        values = [found[name] for found in by_seed.values()]
        figures[name] = {
            "mean": mean(values),
            "min": min(values),
            "max": max(values),
            "deviation": stdev(values) if len(values) > 1 else None,
        }
    return {"seeds": {str(seed): found for seed, found in by_seed.items()}, "figures": figures}


def _in_all(name: str, by_seed: Mapping[int, Mapping[str, float]]) -> bool:
    return all(name in found for found in by_seed.values())


def _figures(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of a report that seeds are compared by: those of the test part, and the dev score."""
    found = {f"test {name}": value for name, value in report.get("test", {}).items()}
    found["dev score"] = report.get("dev", {}).get("score")
    found["seconds"] = report["timings"]["total"]
    return {name: float(value) for name, value in found.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
