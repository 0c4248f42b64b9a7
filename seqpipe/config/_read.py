"""Reads a pipeline file: the positions of its sections, keys and values, and the values themselves."""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from seqpipe.config import _values
from seqpipe.config._overrides import Overlay, Override, parse
from seqpipe.config._references import REFERENCE, Fault, Raw, References
from seqpipe.config._schema import (
    DECISION_SETTINGS,
    HOST_SETTINGS,
    PIPELINE_SETTINGS,
    Makes,
    what_is_made,
)
from seqpipe.config._sections import SectionReferences, nest
from seqpipe.config._spacy_defaults import spacy_keys
from seqpipe.config._syntax import Key, Section, looks_like_data, section_place, split
from seqpipe.config._values import InvalidValue, interpret
from seqpipe.messages import (
    Diagnostic,
    PipelineFileError,
    Place,
    Problems,
    Source,
    did_you_mean,
    listed,
    nearest,
    quote,
)

KeyPath = tuple[str | int, ...]


class Index:
    """The positions of the sections, keys and values of a file, including those from the command line.

    Args:
        source: The lines of the file.
        sections: Its sections by name.
        origins: The overrides, by their paths.
    """

    def __init__(
        self, source: Source, sections: dict[str, Section], origins: dict[tuple[str, ...], Override]
    ) -> None:
        self._source = source
        self._sections = sections
        self._origins = origins

    @property
    def name(self) -> str:
        """What the file is called in messages."""
        return self._source.name

    def place(self, path: KeyPath, *, value: bool = False) -> Place:
        """Return the place of a name (or of its value), or of what encloses it."""
        for depth in range(len(path), 0, -1):
            found = self._exactly(path[:depth], path[depth:], value)
            if found:
                return found
        return self._source.whole()

    def written(self) -> frozenset[str]:
        """Return the names of the sections in the file that name a part, or several embedders."""
        named = [
            section.parts
            for section in self._sections.values()
            if any(key.startswith("@") for key in section.keys)
        ]
        return frozenset(path[0] for path in named if len(path) == 1 or path[0] == "embedder")

    def each_key(self) -> Iterator[tuple[tuple[str, ...], Key]]:
        """Yield the keys in the file, each with the path of its section."""
        for section in self._sections.values():
            for key in section.keys.values():
                yield section.parts, key

    def inside(self, path: tuple[str, ...], offset: int, length: int | None) -> Place:
        """Return the place of a span of a raw value, cut off at the end of its line."""
        override = self._origins.get(path)
        key = self._key(path)
        if override or not key:
            return override.value_place if override else self.place(path, value=True)
        return self._stretch(key, offset, length)

    def target(self, path: KeyPath) -> KeyPath | None:
        """Return the path that a value refers to, if it's nothing but a reference."""
        key = self._key(path)
        match = REFERENCE.fullmatch(key.raw) if key and path not in self._origins else None
        if not match:
            return None
        name = tuple(match.group(1).replace(":", ".").split("."))
        found = name if len(name) > 1 else (*path[:-1], *name)
        return found if self._key(found) and found != path else None

    def _exactly(self, path: KeyPath, rest: KeyPath, value: bool) -> Place | None:
        override = self._origins.get(path)  # type: ignore[arg-type]
        if override:
            return override.value_place if value or rest else override.key_place
        key = self._key(path)
        if key:
            if rest or value:
                return self._in_value(key, rest, value)
            return self._source.place(key.line, key.column, len(key.name))
        place = self._headers.get(path)
        return place or self._made_by_override(path)

    def _in_value(self, key: Key, rest: KeyPath, value: bool) -> Place:
        found = _values.find(key.raw, rest)
        # An entry of a mapping is marked at its name: that's short, and easily seen.
        offset, length = found or (0, None)
        return self._stretch(key, offset, length)

    def _stretch(self, key: Key, offset: int, length: int | None) -> Place:
        if not key.raw:
            return self._source.place(key.line, key.column, len(key.name))
        for piece in key.pieces:
            if offset <= len(piece.text):
                break
            offset -= len(piece.text) + 1
        rest = len(piece.text) - offset
        return self._source.place(
            piece.line, piece.column + offset, rest if length is None else min(length, rest)
        )

    def _key(self, path: KeyPath) -> Key | None:
        section = self._sections.get(".".join(map(str, path[:-1])))
        return section.keys.get(str(path[-1])) if section else None

    def _made_by_override(self, path: KeyPath) -> Place | None:
        for made, override in self._origins.items():
            if made[: len(path)] == path:
                return override.part_place(len(path))
        return None

    @functools.cached_property
    def _headers(self) -> dict[Any, Place]:
        """The places of all section names, also of sections without a header of their own."""
        places: dict[Any, Place] = {}
        own: dict[Any, Place] = {}
        for section in self._sections.values():
            for depth in range(1, len(section.parts) + 1):
                if section.parts[:depth] not in places:
                    places[section.parts[:depth]] = section_place(self._source, section, depth)
            own[section.parts] = section_place(self._source, section, len(section.parts))
        return {**places, **own}


