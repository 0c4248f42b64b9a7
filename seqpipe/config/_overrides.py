"""Reads overrides from the arguments of a command line, and applies them to the raw values of a file."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seqpipe.config._references import Raw
from seqpipe.config._schema import DEFAULT_PARTS
from seqpipe.config._syntax import MAX_DEPTH
from seqpipe.config._values import NotJsonError, load
from seqpipe.messages import COMMAND_LINE, Diagnostic, Place, Problems, did_you_mean, nearest, quote

_ONE_REFERENCE: Final = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True)
class Override:
    """One option of the command line.

    Attributes:
        path: Such as ("encoder", "width").
        value: The new value.
        words: The option as it was written.
        value_at: Where the value begins in that; its length if it's left out (and so, true).
    """

    path: tuple[str, ...]
    value: Any
    words: str
    value_at: int

    @property
    def key_place(self) -> Place:
        """The place of the last part of the path on the command line."""
        end = 2 + len(".".join(self.path))
        return Place(
            COMMAND_LINE, None, end - len(self.path[-1]) + 1, len(self.path[-1]), self.words
        )

    @property
    def value_place(self) -> Place:
        """The place of the value on the command line; that of the key where it's left out."""
        length = len(self.words) - self.value_at
        if length <= 0:
            return self.key_place
        return Place(COMMAND_LINE, None, self.value_at + 1, length, self.words)

    def part_place(self, depth: int) -> Place:
        """Return the place of one part of the path, counted from 1."""
        before = 2 + sum(len(part) + 1 for part in self.path[: depth - 1])
        return Place(COMMAND_LINE, None, before + 1, len(self.path[depth - 1]), self.words)


def parse(
    words: Sequence[str], known: Callable[[], Iterable[str]], problems: Problems
) -> list[Override]:
    """Return the overrides in arguments such as ``--encoder.width 128``.

    Values are JSON, or else strings. An option without a value is true.

    Args:
        words: The arguments of the command line that belong to no other option.
        known: Returns the keys that a file may have, with dots, for suggestions.
        problems: Collects the problems.
    """
    overrides: list[Override] = []
    left = list(reversed(words))
    while left:
        word = left.pop()
        name, equals, value = word.removeprefix("--").partition("=")
        at, shown = len(name) + 3 if equals else len(word), word
        if not equals and left and not left[-1].startswith("--"):
            value = left.pop()
            at, shown = len(word) + 1, f"{word} {value}"
        fault = _fault(word, name, known)
        if fault:
            problems.add(fault)
        else:
            value = "true" if shown == word and not equals else value
            overrides.append(Override(tuple(name.split(".")), _value(value), shown, at))
    return overrides


def _fault(word: str, name: str, known: Callable[[], Iterable[str]]) -> Diagnostic | None:
    place = Place(COMMAND_LINE, None, 1, len(word.partition("=")[0]) or 1, word)
    if not word.startswith("--"):
        bare = word.lstrip("-")
        meant = f"did you mean --{bare}?" if "." in bare else "write it as --section.key value"
        return Diagnostic(f"{quote(word)} isn't an option", place, meant)
    parts = name.split(".")
    if len(parts) < 2:
        near = [f"--{option}" for option in _options(name, known())]
        if any(option.startswith(f"{name}.") for option in known()):
            near = [f"--{name}.key"]
        return Diagnostic(
            f"there's no option {quote('--' + name)}",
            place,
            _plain_question(near),
            help=("options that override the file name a section and a key: --encoder.width 128",),
        )
    if not all(part.strip() for part in parts) or len(parts) > MAX_DEPTH:
        return Diagnostic(
            f"{quote('--' + name)} names no key", place, "write it as --section.key value"
        )
    return None


def _plain_question(options: Sequence[str]) -> str:
    return did_you_mean(options).replace('"', "")


def _options(name: str, known: Iterable[str]) -> list[str]:
    """Return the known keys, with their sections, whose last part is like a word."""
    word = name.replace("-", "_")
    by_last: dict[str, list[str]] = {}
    for option in known:
        by_last.setdefault(option.rpartition(".")[2], []).append(option)
    lasts = [word] if word in by_last else nearest(word, by_last)
    return [option for last in lasts for option in by_last[last]][:3]


def _value(word: str) -> Any:
    try:
        return load(word)
    except NotJsonError:
        return word


class Overlay:
    """Applies overrides to raw values.

    Attributes:
        origins: The overrides by their paths, for messages.
    """

    def __init__(self, raw: Raw, problems: Problems) -> None:
        self._raw = raw
        self._problems = problems
        self.origins: dict[tuple[str, ...], Override] = {}

    def apply(self, override: Override) -> None:
        """Set a raw value, and add its section if it's missing."""
        path = override.path
        for depth in range(1, len(path)):
            owner = self._raw.get(".".join(path[:depth]), {})
            if path[depth] in owner and depth < len(path) - 1:
                if not self._set_inside(owner, override, depth):
                    return
                break
        else:
            self._set(override)
        self.origins[path] = override

    def _set(self, override: Override) -> None:
        section, name = ".".join(override.path[:-1]), override.path[-1]
        replaced = f"{section}.{name}"
        for inner in [at for at in self._raw if at == replaced or at.startswith(replaced + ".")]:
            del self._raw[inner]
        self._add_section(section)
        self._raw[section][name] = _dump(override.value)

    def _add_section(self, name: str) -> None:
        """Add a section; where its part isn't named yet, name the default one."""
        if name in self._raw:
            return
        there = {name} if any(at.startswith(name + ".") for at in self._raw) else set()
        self._raw[name] = {}
        for slot, (registry, part) in DEFAULT_PARTS.items():
            related = f"{slot}.".startswith(f"{name}.") or f"{name}.".startswith(f"{slot}.")
            if related and slot not in there and (slot == name or slot not in self._raw):
                self._raw.setdefault(slot, {}).setdefault(registry, _dump(part))

    def _set_inside(self, owner: dict[str, str], override: Override, depth: int) -> bool:
        """Set something within a value that's a mapping."""
        name, rest = override.path[depth], override.path[depth + 1 :]
        try:
            value = load(owner[name])
        except NotJsonError:
            value = None
        node = value
        for step in rest[:-1]:
            node = node.setdefault(step, {}) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            whole = ".".join(override.path[: depth + 1])
            message = f"{quote(whole)} is a value, and has no keys"
            self._problems.add(
                Diagnostic(message, override.part_place(depth + 1), f"set --{whole} itself")
            )
            return False
        node[rest[-1]] = json.loads(_escape(json.dumps(override.value)))
        # The dollars in the existing values are escaped already.
        owner[name] = json.dumps(value)
        return True


def _dump(value: Any) -> str:
    """Return a value as raw text. What looks like a reference is one, as in spaCy."""
    if isinstance(value, str) and _ONE_REFERENCE.fullmatch(value):
        return value
    return _escape(json.dumps(value))


def _escape(text: str) -> str:
    return re.sub(r"\$(?!\{)", "$$", text)
