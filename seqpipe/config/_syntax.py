"""Splits the text of a pipeline file into sections and raw values, each with its position.

The syntax is confection's (that is, `configparser`'s), and so are the results. Two things differ: a
section needs no parents (``[a.b]`` without ``[a]``), and mistakes that confection reads as
something unexpected, such as text after a header, are problems here. Values aren't interpreted yet.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from seqpipe.messages import Diagnostic, Place, Problems, Source, quote

#: Deeper sections are a mistake, and would exhaust Python's stack later.
MAX_DEPTH = 32
_COMMENT = ("#", ";")
_KEY = re.compile(r"[\w.@-]+\s*[=:]")
_HEADER = re.compile(r"\[[^][\s]+\]")


@dataclass(frozen=True)
class Piece:
    """The part of a value on one line, from its first visible character to its last."""

    line: int
    column: int
    text: str


@dataclass
class Key:
    """A key with its raw value, which may go on over several lines."""

    name: str
    line: int
    column: int
    pieces: list[Piece] = field(default_factory=list)

    @property
    def raw(self) -> str:
        """The value as `configparser` returns it."""
        return "\n".join(piece.text for piece in self.pieces).rstrip()


@dataclass
class Section:
    """A section with its keys; the column is that of the name, not of the bracket."""

    name: str
    line: int
    column: int
    keys: dict[str, Key] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[str, ...]:
        """The name's parts between dots."""
        return tuple(self.name.split("."))


def looks_like_data(lines: Sequence[str]) -> bool:
    """Return whether lines are anything but a pipeline file, rather than one with mistakes in it.

    Such a file doesn't begin with a section, and fewer than half of its lines could belong to one.
    """
    filled = [line for line in lines if line.strip() and not line.lstrip().startswith(_COMMENT)]
    fitting = [line for line in filled if line[0] in " \t[" or _KEY.match(line)]
    return (
        bool(filled) and not filled[0].lstrip().startswith("[") and 2 * len(fitting) < len(filled)
    )


def split(source: Source, problems: Problems) -> dict[str, Section]:
    """Return the sections of a file by their whole names, in the order of the file."""
    splitter = _Splitter(source, problems)
    for number, line in enumerate(source.lines, 1):
        splitter.take(number, line)
    _check_clashes(source, splitter.sections, problems)
    return splitter.sections


