"""Selects the parts to check, runs the checks, and prints the outcomes, also as JSON."""

import collections
import textwrap
import traceback as tracebacks
import unittest
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from seqpipe.cli.plugins._output import print_trouble, trouble_to_json
from seqpipe.cli.plugins._screen import counted, print_prose
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
from seqpipe.reporting import escaped
from seqpipe.testing import Outcome, factory_of, run_checks

STATES: Final = ("passed", "failed", "skipped")


@dataclass(frozen=True)
class Chosen:
    """The parts to check.

    Attributes:
        parts: The parts.
        quarantined: The plugins that should be checked but can't be used.
        not_allowed: The plugins that are left out on purpose.
        note: A note about the selection for the user; "" for none.
    """

    parts: list[Part] = field(default_factory=list)
    quarantined: list[Plugin] = field(default_factory=list)
    not_allowed: list[Plugin] = field(default_factory=list)
    note: str = ""


@dataclass
class Checked:
    """A part, and the outcomes of its checks so far.

    Attributes:
        part: The part.
        outcomes: The outcome of each check.
        has_ended: Whether there are no more.
        trouble: Why the part can't be loaded, so no check can run.
        gap: What the part's author has to provide before a check can run; "" if there's nothing.
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
        """Whether all checks have ended and none was run."""
        return self.has_ended and not (self.counts["passed"] or self.counts["failed"])


@dataclass
class Report:
    """The parts that were checked so far, with their outcomes."""

    chosen: Chosen
    checked: list[Checked] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many checks of all parts passed, failed and were skipped."""
        return count(outcome for each in self.checked for outcome in each.outcomes)

    @property
    def unchecked(self) -> list[Checked]:
        """The parts for which no check was run."""
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
        report: Contains the chosen parts, and receives each outcome.
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
    """Choose the parts that an argument of the command line names.

    Raises:
        PluginError: It names nothing, or something without parts.
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
        raise PluginError(f"{target or 'no plugin'} provides no part: there's nothing to check")
    return chosen


def _is_folder(target: str) -> bool:
    # If it's also the name of a plugin, the folder needs a ./ before it.
    return Path(target).is_dir() and not (_is_name(target) and target in host().plugin_names)


def _is_name(target: str) -> bool:
    return Path(target).name == target


def _note(folder: Path) -> str:
    files = installed_elsewhere(folder)
    if not files:
        return ""
    return (
        f"this checks an installed copy, {files[0]}; changes in {folder} take effect after "
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
    """Return the outcomes of the checks of a part; each check is run when its outcome is requested."""
    try:
        return run_checks(checked.part.kind, factory_of(checked.part))
    except unittest.SkipTest as reason:
        checked.gap = str(reason)
    except SeqpipeError as error:
        checked.trouble = trouble_of(error)
    return ()


_STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


def print_chosen(console: Console, chosen: Chosen, *, traceback: bool) -> None:
    """Print a note on the selection, and the plugins that can't be used."""
    if chosen.note:
        print_prose(console, f"note: {chosen.note}", style="cyan")
    for plugin in chosen.quarantined:
        console.print(
            Text.assemble(("FAILED  ", _STYLES["failed"]), f"the plugin {escaped(plugin.name)}")
        )
        if plugin.trouble:
            print_trouble(console, plugin.trouble, indent=8, traceback=traceback)


def print_progress(
    console: Console, checked: Checked, report: Report, *, verbose: bool, traceback: bool
) -> None:
    """Print the news of a part: a line when all its checks have ended, followed by the failures.

    Args:
        console: The console to print on.
        checked: The part.
        report: Contains the other parts, for the width of the columns.
        verbose: Whether to print each check when it has ended.
        traceback: Whether to print the tracebacks of failures.
    """
    if checked.has_ended:
        _print_line(console, checked, report)
        if checked.trouble:
            print_trouble(console, checked.trouble, indent=8, traceback=traceback)
        news = [] if verbose else checked.outcomes
    elif verbose and not checked.outcomes:
        console.print(escaped(checked.part.name), style="bold")
        return
    else:
        news = checked.outcomes[-1:] if verbose else []
    for outcome in news:
        if outcome.state == "failed":
            _print_failure(console, outcome, traceback=traceback)
        elif verbose:
            _print_other(console, outcome)
        elif outcome.state == "passed" and outcome.detail:
            print_prose(console, f"{outcome.name}: {outcome.detail}", indent=8, style="dim")


def _print_line(console: Console, checked: Checked, report: Report) -> None:
    width = max(len(escaped(part.name)) for part in report.chosen.parts)
    word, style = _verdict(checked)
    name, counts = f"{escaped(checked.part.name):<{width}}", _counts(checked.counts)
    seconds = (f"{checked.seconds:.1f} s", "dim")
    console.print(Text.assemble((f"{word:<8}", style), f"{name}   {counts}   ", seconds))


def _verdict(checked: Checked) -> tuple[str, str]:
    if checked.trouble or checked.counts["failed"]:
        return "FAILED", _STYLES["failed"]
    return ("skipped", _STYLES["skipped"]) if checked.is_unchecked else ("ok", _STYLES["passed"])


