"""Tells formats apart, by the lines themselves first and by the file's name where they leave it open."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from seqpipe.data._columns import describe
from seqpipe.data._guess import Guess
from seqpipe.data._json import guess_json
from seqpipe.data._scan import Scan
from seqpipe.data._tables import guess_table
from seqpipe.data._words import guess_columns, guess_conllu
from seqpipe.errors import DataError
from seqpipe.parts.readers import data_suffix
from seqpipe.reporting import escaped

_PREFIX: Final = "__label__"
_TABLES: Final = (".csv", ".tsv", ".tab")
#: First words are labels if there are so few of them for all lines.
_MAX_LABELS: Final = 0.1
_FEW_LINES: Final = 50
#: The readers whose text and label are columns or keys.
_WITH_COLUMNS: Final = ("seqpipe.Csv.v1", "seqpipe.Jsonl.v1")


def guess(
    scanned: Scan, *, text: str | None = None, label: str | None = None, like: Guess | None = None
) -> Guess:
    """Return what a file seems to be.

    Args:
        scanned: The file.
        text: The column or key of the text, if it was told.
        label: That of the label.
        like: What another part of the same data is: it holds for this one too, if that has the same columns.

    Raises:
        DataError: There's no such column, or the format has none that could be told.
    """
    try:
        found = _guess(scanned, text, label)
        if found.reader not in _WITH_COLUMNS and (text is not None or label is not None):
            raise DataError(
                f"--text and --label name columns of tables or keys of JSON Lines, and this looks like {found.format}; "
                "leave them out"
            )
    except DataError as error:
        raise DataError(f"{escaped(scanned.path)}: {error}") from error
    if like is None or found.reader != like.reader or not like.columns:
        return found
    names = [[column.name for column in each.columns] for each in (found, like)]
    return like if names[0] == names[1] else found


def _guess(scanned: Scan, text: str | None, label: str | None) -> Guess:
    lines, suffix = scanned.lines, data_suffix(scanned.path)
    if suffix in _TABLES and (table := guess_table(lines, suffix, text=text, label=label)):
        # Tags of words come as .tsv too, and then their texts are apart.
        return guess_conllu(lines) or (guess_columns(lines) if suffix != ".csv" else None) or table
    return (
        guess_json(lines, text=text, label=label)
        or guess_conllu(lines)
        or _guess_prefixed(lines)
        or guess_columns(lines)
        or guess_table(lines, suffix, text=text, label=label)
        or _guess_first_word(lines)
        or _plain(lines)
    )


def _guess_prefixed(lines: Sequence[str]) -> Guess | None:
    filled = [line for line in lines if line.strip()]
    if sum(line.startswith(_PREFIX) for line in filled) <= len(filled) / 2:
        return None
    format = f"a text per line, its labels before it, which begin with {_PREFIX}"
    return Guess(format, "seqpipe.LabelledLines.v1", {})


def _guess_first_word(lines: Sequence[str]) -> Guess | None:
    """Return the guess for lines whose first word is a label: few different ones, and each with a text."""
    rows = [line.split(maxsplit=1) for line in lines if line.strip()]
    labels = Counter(row[0] for row in rows)
    most = len(rows) / 2 if len(rows) < _FEW_LINES else max(_MAX_LABELS * len(rows), 2)
    has_texts = all(len(row) == 2 for row in rows)
    if not has_texts or not 1 < len(labels) <= most:
        return None
    columns = (
        describe(1, [row[0] for row in rows]),
        describe(2, [row[1].strip() for row in rows]),
    )
    roles = {
        "label": f"the first word of a line ({len(labels):,} different ones in {len(rows):,} lines)",
        "text": "the rest of the line",
    }
    format = "a text per line, its label before it"
    return Guess(format, "seqpipe.LabelledLines.v1", {"prefix": None}, columns, roles)


def _plain(lines: Sequence[str]) -> Guess:
    column = describe(1, [line.strip() for line in lines])
    roles = {
        "text": "each line; there are no labels, so it serves for embeddings and language models ([language_model])"
    }
    return Guess("a text per line", "seqpipe.Lines.v1", {}, (column,), roles)