#: In bytes; pipeline files have a few kilobytes.
_MAX_SIZE = 1_000_000


#: The settings of [training] that say how long it is.
_LENGTH: Final = ("max_epochs", "max_steps", "patience", "eval_frequency")


@dataclass(frozen=True)
class PipelineFile:
    """A pipeline file as it was read.

    Attributes:
        path: As it was given.
        sections: The nested sections with their values: references resolved, overrides applied.
        index: The positions of its sections, keys and values.
    """

    path: Path
    sections: dict[str, Any]
    index: Index = field(repr=False, compare=False)

    @functools.cached_property
    def makes(self) -> Makes | None:
        """What the file makes; None for a spaCy config, where the pipeline says that."""
        return what_is_made(self.sections)

    @functools.cached_property
    def written(self) -> frozenset[str]:
        """The sections whose part the file itself names; others have settings for what it leaves out, as options do."""
        return self.index.written()

    @property
    def leaves_training_out(self) -> bool:
        """Whether nothing is said of how long a model is trained, which the file leaves to the defaults itself."""
        given = self.sections.get("training", {})
        return (
            self.makes is Makes.HEAD
            and not {"embedder", "encoder"} & self.written
            and not any(name in given for name in _LENGTH)
        )

    @property
    def lang(self) -> str:
        """The code of the pipeline's language."""
        for name in ("nlp", "pipeline"):
            lang = self.sections.get(name, {}).get("lang")
            if isinstance(lang, str):
                return lang
        return "en"

    def place(self, path: Sequence[str | int], *, value: bool = False) -> Place:
        """Return the place of a section, key or value, or of what encloses it.

        Args:
            path: The names of sections and keys, outermost first; it may go on into a value.
            value: Whether the value is meant, rather than the name in front of it.
        """
        return self.index.place(tuple(path), value=value)


def name_of(path: Path) -> str:
    """Return what a pipeline is called after its file, or after the folder if that's ``pipeline.cfg``."""
    resolved = path.resolve()
    return resolved.parent.name if resolved.stem == "pipeline" else resolved.stem


def read(path: Path, overrides: Sequence[str] = ()) -> PipelineFile:
    """Read a pipeline file.

    Args:
        path: The file: text in UTF-8.
        overrides: Arguments of the command line, such as ``["--encoder.width", "128"]``.

    Raises:
        PipelineFileError: It can't be read, or there are errors in its syntax, values or references,
            or in the overrides; all that were found.
    """
    return _collecting(str(path), lambda problems: _read(path, _text(path), overrides, problems))


def read_text(
    text: str, *, name: str = "pipeline.cfg", overrides: Sequence[str] = ()
) -> PipelineFile:
    """Read the text of a pipeline file; otherwise as `read`.

    Args:
        text: The text.
        name: What the file is called in messages.
        overrides: Arguments of the command line.

    Raises:
        PipelineFileError: As `read`.
    """
    return _collecting(name, lambda problems: _read(Path(name), text, overrides, problems))


def _collecting(name: str, work: Callable[[Problems], PipelineFile]) -> PipelineFile:
    problems = Problems(name)
    try:
        return work(problems)
    except Problems.Enough:
        problems.raise_any(more=True)
        raise


def _read(path: Path, text: str, words: Sequence[str], problems: Problems) -> PipelineFile:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    source = Source(str(path), tuple(text.split("\n")))
    if not text.strip():
        raise _unreadable(
            path, f"{quote(path.name)} is empty", "a pipeline file has at least [data] and [head]"
        )
    if looks_like_data(source.lines):
        raise _no_pipeline_file(path, source)
    sections = split(source, problems)
    overrides = parse(words, lambda: _known_keys(sections), problems)
    problems.raise_any()
    raw: Raw = {name: {k: v.raw for k, v in s.keys.items()} for name, s in sections.items()}
    overlay = Overlay(raw, problems)
    for override in overrides:
        overlay.apply(override)
    problems.raise_any()
    index = Index(source, sections, overlay.origins)
    return PipelineFile(path, _evaluate(raw, index, problems), index)


