"""The `[data]` section for files, and what its readers read."""

import inspect
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from itertools import islice
from pathlib import Path
from typing import Any, Final

from seqpipe.data._guess import Guess
from seqpipe.data._scan import Scan, copy_beginning
from seqpipe.errors import ConfigError, DataError
from seqpipe.messages import listed, quote
from seqpipe.parts.readers import (
    UNCLOSED_QUOTE,
    BadRow,
    Reader,
    ReadResult,
    Row,
    Stream,
    data_suffix,
)
from seqpipe.reporting import escaped

#: The names of the parts that may have a reader of their own.
PARTS: Final = ("train", "dev", "test")
_OTHER_NAMES: Final = {"valid": "dev", "validation": "dev", "val": "dev", "development": "dev"}


@dataclass(frozen=True)
class Part:
    """The rows of a part of the data.

    Attributes:
        rows: Those that can be used.
        skipped: Those that can't.
        is_cut: Whether there are more.
    """

    rows: tuple[Row, ...]
    skipped: tuple[BadRow, ...] = ()
    is_cut: bool = False


def name_parts(paths: Iterable[str]) -> list[str]:
    """Return which part each of several files is: by their names; the others in the order train, dev, test.

    A single file is the whole, "data". Two of which no name tells anything are train and test.

    Raises:
        ConfigError: There are more files than parts.
    """
    paths = list(paths)
    if len(paths) == 1:
        return ["data"]
    if len(paths) > len(PARTS):
        raise ConfigError(f"there are {len(paths)} files; name three at most: train, dev and test")
    told: dict[str, str] = {}
    for path in paths:
        # The first of two files with the same part in their names.
        if (part := _part_of(path)) and part not in told.values():
            told[path] = part
    order = PARTS if len(paths) == len(PARTS) else ("train", "test", "dev")
    rest = iter([part for part in order if part not in told.values()])
    return [told.pop(path, "") or next(rest) for path in paths]


def _part_of(path: str) -> str:
    words = Path(path).name.lower().replace("-", ".").replace("_", ".").split(".")
    words = [_OTHER_NAMES.get(word, word) for word in words]
    return next((word for word in words if word in PARTS), "")


def settings_of(scanned: Scan, guess: Guess, *, skips: bool = False) -> dict[str, Any]:
    """Return the settings of the reader of a file, with its name.

    Args:
        scanned: The file.
        guess: What it seems to be.
        skips: Whether bad rows are skipped.
    """
    encoding = {} if scanned.encoding == "utf-8" else {"encoding": scanned.encoding}
    policy = {"on_bad_row": "skip"} if skips else {}
    return {
        "@readers": guess.reader,
        "path": scanned.path,
        **guess.settings,
        **encoding,
        **policy,
    }


def write_section(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the text of `[data]`, and of the sections of parts with readers of their own.

    Args:
        parts: The settings of the readers by part; that of the whole is "data".
    """
    blocks = []
    for name, settings in parts.items():
        header = "[data]" if name == "data" else f"[data.{name}]"
        lines = [f"{key} = {_value(value)}" for key, value in settings.items()]
        blocks.append("\n".join([header, *lines]))
    return "\n\n".join(blocks) + "\n"


def _value(value: Any) -> str:
    # In a pipeline file, $$ is a $.
    return json.dumps(value, ensure_ascii=False).replace("$", "$$")


def read_section(sections: Mapping[str, Any], *, most: int) -> dict[str, Part]:
    """Return what the readers of a pipeline file's `[data]` read, by part; bad rows are skipped.

    Args:
        sections: The section with those below it.
        most: How many texts of a part are kept.

    Raises:
        ConfigError: It names no reader, or one can't be made by its settings.
        DataError: A reader can't read.
    """
    own = {key: value for key, value in sections.items() if key not in (*PARTS, "split", "fold")}
    named = {"data": own, **{name: sections[name] for name in PARTS if name in sections}}
    found = {
        name: read_part(settings, most=most)
        for name, settings in named.items()
        if isinstance(settings, Mapping) and "@readers" in settings
    }
    if not found:
        raise ConfigError('[data] names no reader, such as @readers = "seqpipe.Csv.v1"')
    return found


def read_part(settings: Mapping[str, Any], *, most: int, scanned: Scan | None = None) -> Part:
    """Return what a reader reads; bad rows are skipped.

    Args:
        settings: The reader's, with its name.
        most: How many texts are kept.
        scanned: The pass over the file, if it's known: where it was cut, as many lines are read.

    Raises:
        ConfigError: The reader can't be made by its settings.
        DataError: It can't read.
    """
    name = settings["@readers"]
    rest = {key: value for key, value in settings.items() if key != "@readers"}
    if scanned is not None and scanned.is_cut:
        with _beginning(scanned) as path:
            try:
                part = _read(name, {**rest, "path": str(path)}, most)
            except (ConfigError, DataError) as error:
                raise type(error)(str(error).replace(str(path), scanned.path)) from error
            return replace(_named(part, str(path), scanned), is_cut=True)
    return _read(name, rest, most)


@contextmanager
def _beginning(scanned: Scan) -> Iterator[Path]:
    """Yield a file with the first lines of another, for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="seqpipe-data-") as folder:
        path = Path(folder) / f"beginning{data_suffix(scanned.path)}"
        copy_beginning(scanned.path, path, lines=scanned.count)
        yield path


