"""One folder per class, one file per text."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Final

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers._collect import Parsed, ProblemError, Record, collect, listed, printable
from seqpipe.parts.readers._contract import OnBadRow, Reader, ReadResult
from seqpipe.parts.readers._files import bad_line, encoding_problem, read_text
from seqpipe.parts.readers._paths import entries, locate_folder
from seqpipe.parts.readers._settings import check_settings

_NO_CLASSES: Final = ("__pycache__",)


class Folders(Reader):
    """Read one folder per class, one file per text; a folder's name is its label.

    Rows stand sorted by class, then by file name, by code point. Files beside the class folders,
    folders inside them, and folders whose name starts with a dot are passed over.

    Args:
        path: The folder that holds the class folders: a plain path, ``package:NAME/below`` or
            ``data:below``.
        pattern: Which files of a class folder are texts, as a shell pattern; capitals count.
            Files that end in .gz, .bz2, .xz or .zst are decompressed.
        encoding: The files' encoding, or several to be tried in turn for each file.
        on_bad_row: What to do with a file that can't be used: "error" or "skip".

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        path: str,
        *,
        pattern: str = "*.txt",
        encoding: str | list[str] = "utf-8",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding=encoding, on_bad_row=on_bad_row)
        self.on_bad_row = on_bad_row
        if not pattern:
            raise ConfigError('pattern is empty; "*.txt" takes the files that end in .txt')
        self._pattern = pattern

    def read(self) -> ReadResult:
        """Read every file.

        Raises:
            DataError: The folder isn't there, has no class folders, or one of them has no texts;
                a file is bad and the policy is "error"; or all are bad.
        """
        root = locate_folder(self._settings.path)
        return collect(self._records(root), settings=self._settings)

    def _records(self, root: Path) -> Iterator[Record]:
        shown = self._settings.path.rstrip("/")
        for folder in self._class_folders(root):
            for file in self._texts(folder):
                source = f"{shown}/{folder.name}/{file.name}"
                yield source, partial(self._parse, file)

    def _class_folders(self, root: Path) -> list[Path]:
        folders = [
            entry
            for entry in entries(root, self._settings.path)
            if not entry.name.startswith(".")
            and entry.name not in _NO_CLASSES
            and _is_folder(entry)
        ]
        if not folders:
            raise DataError(
                f"{printable(self._settings.path)} holds no folders; there should be one per class"
            )
        return folders

    def _texts(self, folder: Path) -> list[Path]:
        shown = f"{self._settings.path.rstrip('/')}/{folder.name}"
        found = entries(folder, shown)
        texts = [entry for entry in found if fnmatchcase(entry.name, self._pattern)]
        if not texts:
            there = listed((entry.name for entry in found), limit=3)
            raise DataError(
                f'{printable(shown)} holds no file that matches "{self._pattern}", only '
                f"{there or 'nothing at all'}; remove the folder or change the pattern"
            )
        return texts

    def _parse(self, file: Path) -> Parsed:
        if not _is_file(file):
            raise ProblemError("it isn't a file, or is a link to nothing")
        text = read_text(file, encodings=self._settings.encodings)
        if problem := encoding_problem(text, encodings=self._settings.encodings):
            raise ProblemError(f"line {bad_line(text)}: {problem}")
        return Parsed(text, (file.parent.name,))


def _is_folder(entry: Path) -> bool:
    # Before Python 3.14 it raises where a folder may be listed but not entered.
    try:
        return entry.is_dir()
    except OSError as error:
        raise DataError(f"{printable(str(entry))} can't be reached: {error.strerror}") from error


def _is_file(entry: Path) -> bool:
    try:
        return entry.is_file()
    except OSError as error:
        raise ProblemError(f"it can't be reached: {error.strerror}") from error