def _print_failure(console: Console, outcome: Outcome, *, traceback: bool) -> None:
    console.print()
    _print_head(console, outcome)
    print_prose(console, outcome.contract, indent=16)
    console.print()
    console.print(textwrap.indent(outcome.detail, " " * 18))
    if traceback and outcome.cause:
        console.print()
        console.print(textwrap.indent(_trace(outcome), " " * 18).rstrip(), style="dim")
    console.print()


def _print_other(console: Console, outcome: Outcome) -> None:
    _print_head(console, outcome)
    if outcome.detail:
        print_prose(console, outcome.detail, indent=16, style="dim")


def _print_head(console: Console, outcome: Outcome) -> None:
    state = (f"        {outcome.state:<8}", _STYLES[outcome.state])
    console.print(Text.assemble(state, outcome.name, (f"   {outcome.seconds:.2f} s", "dim")))


def print_end(console: Console, report: Report) -> None:
    """Print what was skipped or not checked and why, the failures, and the counts."""
    _print_skipped(console, report)
    _print_unchecked(console, report)
    failed = _by_part(report, "failed")
    if failed and len(report.checked) > 1:
        _print_title(console, "failed")
        for part, outcomes in failed.items():
            console.print(f"  {escaped(part)}: {', '.join(each.name for each in outcomes)}")
    console.print()
    console.print(summary(report), style="bold red" if report.is_bad else "bold green")


def _print_skipped(console: Console, report: Report) -> None:
    reasons: dict[str, list[tuple[str, str]]] = {}
    for part, outcomes in _by_part(report, "skipped").items():
        for outcome in outcomes:
            reason = outcome.detail or "no reason is given"
            reasons.setdefault(reason, []).append((part, outcome.name))
    if reasons or report.chosen.not_allowed:
        _print_title(console, "skipped")
    for reason, where in reasons.items():
        print_prose(console, f"{reason}:", indent=2)
        parts, names = dict.fromkeys(part for part, _ in where), dict.fromkeys(n for _, n in where)
        of = next(iter(parts)) if len(parts) == 1 else counted(len(parts), "part")
        print_prose(console, f"{', '.join(names)} of {of}", indent=4, style="dim")
    for plugin in report.chosen.not_allowed:
        console.print(f"  the plugin {escaped(plugin.name)}: SEQPIPE_PLUGINS doesn't allow it")


def _print_unchecked(console: Console, report: Report) -> None:
    reasons: dict[str, list[str]] = {}
    for checked in report.unchecked:
        if checked.gap:
            reasons.setdefault(checked.gap, []).append(checked.part.name)
    if reasons:
        _print_title(console, "not checked")
    for reason, parts in reasons.items():
        print_prose(console, f"{reason}:", indent=2)
        print_prose(console, ", ".join(parts), indent=4, style="dim")


def _by_part(report: Report, state: str) -> dict[str, list[Outcome]]:
    found = {
        checked.part.name: [each for each in checked.outcomes if each.state == state]
        for checked in report.checked
    }
    return {part: outcomes for part, outcomes in found.items() if outcomes}


def _print_title(console: Console, title: str) -> None:
    console.print()
    console.print(title, style="bold")


def summary(report: Report) -> str:
    """Return a line with the numbers of checks by outcome, what wasn't checked, and the time."""
    counts = [f"{counted(len(report.checked), 'part')}: {_counts(report.counts)}"]
    if unchecked := len(report.unchecked):
        counts.append(f"{counted(unchecked, 'part')} not checked")
    if broken := len(report.chosen.quarantined):
        counts.append(f"{counted(broken, 'plugin')} can't be used")
    counts.append(f"{sum(each.seconds for each in report.checked):.1f} s")
    return "; ".join(counts)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {state}" for state, n in counts.items() if n) or "no check"


def to_json(report: Report) -> dict[str, Any]:
    """Return the outcomes of all checks as JSON values."""
    return {
        "counts": report.counts,
        "unchecked": [checked.part.name for checked in report.unchecked],
        "quarantined": [
            {
                "name": plugin.name,
                "package": plugin.owner.name,
                "version": plugin.owner.version,
                **trouble_to_json(plugin.trouble),
            }
            for plugin in report.chosen.quarantined
        ],
        "not_allowed": [plugin.name for plugin in report.chosen.not_allowed],
        "note": report.chosen.note or None,
        "parts": [_part_to_json(checked) for checked in report.checked],
    }


def _part_to_json(checked: Checked) -> dict[str, Any]:
    part = checked.part
    return {
        "name": part.name,
        "kind": part.kind,
        "package": part.owner.name,
        "version": part.owner.version,
        **trouble_to_json(checked.trouble or (Trouble(checked.gap, "") if checked.gap else None)),
        "checks": [
            {
                "name": outcome.name,
                "contract": outcome.contract,
                "state": outcome.state,
                "detail": outcome.detail,
                "seconds": round(outcome.seconds, 6),
                "traceback": _trace(outcome) if outcome.cause else None,
            }
            for outcome in checked.outcomes
        ],
    }


def _trace(outcome: Outcome) -> str:
    cause = outcome.cause
    return "".join(tracebacks.format_exception(cause)) if cause else ""
