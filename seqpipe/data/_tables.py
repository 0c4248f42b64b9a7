"""Tables: their separator and quotes, whether they have a header, and their columns."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from seqpipe.data._columns import Column, choose_label, choose_text, describe, is_known_name
from seqpipe.data._guess import Guess
from seqpipe.messages import quote as quoted
from seqpipe.parts.readers import parse_table

#: What separates cells where the file's name says it.
_BY_SUFFIX: Final = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_DELIMITERS: Final = ("\t", ",", ";", "|")
_NAMES: Final = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}
#: The share of rows that have as many cells as most, of a table whose name doesn't tell that it's one.
_MIN_SHARE: Final = 0.95
#: Longer cells aren't the name of a column.
_MAX_NAME: Final = 40
_MAX_NAME_WORDS: Final = 4
#: In so few rows a label may well be there only once.
_FEW_ROWS: Final = 50


@dataclass(frozen=True)
class _Layout:
    delimiter: str
    quote: str | None
    rows: tuple[tuple[str, ...], ...]
    share: float


def guess_table(
    lines: Sequence[str], suffix: str, *, text: str | None = None, label: str | None = None
) -> Guess | None:
    """Return what a table seems to be, or None if the lines aren't one.

    Args:
        lines: The first lines of the file.
        suffix: What its name ends in.
        text: The column of the text, if it was told.
        label: That of the label.

    Raises:
        DataError: There's no such column.
    """
    layout = _layout(lines, suffix)
    if layout is None:
        return None
    has_header = _has_header(layout.rows)
    columns = _columns(layout.rows, has_header=has_header)
    found_text = choose_text(columns, text)
    found_label = choose_label(columns, found_text and found_text[0], label)
    settings: dict[str, Any] = {}
    roles = {}
    for role, found in (("text", found_text), ("label", found_label)):
        if found is not None:
            roles[role] = f"column {_shown(found[0].name)} ({found[1]})"
            if found[0].name != role:
                settings[role] = found[0].name
    if _BY_SUFFIX.get(suffix) != layout.delimiter:
        settings["delimiter"] = layout.delimiter
    if not has_header:
        settings["header"] = False
    if layout.quote is None:
        settings["quote"] = None
    cells = "cells may be quoted" if layout.quote else "no quotes"
    header = _header(layout.rows) if has_header else "no header"
    format = f"table separated by {_NAMES[layout.delimiter]}; {header}; {cells}"
    return Guess(format, "seqpipe.Csv.v1", settings, columns, roles, _problem(roles))


def _problem(roles: dict[str, str]) -> str:
    if lacking := [role for role in ("text", "label") if role not in roles]:
        return f"no column looks like the {lacking[0]}; name it with --{lacking[0]}"
    if roles["text"].partition(" (")[0] == roles["label"].partition(" (")[0]:
        return "the text and the label are the same column; name another with --text or --label"
    return ""


def _layout(lines: Sequence[str], suffix: str) -> _Layout | None:
    expected = _BY_SUFFIX.get(suffix)
    # A comma or a bar in a text is no reason to doubt that a .tsv has tabs.
    layouts = [found for each in _DELIMITERS if (found := _with_delimiter(lines, each))]
    for layout in layouts:
        if layout.delimiter == expected and layout.share > 0.5:
            return layout
    best = max(layouts, key=lambda each: each.share, default=None)
    if best is None or (expected is None and (best.share < _MIN_SHARE or len(best.rows) < 3)):
        return None
    return best


def _with_delimiter(lines: Sequence[str], delimiter: str) -> _Layout | None:
    """Return the table that the lines are by a delimiter: with quotes, unless it's worse with them."""
    found = []
    for quote in ('"', None):
        rows = parse_table(lines, delimiter=delimiter, quote=quote)
        widths = Counter(len(row.cells) for row in rows if row.problem is None)
        width, count = max(widths.items(), key=lambda item: item[1], default=(0, 0))
        if width > 1:
            kept = tuple(row.cells for row in rows if len(row.cells) == width)
            found.append(_Layout(delimiter, quote, kept, count / len(rows)))
    return max(found, key=lambda each: each.share + 0.02 * (each.quote is not None), default=None)


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    first, rest = [cell.strip() for cell in rows[0]], rows[1:]
    if any(len(cell) > _MAX_NAME or len(cell.split()) > _MAX_NAME_WORDS for cell in first):
        return False
    if any(cell.replace(".", "").replace("-", "").isdecimal() for cell in first) or not any(first):
        return False
    if not rest:
        return any(map(is_known_name, first))
    below = [{row[place].strip() for row in rest} for place in range(len(first))]
    # A value that's there again below isn't a name.
    return not any(cell in values for cell, values in zip(first, below, strict=True) if cell)


def _header(rows: Sequence[Sequence[str]]) -> str:
    if len(rows) > _FEW_ROWS or any(map(is_known_name, rows[0])):
        return "a header"
    return "a header (a guess: none of its cells is there again; if it's data, set header = false)"


def _columns(rows: Sequence[Sequence[str]], *, has_header: bool) -> tuple[Column, ...]:
    names = [cell.strip() for cell in rows[0]] if has_header else [""] * len(rows[0])
    counts = Counter(names)
    below = rows[1:] if has_header else rows
    return tuple(
        describe(name if name and counts[name] == 1 else place + 1, [row[place] for row in below])
        for place, name in enumerate(names)
    )


def _shown(name: str | int) -> str:
    return str(name) if isinstance(name, int) else quoted(name)
