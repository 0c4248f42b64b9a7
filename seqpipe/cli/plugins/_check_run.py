"""Chooses what is checked, and checks it."""

import collections
import unittest
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from seqpipe.cli.plugins._screen import counted
from seqpipe.errors import PluginError, SeqpipeError
from seqpipe.plugins import (
    Part,
    Plugin,
    Trouble,
    find_by_name,
    host,
    host_of_folder,
    installed_elsewhere,
    trouble_of,
)
from seqpipe.testing import Outcome, factory_of, run_checks

STATES: Final = ("passed", "failed", "skipped")


@dataclass(frozen=True)
class Chosen:
    """What's to be checked.

    Attributes:
        parts: These.
        quarantined: The plugins that should be, and can't be used.
        not_allowed: The plugins that are left out on purpose.
        note: What the user should know of the choice; "" if there's nothing.
    """

    parts: list[Part] = field(default_factory=list)
    quarantined: list[Plugin] = field(default_factory=list)
    not_allowed: list[Plugin] = field(default_factory=list)
    note: str = ""


@dataclass
class Checked:
    """A part, and what came of its checks so far.

    Attributes:
        part: The part.
        outcomes: What came of each check.
        has_ended: Whether there are no more.
        trouble: What keeps the part from being had, so that no check can begin.
        gap: What only the part's author knows and no check can begin without; "" if there's no such thing.
    """

    part: Part
    outcomes: list[Outcome] = field(default_factory=list)
    has_ended: bool = False
    trouble: Trouble | None = None
    gap: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many checks passed, failed and were skipped."""
        return count(self.outcomes)

    @property
    def seconds(self) -> float:
        """How long they took."""
        return sum(outcome.seconds for outcome in self.outcomes)

    @property
    def is_unchecked(self) -> bool:
        """Whether all is over and no check was tried."""
        return self.has_ended and not (self.counts["passed"] or self.counts["failed"])


@dataclass
class Report:
    """What was checked so far, and what came of it."""

    chosen: Chosen
    checked: list[Checked] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many checks of all parts passed, failed and were skipped."""
        return count(outcome for each in self.checked for outcome in each.outcomes)

    @property
    def unchecked(self) -> list[Checked]:
        """The parts of which no check was tried."""
        return [each for each in self.checked if each.is_unchecked]

    @property
    def is_bad(self) -> bool:
        """Whether a check failed, a part wasn't checked at all, or a plugin can't be used."""
        return bool(self.counts["failed"] or self.unchecked or self.chosen.quarantined)


def count(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return how many passed, failed and were skipped."""
    states = collections.Counter(outcome.state for outcome in outcomes)
    return {state: states[state] for state in STATES}


def check_all(report: Report, say: Callable[[str], None]) -> Iterator[Checked]:
    """Check the chosen parts one after the other.

    Args:
        report: Has the chosen ones, and gets each outcome at once.
        say: Called with what is being done.

    Yields:
        A part when its checks begin, after each of them, and once more when all have ended.
    """
    total = len(report.chosen.parts)
    for number, part in enumerate(report.chosen.parts, 1):
        checked = Checked(part)
        report.checked.append(checked)
        title = f"{part.name} ({number} of {total})" if total > 1 else part.name
        say(f"checking {title}…")
        yield checked
        for outcome in _check(checked):
            checked.outcomes.append(outcome)
            say(f"checking {title}: {counted(len(checked.outcomes), 'check')} done…")
            yield checked
        checked.has_ended = True
        yield checked


def choose(target: str | None) -> Chosen:
    """Choose what a word on the command line stands for.

    Raises:
        PluginError: It stands for nothing, or for something without parts.
    """
    if target is None:
        chosen = _of_plugins(host().survey())
    elif _is_folder(target):
        folder = Path(target)
        plugins = host_of_folder(folder).survey()
        chosen = _of_plugins(plugins, _note(folder))
    elif Path(target).is_file() and not _is_name(target):
        raise PluginError(
            f"{target} is a file: give the folder of a plugin's package, {Path(target).parent}"
        )
    elif not _is_name(target):
        raise PluginError(f"there's no folder {target}")
    else:
        found = find_by_name(host(), target)
        chosen = _of_plugins([found]) if isinstance(found, Plugin) else Chosen(found, [], [])
    if not (chosen.parts or chosen.quarantined):
        raise PluginError(f"{target or 'no plugin'} offers no part: there's nothing to check")
    return chosen


def _is_folder(target: str) -> bool:
    # A name that's also a plugin's needs a ./ before it to mean the folder.
    return Path(target).is_dir() and not (_is_name(target) and target in host().plugin_names)


def _is_name(target: str) -> bool:
    return Path(target).name == target


def _note(folder: Path) -> str:
    files = installed_elsewhere(folder)
    if not files:
        return ""
    return (
        f"what's checked is an installed copy, {files[0]}; what changes in {folder} counts after "
        f"pip install --editable {folder}"
    )


def _of_plugins(plugins: list[Plugin], note: str = "") -> Chosen:
    return Chosen(
        [part for plugin in plugins for parts in plugin.parts.values() for part in parts.values()],
        [plugin for plugin in plugins if plugin.state == "quarantined"],
        [plugin for plugin in plugins if plugin.state == "not allowed"],
        note,
    )


def _check(checked: Checked) -> Iterable[Outcome]:
    """Return what comes of each check of a part, one whenever the next is asked for."""
    try:
        return run_checks(checked.part.kind, factory_of(checked.part))
    except unittest.SkipTest as reason:
        checked.gap = str(reason)
    except SeqpipeError as error:
        checked.trouble = trouble_of(error)
    return ()
