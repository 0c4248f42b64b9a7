"""One text per line, its labels before it: the format of fastText."""

from collections.abc import Iterator
from functools import partial

from seqpipe.errors import ConfigError
from seqpipe.parts.readers._collect import Parsed, ProblemError, Record, collect
from seqpipe.parts.readers._contract import OnBadRow, Reader, ReadResult
from seqpipe.parts.readers._files import encoding_problem, read_files
from seqpipe.parts.readers._settings import check_settings


class LabelledLines(Reader):
    """Read a file with one text per line, its labels before it; blank lines are passed over.

    Labels are words that begin with the prefix: ``__label__sauce __label__cheese How much …``. Where the
    first other word stands the text begins. Without a prefix the first word is the label: ``DESC:manner How did …``.

    Args:
        path: A file, a folder of .txt files, or a pattern for files: a plain path, ``package:NAME/below`` or
            ``data:below``. Files that end in .gz, .bz2, .xz or .zst are decompressed.
        prefix: What labels begin with. It's no part of them. None if nothing marks them: then a line has one.
        encoding: The file's encoding, or several to be tried in turn.
        on_bad_row: What to do with a row that can't be used: "error" or "skip".

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        path: str,
        *,
        prefix: str | None = "__label__",
        encoding: str | list[str] = "utf-8",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding=encoding, on_bad_row=on_bad_row)
        self.on_bad_row = on_bad_row
        self._prefix = prefix
        if prefix is not None and (not prefix or any(map(str.isspace, prefix))):
            raise ConfigError(
                f"the reader's `prefix` is {prefix!r}; it's what labels begin with, without white space, "
                'such as "__label__", or null where the first word is the label'
            )

    def read(self) -> ReadResult:
        """Read every line.

        Raises:
            DataError: The file isn't there or can't be read; a row is bad and the policy is
                "error"; or all rows are bad.
        """
        return collect(self._records(), settings=self._settings)

    def _records(self) -> Iterator[Record]:
        for path, lines in read_files(self._settings, suffixes=(".txt",)):
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield f"{path}:{number}", partial(self._parse, line)

    def _parse(self, line: str) -> Parsed:
        if problem := encoding_problem(line, encodings=self._settings.encodings):
            raise ProblemError(problem)
        labels, rest = [], line.strip()
        if self._prefix is None:
            label, *text = rest.split(maxsplit=1)
            return Parsed(text[0] if text else "", [label])
        while rest.startswith(self._prefix):
            # At any white space, as fastText does: labels are often followed by a tab.
            word, *more = rest.split(maxsplit=1)
            labels.append(word.removeprefix(self._prefix))
            rest = more[0] if more else ""
        if not labels:
            raise ProblemError(
                f'it has no label: it begins with no word like "{self._prefix}name"; if its first word is the label, '
                "set `prefix = null`"
            )
        return Parsed(rest, labels)
