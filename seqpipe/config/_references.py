"""Follows the references ``${section.key}`` and ``${section}`` between the raw values of a file.

The results are confection's, with two differences: a chain of references may be longer, and a string
made of strings that are themselves made of others keeps its quotes right.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from seqpipe.config._values import NotJsonError, load
from seqpipe.messages import did_you_mean, listed, nearest, quote

#: Raw values by section and key.
Raw = dict[str, dict[str, str]]

#: Marks the place of a whole section in a value, as confection does.
SECTION: Final = "__SECTION__:"
#: A reference, with what it refers to.
REFERENCE = re.compile(r"\$\{([^}]*)\}")
#: A quotation mark that begins or ends a string, in a part of a raw value.
_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"')
#: No honest file has longer chains of references, or longer values made from them.
_MAX_CHAIN: Final = 50
_MAX_LENGTH: Final = 1_000_000
_MAX_PIECES: Final = 10_000


@dataclass(frozen=True)
class Fault:
    """What's wrong with a reference: a message, what to do, and where in the raw value."""

    message: str
    label: str
    offset: int = 0
    length: int | None = None


@dataclass(frozen=True)
class _Resolved:
    """A raw value without references, or None if it has none; and the length of the longest chain."""

    text: str | None
    chain: int = 0


_FAILED: Final = _Resolved(None)


