"""Everything that's found out about data, and the same as JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from seqpipe.data._duplicates import Duplicate, Leak, find_duplicates, find_leaks
from seqpipe.data._formats import guess
from seqpipe.data._guess import Guess
from seqpipe.data._mistakes import Found, find_mistakes
from seqpipe.data._scan import Scan, scan
from seqpipe.data._section import (
    Part,
    name_parts,
    read_part,
    read_section,
    settings_of,
    write_section,
)
from seqpipe.data._summary import Summary, summarise
from seqpipe.errors import DataError
from seqpipe.messages import show
from seqpipe.parts.readers import Row
from seqpipe.reporting import escaped

_MAX_SAMPLE = 30


@dataclass(frozen=True)
class Report:
    """What's found out about data.

    Attributes:
        files: The files with what they seem to be, by part; empty for a pipeline file.
        section: The `[data]` section to paste; empty for a pipeline file.
        parts: The rows by part; the whole is "data".
        summaries: What the rows of each part have.
        duplicates: Texts that are there twice, by part.
        leaks: Texts that are in two parts.
        mistakes: Labels of all parts that look like mistakes, if they were asked for.
    """

    files: Mapping[str, tuple[Scan, Guess]]
    section: str
    parts: Mapping[str, Part]
    summaries: Mapping[str, Summary]
    duplicates: Mapping[str, Sequence[Duplicate]]
    leaks: Sequence[Leak]
    mistakes: Found | None = None


def examine_files(
    paths: Sequence[str],
    *,
    most: int,
    text: str | None = None,
    label: str | None = None,
    encoding: str | None = None,
) -> Report:
    """Look at data files: the whole, or train, dev and test.

    Args:
        paths: The files, as readers take them.
        most: How many lines of each to look at.
        text: The column or key of the text, if it's known.
        label: That of the label.
        encoding: The files' encoding, if it's known.

    Raises:
        ConfigError: There are too many files, or there's no such encoding.
        DataError: A file can't be read, or it isn't clear how.
    """
    files: dict[str, tuple[Scan, Guess]] = {}
    like = None
    for name, path in zip(name_parts(paths), paths, strict=True):
        scanned = scan(path, most=most, encoding=encoding)
        like = guess(scanned, text=text, label=label, like=like)
        if like.problem:
            raise DataError(f"{escaped(path)}: {like.problem}; there are {_columns(like)}")
        files[name] = (scanned, like)
    parts, settings = {}, {}
    for name, (scanned, found) in files.items():
        parts[name] = read_part(settings_of(scanned, found), most=most, scanned=scanned)
        skips = bool(parts[name].skipped)
        settings[name] = settings_of(scanned, found, skips=skips)
    return _examined(parts, files, write_section(settings))


def examine_section(sections: Mapping[str, Any], *, most: int) -> Report:
    """Look at the data of a pipeline file.

    Args:
        sections: Its `[data]` with the sections below it.
        most: How many texts of each part to look at.

    Raises:
        ConfigError: The section names no reader, or one can't be made by its settings.
        DataError: A reader can't read.
    """
    return _examined(read_section(sections, most=most), {}, "")


def judge_labels(report: Report, *, on_fold: Callable[[int], None] | None = None) -> Found:
    """Find labels that look like mistakes in all parts together.

    Args:
        report: What was found out before.
        on_fold: Called before each fold, with its number from 1.

    Raises:
        DataError: The rows aren't texts with one label each, or there are too few of them.
    """
    rows = [row for part in report.parts.values() for row in part.rows]
    return find_mistakes(rows, on_fold=on_fold)


def report_to_json(report: Report) -> dict[str, Any]:
    """Return everything as values that JSON has."""
    files = {
        name: {
            "path": scanned.path,
            "encoding": scanned.encoding,
            "encoding_reason": scanned.why,
            "lines": scanned.count,
            "size": scanned.size,
            "is_cut": scanned.is_cut,
            **asdict(found),
        }
        for name, (scanned, found) in report.files.items()
    }
    return {
        "files": files,
        "section": report.section,
        "parts": {
            name: {"is_cut": report.parts[name].is_cut, **asdict(summary)}
            for name, summary in report.summaries.items()
        },
        "duplicates": {
            name: [
                {"disagrees": each.disagrees, "rows": [_row(row) for row in each.rows]}
                for each in found
            ]
            for name, found in report.duplicates.items()
        },
        "leaks": [
            {
                "part": leak.part,
                "other": leak.other,
                "share": leak.share,
                "pairs": [[_row(row), _row(other)] for row, other in leak.pairs],
            }
            for leak in report.leaks
        ],
        "mistakes": report.mistakes and _mistakes(report.mistakes),
    }


def _mistakes(found: Found) -> dict[str, Any]:
    rows = [
        {**_row(each.row), "given": each.given, "suggested": each.suggested, "margin": each.margin}
        for each in found.mistakes
    ]
    return {
        "judged": found.judged,
        "share": found.share,
        "left_out": list(found.left_out),
        "rows": rows,
    }


def _row(row: Row) -> dict[str, Any]:
    return {"place": row.source, "labels": list(row.labels), "text": row.text, "pair": row.pair}


def _examined(
    parts: Mapping[str, Part], files: Mapping[str, tuple[Scan, Guess]], section: str
) -> Report:
    rows = {name: part.rows for name, part in parts.items()}
    return Report(
        files,
        section,
        parts,
        {name: summarise(part.rows, part.skipped) for name, part in parts.items()},
        {name: find_duplicates(each) for name, each in rows.items()},
        find_leaks(rows),
    )


def _columns(found: Guess) -> str:
    shown = []
    for column in found.columns[:20]:
        sample = show(column.samples[0]) if column.samples else "nothing"
        shown.append(f"{show(str(column.name))} (such as {sample[:_MAX_SAMPLE]})")
    return ", ".join(shown)
