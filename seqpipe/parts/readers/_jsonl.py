"""One JSON object per line."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from seqpipe.parts.readers._collect import Parsed, ProblemError, collect
from seqpipe.parts.readers._contract import OnBadRow, Reader, ReadResult
from seqpipe.parts.readers._files import encoding_problem, read_files
from seqpipe.parts.readers._objects import Objects, kind_of
from seqpipe.parts.readers._settings import check_settings
from seqpipe.parts.readers._words import Chunks


class Jsonl(Reader):
    """Read a file with one JSON object per line; blank lines are passed over.

    A key with dots, such as "user.text", is looked for inside of objects if there's none of the whole name.

    Args:
        path: A file, a folder of .jsonl files, or a pattern for files: a plain path, ``package:NAME/below`` or
            ``data:below``. Files that end in .gz, .bz2, .xz or .zst are decompressed.
        text: The key of the text; of several, the texts that aren't empty are joined with a blank.
        label: The key of the label, a string or an integer, or a list of these for several labels. An
            integer is read as a table's cell would be: 3 is the label "3". Numbers with a fraction are no labels, but the row's
            numbers. With `words` or `spans`, texts may lack it.
        pair: The key of the second text, where texts come in pairs.
        words: The key of a text's words, a list, in the place of `text`: words are joined with blanks.
        tags: The keys of the words' tags, lists as long as the words, by a name of yours. Tags of chunks ("B-PER") are also
            the text's spans, as in `Columns`.
        spans: The key of the text's spans, such as its entities: a list of ``[start, end, label]``, or of objects with these
            three keys. They count characters of the text.
        encoding: The file's encoding, or several to be tried in turn.
        on_bad_row: What to do with a row that can't be used: "error" or "skip".

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        path: str,
        *,
        text: str | list[str] = "text",
        label: str = "label",
        pair: str | None = None,
        words: str | None = None,
        tags: Mapping[str, str] | None = None,
        spans: str | None = None,
        encoding: str | list[str] = "utf-8",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding=encoding, on_bad_row=on_bad_row)
        self.on_bad_row = on_bad_row
        self._objects = Objects(
            text=[text] if isinstance(text, str) else list(text),
            label=label,
            words=words,
            tags=dict(tags or {}),
            spans=spans,
            pair=pair,
        )

    def read(self) -> ReadResult:
        """Read every line.

        Raises:
            DataError: The file isn't there or can't be read; a row is bad and the policy is
                "error"; or all rows are bad.
        """
        lines = [
            (f"{path}:{number}", line)
            for path, lines in read_files(self._settings, suffixes=(".jsonl", ".ndjson"))
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
        chunks = self._objects.find_chunks(lambda: _readable(line for _, line in lines))
        records = ((source, partial(self._parse, line, chunks)) for source, line in lines)
        return collect(records, settings=self._settings)

    def _parse(self, line: str, chunks: Chunks) -> Parsed:
        if problem := encoding_problem(line, encodings=self._settings.encodings):
            raise ProblemError(problem)
        return self._objects.parse(_object(line), chunks)


def _readable(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        try:
            row = _object(line)
        except ProblemError:
            continue
        yield row


def _object(line: str) -> Mapping[str, Any]:
    row = _load(line)
    if not isinstance(row, dict):
        raise ProblemError(
            f"the line is {kind_of(row)}; each line should be a JSON object by itself"
        )
    return row


def _load(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ProblemError(f"it isn't JSON: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, 5,000 brackets
        raise ProblemError(f"it's JSON that can't be read: {error}") from error
