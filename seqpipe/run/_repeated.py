"""Runs a pipeline file several times, by seeds or by folds, and says how much the results differ."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from seqpipe import storage
from seqpipe.config import Makes, PipelineFile, read
from seqpipe.errors import ConfigError
from seqpipe.reporting import Reporter
from seqpipe.run._run import run, to_json
from seqpipe.run._task import PREDICTIONS

MakeReporter = Callable[[str], AbstractContextManager[Reporter]]


def run_seeds(
    file: PipelineFile,
    *,
    overrides: Sequence[str],
    output: Path,
    count: int,
    threads: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    make_reporter: MakeReporter,
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
        device: Likewise.
        precision: Likewise.
        make_reporter: Returns what receives the progress of a run, by what the run is called: "seed 0".

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
    runs = [
        _Run(str(seed), f"seed {seed}", (f"--{section}.seed", str(seed)))
        for seed in range(first, first + count)
    ]
    options = {"threads": threads, "device": device, "precision": precision}
    return _run_each(file, runs, "seeds", overrides, output, options, make_reporter)


def run_folds(
    file: PipelineFile,
    *,
    overrides: Sequence[str],
    output: Path,
    count: int,
    threads: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    make_reporter: MakeReporter,
) -> dict[str, Any]:
    """Cross-validate a file: cut its rows into folds, and run it once for each, which takes the test part's place.

    Each run has a folder of its own in `output`, "fold-0" and so on. What they come to is in folds.json beside them, and
    what was predicted of each text by the run that wasn't trained on it in predictions.jsonl; both are written anew
    after each run.

    Args:
        file: The pipeline file as it was read.
        overrides: The options that it was read with.
        output: The folder for all results.
        count: How many folds, at least 2.
        threads: As `run` has it.
        device: Likewise.
        precision: Likewise.
        make_reporter: Returns what receives the progress of a run, by what the run is called: "fold 0".

    Returns:
        The summary; see `summarise`.

    Raises:
        ConfigError: The file has no rows that could be cut into folds.
        SeqpipeError: As `run`.
    """
    _check_foldable(file)
    runs = [
        _Run(
            f"fold-{index}",
            f"fold {index}",
            ("--data.fold", json.dumps({"index": index, "count": count})),
        )
        for index in range(count)
    ]
    names = {each.folder for each in runs}
    if other := [each.name for each in output.glob("fold-*") if each.name not in names]:
        raise ConfigError(
            f"{output} has {other[0]}, of a run with another number of folds; remove that folder, or choose another --output"
        )
    predictions: list[str] = []

    def collect(folder: Path) -> None:
        if (written := folder / PREDICTIONS).exists():
            predictions.append(written.read_text(encoding="utf-8"))
            storage.write_text(output / PREDICTIONS, "".join(predictions))

    options = {"threads": threads, "device": device, "precision": precision}
    return _run_each(file, runs, "folds", overrides, output, options, make_reporter, collect)


class _Run(NamedTuple):
    #: In the summary.
    key: str
    #: On the screen, and of its folder, there with a hyphen.
    name: str
    options: tuple[str, str]

    @property
    def folder(self) -> str:
        return self.name.replace(" ", "-")


def _run_each(
    file: PipelineFile,
    runs: Iterable[_Run],
    kind: str,
    overrides: Sequence[str],
    output: Path,
    options: Mapping[str, Any],
    make_reporter: MakeReporter,
    after: Callable[[Path], None] = lambda folder: None,
) -> dict[str, Any]:
    """Run a file with the options of each run; write and return the summary, and call `after` with each run's folder."""
    reports: dict[str, dict[str, Any]] = {}
    summary: dict[str, Any] = {}
    for one in runs:
        # Read anew, as options change what settings stand for.
        again = read(file.path, [*overrides, *one.options])
        with make_reporter(one.name) as reporter:
            result = run(again, output=output / one.folder, reporter=reporter, **options)
        reports[one.key] = result.report
        summary = summarise(reports, kind)
        storage.write_text(output / f"{kind}.json", to_json(summary))
        after(output / one.folder)
    return summary


def _check_foldable(file: PipelineFile) -> None:
    """Check that a file has rows that can be cut into folds.

    Raises:
        ConfigError: It hasn't. The message says why.
    """
    name, sections = file.path.name, file.sections
    if file.makes is None:
        reason = (
            f"{name} is a complete spaCy configuration; run the pipeline file that it comes from"
        )
    elif file.makes is Makes.EMBEDDING:
        reason = f"{name} makes an embedding, which is fitted on texts without labels"
    elif file.makes is Makes.LANGUAGE_MODEL:
        reason = f"{name} makes a language model, which is trained on texts without labels"
    elif sections.get("corpora"):
        reason = f"[corpora] of {name} says where texts come from; let [data] say it"
    elif sections.get("training", {}).get("max_epochs") == -1:
        reason = f"{name} streams its data (`max_epochs = -1`); set another `max_epochs`"
    else:
        return
    raise ConfigError(f"--folds cuts the labelled texts of [data] into parts, and {reason}")


def summarise(reports: Mapping[str, Mapping[str, Any]], kind: str) -> dict[str, Any]:
    """Return what the reports of several runs come to.

    Args:
        reports: The reports by seed, or by the folder of the fold.
        kind: "seeds" or "folds".

    Returns:
        Under the kind, the figures of each run; "figures" has for each figure that all of them have its mean, its least
        and greatest value, and its standard deviation, which is None for one run.
    """
    by_run = {run: _figures(report) for run, report in reports.items()}
    names = [name for name in next(iter(by_run.values()), {}) if _in_all(name, by_run)]
    figures = {}
    for name in names:
        values = [found[name] for found in by_run.values()]
        figures[name] = {
            "mean": mean(values),
            "min": min(values),
            "max": max(values),
            "deviation": stdev(values) if len(values) > 1 else None,
        }
    return {kind: by_run, "figures": figures}


def _in_all(name: str, by_run: Mapping[str, Mapping[str, float]]) -> bool:
    return all(name in found for found in by_run.values())


def _figures(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of a report that runs are compared by: those of the test part, and the dev score."""
    test = report.get("test", {})
    found = {f"test {name}": value for name, value in test.items()}
    for head, figures in test.get("heads", {}).items():
        found |= {f"test {head} {name}": value for name, value in figures.items()}
    found["dev score"] = report.get("dev", {}).get("score")
    found["seconds"] = report["timings"]["total"]
    return {name: float(value) for name, value in found.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
