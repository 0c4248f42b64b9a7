"""Makes rows of records that may be bad, by the policy for bad ones."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from seqpipe.errors import DataError
from seqpipe.messages import did_you_mean, nearest
from seqpipe.parts.readers._contract import BadRow, ReadResult, Row, Span
from seqpipe.parts.readers._settings import Settings

# Problems of a row or a file.

#: Half of a pair, standing alone: no character, so UTF-8 has no way to write it.
SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


class ProblemError(Exception):
    """A row or file that can't be used, in words; it never leaves this package.

    Args:
        message: What's wrong.
        by_setting: Whether a setting that the message names would mend it.
    """

    def __init__(self, message: str, *, by_setting: bool = False) -> None:
        super().__init__(message)
        self.by_setting = by_setting


def printable(text: str) -> str:
    r"""Return `text` so that it can be written as UTF-8: a lone surrogate becomes ``\udcff``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def listed(names: Iterable[str], *, limit: int = 20) -> str:
    """Return the names in quotes, with commas between; past `limit`, only how many more."""
    quoted = [f'"{printable(name)}"' for name in names]
    more = [f"{len(quoted) - limit} more"] if len(quoted) > limit else []
    return ", ".join(quoted[:limit] + more)


def missing(name: str, there: Iterable[str], *, what: str) -> str:
    """Say that `name` isn't among the names there are, and which of them comes nearest."""
    names = list(there)
    near = nearest(name, names)
    hint = f"; {did_you_mean(near)}" if near else ""
    return f'there is no {what} "{name}", only {listed(names) or "none"}{hint}'


class Words(NamedTuple):
    """The words of a text and their tags; as `Row` has them."""

    words: tuple[str, ...]
    spaces: tuple[bool, ...]
    tags: Mapping[str, tuple[str | None, ...]]


class Parsed(NamedTuple):
    """A text and what's said of it, not yet checked."""

    text: str
    labels: Sequence[str]
    words: Words | None = None
    spans: tuple[Span, ...] | None = None
    numbers: tuple[float, ...] = ()
    pair: str | None = None


#: Where a row stands, and how to get it; getting it may raise `ProblemError`.
Record: TypeAlias = tuple[str, Callable[[], Parsed]]


def collect(records: Iterable[Record], *, settings: Settings) -> ReadResult:
    """Make rows of the records.

    Raises:
        DataError: A row is bad and the policy is "error", or not one row is good.
    """
    rows: list[Row] = []
    skipped: list[BadRow] = []
    for source, parse in records:
        source = printable(source)
        try:
            rows.append(_row(parse(), source))
        except ProblemError as problem:
            if settings.on_bad_row == "error":
                # Where a setting would mend the rows, nobody is led to leave them out.
                skip = "" if problem.by_setting else ' (on_bad_row = "skip" leaves such rows out)'
                raise DataError(f"{source}: {problem}{skip}") from problem
            skipped.append(BadRow(source=source, problem=str(problem)))
    if not rows:
        raise DataError(_nothing(printable(settings.path), skipped))
    return ReadResult(rows=tuple(rows), skipped=tuple(skipped))


def join_texts(texts: Iterable[str]) -> str:
    """Join the texts that aren't empty with a blank between."""
    return " ".join(text for text in texts if text.strip())


def _nothing(path: str, skipped: list[BadRow]) -> str:
    if not skipped:
        return f"{path} holds no rows"
    first = skipped[0]
    return (
        f"{path}: none of its {len(skipped)} rows can be used; "
        f"the first of them, {first.source}: {first.problem}"
    )


def _row(parsed: Parsed, source: str) -> Row:
    text, labels, words, spans, numbers, pair = parsed
    has_labels_only = words is None and spans is None
    if has_labels_only:
        # The same text from any platform: one line end, so that fingerprints agree. Spans count characters as they are.
        text = _one_line_end(text)
    if not text.strip():
        raise ProblemError("its text is empty, or only white space")
    _check_characters(text, "text")
    if pair is not None:
        pair = _one_line_end(pair)
        if not pair.strip():
            raise ProblemError("the second text of its pair is empty, or only white space")
        _check_characters(pair, "text")
    # A label given twice counts once.
    labels = tuple(dict.fromkeys(label.strip() for label in labels))
    if "" in labels or (has_labels_only and not labels and not numbers):
        raise ProblemError("its label is empty")
    for label in labels:
        _check_characters(label, "label")
    spans = spans and tuple(_checked_span(text, span) for span in spans)
    if words is None:
        return Row(text, labels, source, spans=spans, numbers=numbers, pair=pair)
    for name, tags in words.tags.items():
        for tag in tags:
            _check_characters(tag or "", name)
    return Row(text, labels, source, *words, spans=spans, numbers=numbers)


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _checked_span(text: str, span: Span) -> Span:
    start, end, label = span
    if not 0 <= start < end <= len(text):
        raise ProblemError(
            f"it has a span from {start} to {end}, and its text has {len(text)} characters"
        )
    if not label.strip():
        raise ProblemError(f"its span from {start} to {end} has no label")
    _check_characters(label, "span")
    return Span(start, end, label.strip())


def _check_characters(text: str, what: str) -> None:
    if "\0" in text:
        raise ProblemError(
            f"its {what} holds a NUL character, as binary files and UTF-16 read as something "
            "else do; take it out, or name the right encoding"
        )
    if match := SURROGATE.search(text):
        raise ProblemError(
            f"its {what} holds half of a surrogate pair, U+{ord(match.group()):04X}, which UTF-8 "
            "can't write; take it out"
        )
