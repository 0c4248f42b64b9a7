"""Runs that are done: their scores, and the settings in which they differ."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from thinc.api import Config

from seqpipe.errors import SavedModelError

_REPORT: Final = "report.json"
_CONFIG: Final = "config.cfg"
#: Settings that say nothing of what was learnt.
_IGNORED: Final = ("paths.", "nlp.batch_size", "training.logger")


@dataclass(frozen=True)
class PastRun:
    """A run that has finished.

    Attributes:
        folder: Its folder.
        ended: When its report was written, UTC.
        score: The main score on the dev part; None for none.
        test: The numbers on the test part, by name; those of several heads with the head's name before them.
        seconds: How long it took in all; None if that isn't known.
        words_per_second: The speed of the training; None if it isn't known.
        settings: All settings of its config, by section and key.
    """

    folder: Path
    ended: datetime
    score: float | None
    test: Mapping[str, float]
    seconds: float | None
    words_per_second: float | None
    settings: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON can hold it, without its settings."""
        told = {key: value for key, value in vars(self).items() if key != "settings"}
        return {**told, "folder": str(self.folder), "ended": self.ended.isoformat()}


def find_runs(folder: Path) -> tuple[list[PastRun], list[str]]:
    """Return the runs in a folder and below it, the oldest first, and what's wrong with those that can't be read.

    Raises:
        SavedModelError: The folder isn't there.
    """
    if not folder.is_dir():
        raise SavedModelError(f"there's no folder {folder}, in which runs could be")
    reports = sorted(folder.rglob(_REPORT))
    runs, problems = [], []
    for file in reports:
        if (file.parent / _CONFIG).is_file():
            try:
                runs.append(read_run(file.parent))
            except SavedModelError as error:
                problems.append(str(error))
    return sorted(runs, key=lambda run: (run.ended, str(run.folder))), problems


def read_run(folder: Path) -> PastRun:
    """Return the run of a folder.

    Raises:
        SavedModelError: There's none, or it can't be read.
    """
    file = folder / _REPORT
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
        ended = datetime.fromtimestamp(file.stat().st_mtime, timezone.utc)
        config = Config().from_disk(folder / _CONFIG)
    except OSError as error:
        raise SavedModelError(f"{folder} has no run: {error.strerror}: {error.filename}") from error
    except ValueError as error:
        raise SavedModelError(f"the run in {folder} can't be read: {error}") from error
    if not isinstance(report, dict):
        raise SavedModelError(f"the run in {folder} can't be read: its {_REPORT} is no report")
    dev = report.get("dev") or {}
    return PastRun(
        folder,
        ended.replace(microsecond=0),
        dev.get("score"),
        dict(_numbers(report.get("test") or {})),
        (report.get("timings") or {}).get("total"),
        report.get("words_per_second") or report.get("units_per_second"),
        dict(_flat(config)),
    )


def _numbers(test: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, float]]:
    for name, value in test.items():
        if name == "heads":
            for head, figures in value.items():
                yield from _numbers(figures, f"{head}_")
        elif isinstance(value, float):
            yield before + name, value


def _flat(section: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}{key}.")
        elif not f"{path}{key}".startswith(_IGNORED):
            yield path + key, value


#: What a run hasn't got.
MISSING: Final = "–"


def differing(runs: Sequence[PastRun]) -> dict[str, list[Any]]:
    """Return the settings in which runs differ, with the value of each; what a run lacks is `MISSING`.

    Of settings with the same key and the same values, such as the seed in several sections, it's one.
    """
    names = dict.fromkeys(name for run in runs for name in run.settings)
    found = {name: [run.settings.get(name, MISSING) for run in runs] for name in names}
    differ = {n: v for n, v in found.items() if any(value != v[0] for value in v[1:])}
    once: dict[tuple[str, str], str] = {}
    for name in sorted(differ, key=lambda name: name.count(".")):
        once.setdefault((name.rpartition(".")[2], repr(differ[name])), name)
    return {name: values for name, values in differ.items() if name in once.values()}