def _evaluate(raw: Raw, index: Index, problems: Problems) -> dict[str, Any]:
    """Return the nested sections, after reporting every faulty value and reference."""

    def report(section: str, key: str, fault: Fault) -> None:
        message = f"{fault.message}, in the value of {quote(key)}"
        at = (*section.split("."), key)
        problems.add(Diagnostic(message, index.inside(at, fault.offset, fault.length), fault.label))

    references = References(raw, report)
    values: dict[str, dict[str, Any]] = {}
    for section, keys in raw.items():
        values[section] = {}
        for key in keys:
            text = references.resolve(section, key)
            value = None if text is None else interpret(text)
            if isinstance(value, InvalidValue):
                _report_invalid(section, key, value, keys[key] != text, index, problems)
            values[section][key] = value
    problems.raise_any()

    def report_section(path: tuple[str, ...], message: str) -> None:
        problems.add(Diagnostic(message, index.place(path, value=True)))

    nested = SectionReferences(nest(values), report_section).replace()
    problems.raise_any()
    return nested


def _report_invalid(
    section: str, key: str, invalid: InvalidValue, is_joined: bool, index: Index, problems: Problems
) -> None:
    at = (*section.split("."), key)
    message = f"the value of {quote(key)} {invalid.message}"
    label = invalid.label
    if is_joined:
        # The offsets are those of the value after its references were resolved.
        place = index.inside(at, 0, None)
        message = f"the value of {quote(key)} isn't JSON once its references are resolved"
        label = 'put the whole of it between " and "'
    else:
        place = index.inside(at, invalid.offset, invalid.length)
    problems.add(Diagnostic(message, place, label))


def _known_keys(sections: dict[str, Section]) -> Iterator[str]:
    for section in sections.values():
        yield from (f"{section.name}.{key}" for key in section.keys)
    yield from (f"pipeline.{key}" for key in PIPELINE_SETTINGS)
    yield from (f"decision.{key}" for key in DECISION_SETTINGS)
    yield from (f"{name}.{key}" for name, keys in HOST_SETTINGS.items() for key in keys)
    yield from spacy_keys()


def _text(path: Path) -> str:
    if path.is_dir():
        found = sorted(file.name for file in path.glob("*.cfg"))[:3]
        meant = f"did you mean {path / found[0]}?" if found else "name the pipeline file in it"
        raise _unreadable(path, f"{quote(path.name)} is a folder, not a file", meant)
    if not path.is_file():
        raise _unreadable(path, *_missing(path))
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_SIZE + 1)
    except OSError as error:
        raise _unreadable(path, f"{quote(path.name)} can't be read", str(error.strerror)) from error
    if len(data) > _MAX_SIZE:
        message = f"{quote(path.name)} has more than {_MAX_SIZE // 1_000_000} MB"
        raise _unreadable(path, message, "a pipeline file has a few kilobytes of text")
    return _decode(path, data)


def _missing(path: Path) -> tuple[str, str]:
    if path.exists():
        return f"{quote(path.name)} isn't a regular file", "name a text file"
    if not path.parent.is_dir():
        return f"there's no file {quote(path.name)}", "its folder doesn't exist either"
    names = [file.name for _, file in zip(range(500), path.parent.iterdir(), strict=False)]
    near = nearest(path.name, names)
    files = sorted(name for name in names if name.endswith(".cfg"))
    offered = (
        f"there are: {listed(files, 5)}" if files else "check the name, and the folder you're in"
    )
    return f"there's no file {quote(path.name)}", did_you_mean(near) or offered


def _decode(path: Path, data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _unreadable(
            path, f"{quote(path.name)} is in UTF-16, not in UTF-8", "save it as UTF-8"
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        shown = data.split(b"\n")[line - 1].decode("utf-8", "replace").rstrip("\r")
        column = shown.find("\ufffd") + 1
        place = Place(str(path), line, column, 1, shown)
        message = (
            f"{quote(path.name)} isn't text in UTF-8: there's a byte 0x{data[error.start]:02x}"
        )
        raise PipelineFileError(
            [Diagnostic(message, place, "save it as UTF-8")], str(path)
        ) from None
    if "\0" in text:
        raise _unreadable(path, f"{quote(path.name)} isn't a text file", "it contains null bytes")
    return text


def _no_pipeline_file(path: Path, source: Source) -> PipelineFileError:
    line = next(number for number, text in enumerate(source.lines, 1) if text.strip())
    message = f"{quote(path.name)} isn't a pipeline file: it looks like data"
    help = (
        "a pipeline file says what reads the data, and what learns from it; it begins such as",
        "[data]",
        '@readers = "seqpipe.Csv.v1"',
        f"path = {json.dumps(path.name, ensure_ascii=False)}",
    )
    place = source.place(line, 1, len(source.lines[line - 1]))
    return PipelineFileError(
        [Diagnostic(message, place, "here a section, such as [data], would begin", help=help)],
        str(path),
    )


def _unreadable(path: Path, message: str, label: str) -> PipelineFileError:
    return PipelineFileError([Diagnostic(message, Place(str(path)), label)], str(path))