class References:
    """Resolves raw values, each once.

    Args:
        raw: All raw values.
        report: Called with the section and key of each faulty value, once, and what's wrong.
    """

    def __init__(self, raw: Raw, report: Callable[[str, str, Fault], None]) -> None:
        self._raw = raw
        self._report = report
        self._done: dict[tuple[str, str], _Resolved] = {}
        self._open: list[tuple[str, str]] = []
        self._total = 0

    def resolve(self, section: str, key: str) -> str | None:
        """Return a raw value with its references followed; None if that failed, which is reported."""
        return self._resolve(section, key).text

    def _resolve(self, section: str, key: str) -> _Resolved:
        at = (section, key)
        if at not in self._done:
            self._open.append(at)
            self._done[at] = self._join(section, key)
            self._open.pop()
        return self._done[at]

    def _join(self, section: str, key: str) -> _Resolved:
        raw = self._raw[section][key]
        if "$" not in raw:
            return _Resolved(raw)
        try:
            pieces, chain = self._pieces(section, key, raw)
        except _FaultError as error:
            if error.fault:
                self._report(section, key, error.fault)
            return _FAILED
        text = "".join(pieces)
        self._total += len(text)
        if len(text) > _MAX_LENGTH or self._total > 20 * _MAX_LENGTH:
            self._report(section, key, Fault("its references make it too long", "shorten it"))
            return _FAILED
        return _Resolved(text, chain)

    def _pieces(self, section: str, key: str, raw: str) -> tuple[list[str], int]:
        """Return the pieces of a raw value, references followed, and the length of the longest chain."""
        pieces: list[str] = []
        position, chain, size, is_quoted = 0, 0, 0, False
        is_whole = REFERENCE.fullmatch(raw) is not None
        while position < len(raw):
            dollar = raw.find("$", position)
            literal = raw[position : dollar if dollar >= 0 else len(raw)]
            is_quoted ^= len(_QUOTE.findall(literal)) % 2 == 1
            pieces.append(literal)
            if dollar < 0:
                break
            position, piece = self._one(section, key, raw, dollar)
            pieces.append(
                _inside_string(piece.text or "") if is_quoted and not is_whole else piece.text or ""
            )
            chain = max(chain, piece.chain)
            size += len(pieces[-1])
            if size > _MAX_LENGTH or len(pieces) > _MAX_PIECES:
                raise _FaultError(Fault("its references make it too long", "shorten it"))
        return pieces, chain

    def _one(self, section: str, key: str, raw: str, start: int) -> tuple[int, _Resolved]:
        """Return the end of a reference (or ``$$``) that starts at `start`, and its value."""
        if raw[start + 1 : start + 2] == "$":
            return start + 2, _Resolved("$")
        match = REFERENCE.match(raw, start)
        if match is None:
            raise _FaultError(_bad_dollar(raw, start))
        found = self._follow(section, key, raw, match)
        if found.chain > _MAX_CHAIN:
            raise _FaultError(
                Fault(
                    f"it follows more than {_MAX_CHAIN} references, one after the other",
                    "refer to the value itself",
                    *(start, len(match.group())),
                )
            )
        return match.end(), found

    def _follow(self, section: str, key: str, raw: str, match: re.Match[str]) -> _Resolved:
        name = match.group(1).replace(":", ".")
        where, dot, last = name.rpartition(".")
        at = (where, last) if dot else (section, last)
        keys = self._raw.get(at[0], {})
        is_self = not dot and at[1] in keys and keys[at[1]].strip() == raw.strip()
        if at[1] in keys and not is_self:
            return self._value(at, match)
        if name in self._raw:
            return _Resolved(f'"{SECTION}{name}"')
        raise _FaultError(self._missing(match, section, name))

    def _value(self, at: tuple[str, str], match: re.Match[str]) -> _Resolved:
        place = (match.start(), len(match.group()))
        if at in self._open:
            loop = [*self._open[self._open.index(at) :], at]
            chain = " → ".join(".".join(step) for step in (loop if len(loop) < 8 else loop[:6]))
            raise _FaultError(Fault(f"the references are circular: {chain}", "break it", *place))
        if len(self._open) > _MAX_CHAIN:
            message = f"it follows more than {_MAX_CHAIN} references, one after the other"
            raise _FaultError(Fault(message, "refer to the value itself", *place))
        found = self._resolve(*at)
        if found.text is None:
            raise _FaultError(None)
        return _Resolved(found.text, found.chain + 1)

    def _missing(self, match: re.Match[str], section: str, name: str) -> Fault:
        where, dot, last = name.rpartition(".")
        place = (match.start(), len(match.group()))
        if not name.strip():
            return Fault("a reference without a name", "write ${section.key}", *place)
        near = [f"${{{found}}}" for found in self._near(section, name)]
        if dot and where in self._raw:
            offered = f"[{where}] has {listed(self._raw[where])}" if self._raw[where] else ""
            message = f"[{where}] has no key {quote(last)} to refer to"
            return Fault(message, did_you_mean(near) or offered, *place)
        return Fault(
            f"there's nothing called {quote(name)} to refer to", did_you_mean(near), *place
        )

    def _near(self, section: str, name: str) -> list[str]:
        where, dot, last = name.rpartition(".")
        if dot and where in self._raw:
            return [f"{where}.{key}" for key in nearest(last, _some(self._raw[where]))]
        for like in nearest(where, _some(self._raw)) if dot else ():
            if last in self._raw[like]:
                return [f"{like}.{last}"]
        names = [*_some(self._raw), *(_some(self._raw.get(section, {})) if not dot else ())]
        elsewhere = [f"{at}.{last}" for at in _some(self._raw) if last in self._raw[at]]
        return nearest(name, names) or elsewhere[:3]


class _FaultError(Exception):
    """A reference can't be followed; without a fault if it was reported already."""

    def __init__(self, fault: Fault | None) -> None:
        super().__init__()
        self.fault = fault


def _some(names: dict[str, Any]) -> list[str]:
    """Return the names that are worth comparing with; in a huge file, not all of them."""
    return [name for _, name in zip(range(500), names, strict=False)]


def _bad_dollar(raw: str, start: int) -> Fault:
    if raw[start + 1 : start + 2] == "{":
        return Fault("this reference isn't closed", "add a }", start)
    return Fault("a single $ has no meaning", "write $$ for a dollar sign", start, 1)


def _inside_string(piece: str) -> str:
    """Return a value as it's written inside a longer string: strings without their quotes."""
    if SECTION in piece:
        return piece.strip('"')
    try:
        value = load(piece)
    except NotJsonError:
        return piece
    return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]