class _Splitter:
    def __init__(self, source: Source, problems: Problems) -> None:
        self.sections: dict[str, Section] = {}
        self._source = source
        self._problems = problems
        self._section: Section | None = None
        self._key: Key | None = None
        self._indent = 0
        # One problem is enough for a run of lines that aren't keys, or that are before any section.
        self._is_lost = False
        self._is_outside = False

    def take(self, number: int, line: str) -> None:
        text = line.strip()
        if text.startswith(_COMMENT):
            return
        if not text:
            if self._key:
                self._key.pieces.append(Piece(number, 1, ""))
            return
        indent = len(line) - len(line.lstrip())
        if self._key and indent > self._indent:
            self._key.pieces.append(Piece(number, indent + 1, text))
            return
        self._indent = indent
        if text.startswith("["):
            self._take_header(number, indent + 1, text)
        else:
            self._take_key(number, indent + 1, text)

    def _take_header(self, number: int, column: int, text: str) -> None:
        if not _HEADER.fullmatch(text) and self._is_value_open():
            self._lose(number, column, text)
            return
        name, closed, rest = text[1:].partition("]")
        if not closed:
            self._add(number, column, len(text), "this section header isn't closed", "add a ]")
        elif rest and not name.startswith("["):
            begin = len(name) + 2 + len(rest) - len(rest.lstrip())
            message = "there's more on the line after a section header"
            self._add(number, column + begin, len(rest.strip()), message, _own_line(rest.strip()))
        self._open(number, column + 1, name)

    def _open(self, number: int, column: int, name: str) -> None:
        self._key, self._is_lost = None, False
        fault = _name_fault(name)
        if fault:
            self._add(number, column, len(name), *fault)
            name = name.strip()
        section = Section(name, number, column)
        first = self.sections.get(name)
        if first:
            self._add_twice(section, first)
        # The keys of a second section are still read, for problems of their own.
        self._section = section
        self.sections.setdefault(name, section)

    def _take_key(self, number: int, column: int, text: str) -> None:
        ends = [end for end in (text.find("="), text.find(":")) if end >= 0]
        if not ends:
            self._lose(number, column, text)
            return
        name = text[: min(ends)].rstrip()
        rest = text[min(ends) + 1 :]
        value = rest.lstrip()
        key = Key(name, number, column)
        key.pieces.append(Piece(number, column + min(ends) + 1 + len(rest) - len(value), value))
        self._key, self._is_lost = key, False
        if not name:
            self._add(
                number, column, 1, "there's no name before the equals sign", "name a key here"
            )
        elif self._section is None:
            self._add_outside(key)
        else:
            self._note(key)

    def _note(self, key: Key) -> None:
        keys = self._section.keys if self._section else {}
        first = keys.get(key.name)
        if first is None:
            keys[key.name] = key
            return
        self._problems.add(
            Diagnostic(
                f"{quote(key.name)} is set twice in [{self._section.name if self._section else ''}]",
                self._source.place(key.line, key.column, len(key.name)),
                "remove one of the two",
                (
                    (
                        self._source.place(first.line, first.column, len(first.name)),
                        "first set here",
                    ),
                ),
            )
        )

    def _lose(self, number: int, column: int, text: str) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        if self._key and self._is_value_open():
            message = (
                f"the value of {quote(self._key.name)} goes on here, but the line isn't indented"
            )
            first = self._key.pieces[0]
            also = ((self._source.place(first.line, first.column, len(first.text)), "opened here"),)
            place = self._source.place(number, column, len(text))
            self._problems.add(Diagnostic(message, place, "indent it", also))
        else:
            message = "this line is neither a section header nor a key with a value"
            self._add(number, column, len(text), message, "write it as: key = value")

    def _is_value_open(self) -> bool:
        raw = self._key.raw if self._key and len(self._key.pieces) < 1000 else ""
        return any(raw.count(a) > raw.count(b) for a, b in ("[]", "{}"))

    def _add_outside(self, key: Key) -> None:
        if self._is_outside:
            return
        self._is_outside = True
        self._problems.add(
            Diagnostic(
                f"{quote(key.name)} comes before the first section",
                self._source.place(key.line, key.column, len(key.name)),
                "put a section header, such as [pipeline], above it",
            )
        )

    def _add_twice(self, section: Section, first: Section) -> None:
        self._problems.add(
            Diagnostic(
                f"there are two sections [{quote(section.name)[1:-1]}]",
                self._source.place(section.line, section.column, len(section.name)),
                "put its keys into the first one",
                ((self._source.place(first.line, first.column, len(first.name)), "the first one"),),
            )
        )

    def _add(self, line: int, column: int, length: int, message: str, label: str) -> None:
        self._problems.add(Diagnostic(message, self._source.place(line, column, length), label))


def _own_line(rest: str) -> str:
    return (
        "put comments on lines of their own"
        if rest.startswith(_COMMENT)
        else "start a new line here"
    )


def _name_fault(name: str) -> tuple[str, str] | None:
    """Return a message and a label for an invalid section name, or None."""
    parts = name.split(".")
    if name.strip() != name:
        return (
            "the section's name begins or ends with a space",
            f"did you mean [{quote(name.strip())[1:-1]}]?",
        )
    if not all(part.strip() for part in parts):
        return "a part of the section's name is empty", "write names, with single dots between them"
    if name == "DEFAULT":
        return "a section can't be called DEFAULT", "name the section that these keys belong to"
    if "[" in name or "]" in name:
        return (
            "the section's name has a bracket in it",
            f"did you mean [{quote(name.strip('[]'))[1:-1]}]?",
        )
    if len(parts) > MAX_DEPTH:
        return f"sections can't be nested more than {MAX_DEPTH} deep", f"this is {len(parts)} deep"
    return None


def _check_clashes(source: Source, sections: dict[str, Section], problems: Problems) -> None:
    """Report the keys that are sections too."""
    for section in sections.values():
        for key, owner in _parents(section, sections):
            problems.add(
                Diagnostic(
                    f"{quote(f'{owner.name}.{key.name}')} is both a key and a section",
                    source.place(section.line, section.column, len(section.name)),
                    "remove one of the two",
                    ((source.place(key.line, key.column, len(key.name)), "the key"),),
                )
            )


def _parents(section: Section, sections: dict[str, Section]) -> Iterator[tuple[Key, Section]]:
    parts = section.parts[:MAX_DEPTH]
    for end in range(1, len(parts)):
        owner = sections.get(".".join(parts[:end]))
        if owner and parts[end] in owner.keys:
            yield owner.keys[parts[end]], owner


def section_place(source: Source, section: Section, depth: int) -> Place:
    """Return the place of one part of a section's name, counted from 1."""
    before = sum(len(part) + 1 for part in section.parts[: depth - 1])
    return source.place(section.line, section.column + before, len(section.parts[depth - 1]))