def _named(part: Part, copy: str, scanned: Scan) -> Part:
    """Return the rows with places in the file that they were copied from."""
    path = scanned.path
    rows = tuple(replace(row, source=row.source.replace(copy, path, 1)) for row in part.rows)
    skipped = tuple(replace(bad, source=bad.source.replace(copy, path, 1)) for bad in part.skipped)
    # A row that goes on behind the cut isn't a bad one: it begins on the last line, or a quote is open from its line on.
    last = _line_of(rows[-1].source)
    end = min(
        (
            line
            for bad in skipped
            if (line := _line_of(bad.source)) > last and UNCLOSED_QUOTE in bad.problem
        ),
        default=scanned.count,
    )
    return Part(rows, tuple(bad for bad in skipped if _line_of(bad.source) < end))


def _line_of(source: str) -> int:
    number = source.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


def _read(name: str, settings: Mapping[str, Any], most: int) -> Part:
    factory = _find_reader(name)
    if "on_bad_row" in inspect.signature(factory).parameters:
        settings = {**settings, "on_bad_row": "skip"}
    try:
        reader = factory(**settings)
    except TypeError as error:
        given = listed(settings)
        raise ConfigError(f"{name} can't be made by its settings ({given}): {error}") from error
    if isinstance(reader, Stream):
        return _read_stream(reader, settings.get("path", ""), most)
    if not isinstance(reader, Reader):
        raise ConfigError(f"{name} isn't a reader of texts, so there's nothing to look at")
    result: ReadResult = reader.read()
    return Part(result.rows[:most], result.skipped, is_cut=len(result.rows) > most)


def _find_reader(name: Any) -> Callable[..., Any]:
    """Return what makes a reader, without importing spaCy unless only its registry knows the reader.

    Raises:
        ConfigError: There's none of this name.
    """
    if not isinstance(name, str):
        raise ConfigError(f"a reader's name is a string, and this is {name!r}")
    for entry_point in entry_points(group="spacy_readers", name=name):
        found: Callable[..., Any] = entry_point.load()
        return found
    from spacy.util import registry

    if not registry.has("readers", name):
        raise ConfigError(f"there's no reader {quote(name)}")
    found = registry.get("readers", name)
    return found


def _read_stream(reader: Stream, path: Any, most: int) -> Part:
    rows = []
    texts = reader.stream()
    for number, text in enumerate(islice(texts, most), start=1):
        shown = text if isinstance(text, str) else " ".join(text)
        # Blank lines aren't counted, so this is no number of a line.
        rows.append(Row(shown, (), f"{path if isinstance(path, str) else 'data'}, text {number}"))
    if not rows:
        raise DataError(f"{escaped(path)}: there's no text in it")
    return Part(tuple(rows), is_cut=next(texts, None) is not None)
