"""Interprets raw values as JSON, finds positions in them, and explains what's wrong where they aren't JSON.

confection takes whatever isn't JSON as a string: ``lang = en`` is "en", ``dropout = 0,1`` is "0,1",
``width = 64 # wide`` is "64 # wide"; and it takes Python's True, False and None. Here each is a problem.
"""

import ast
import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seqpipe.messages import as_json, nearest, quote

#: Deeper values are a mistake, and would exhaust Python's stack later.
_MAX_DEPTH = 32
#: How messages begin that aren't about syntax.
_NOT_SYNTAX = ("it ", "it's ", "the number", "NaN")
_BLANKS = re.compile(r"[\s,:]*")
_DECODER = json.JSONDecoder()


class NotJsonError(ValueError):
    """The text isn't JSON, or isn't JSON that's accepted here.

    Attributes:
        message: Why.
        offset: Where in the text, in characters.
    """

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def load(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        NotJsonError: It isn't JSON, it's nested too deeply, or it has a duplicate key or an invalid number.
    """
    try:
        value = _STRICT.decode(text)
    except json.JSONDecodeError as error:
        raise NotJsonError(error.msg, error.pos) from None
    except RecursionError:
        raise NotJsonError("it's nested too deeply") from None
    except NotJsonError:
        raise
    except ValueError:
        # Python refuses to read integers of more than 4,300 digits.
        raise NotJsonError("the number is too long") from None
    if isinstance(value, (dict, list)):
        _check_depth(value)
    return value


def find(text: str, path: Sequence[str | int]) -> tuple[int, int] | None:
    """Return the offset and length of the key (or the item) at the end of a path in a JSON text."""
    start = _skip(text, 0)
    found = (start, len(text) - start)
    for step in path:
        inside = _find_step(text, start, step)
        if inside is None:
            return None
        found, start = inside
    return found


def _find_step(text: str, start: int, step: str | int) -> tuple[tuple[int, int], int] | None:
    """Return the stretch of one key or item, and where its value begins."""
    position, count = _skip(text, start + 1), 0
    while position < len(text) and text[position] not in "]}":
        name, end = _decode(text, position)
        if text[start] == "{":
            if end <= position or name == step:
                return ((position, end - position), _skip(text, end)) if end > position else None
            _, end = _decode(text, _skip(text, end))
        elif count == step:
            return (position, max(end, position + 1) - position), position
        if end < 0:
            return None
        position, count = _skip(text, end), count + 1
    return None


def _decode(text: str, position: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, position)
    except (ValueError, RecursionError):
        return None, -1


def _skip(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotJsonError(f"it has {json.dumps(twice)} twice")
    return value


def _constant(name: str) -> float:
    if name == "NaN":
        raise NotJsonError("NaN is not a number")
    return float(name)


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise NotJsonError(f"it's nested more than {_MAX_DEPTH} deep")
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant)


#: Longer raw values aren't tried as Python, and no correction is offered for them.
_MAX_LENGTH = 2000
_WORDS = {"true": True, "false": False, "null": None}
_OTHER_WORDS = {
    **{"none": "null", "nil": "null", "undefined": "null"},
    **{"yes": "true", "on": "true", "no": "false", "off": "false"},
}
_COMMENT = re.compile(r"\s+[#;]")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_LOOKS_LIKE_KEY = re.compile(r"\[[\w.*-]+\]|@?[^\W\d][\w.-]*\s*=(?!=).*")


@dataclass(frozen=True)
class InvalidValue:
    """Why a raw value isn't one.

    Attributes:
        message: Ends the sentence "the value of ... ".
        label: What to do.
        offset: Where in the raw value.
        length: How much of it; None for all that's left.
    """

    message: str
    label: str
    offset: int = 0
    length: int | None = None


def interpret(raw: str) -> Any | InvalidValue:
    """Return the value of a raw value, or why it has none."""
    try:
        return load(raw)
    except NotJsonError as error:
        return _explain(raw, error)


def _explain(raw: str, error: NotJsonError) -> InvalidValue:
    if not raw:
        return InvalidValue("is missing", 'write null for nothing, "" for an empty string')
    explained = _explain_lines(raw) or _explain_comment(raw) or _explain_word(raw)
    if explained:
        return explained
    if error.message.startswith(_NOT_SYNTAX):
        return InvalidValue(f"can't be used: {error.message}", "change it here")
    meant = None if "escape" in error.message else _as_python(raw)
    if meant is not None:
        return InvalidValue("isn't written as JSON", f"did you mean {meant}?")
    if raw[0] in "[{":
        return _explain_inside(raw, error)
    return _explain_string(raw, error)


def _explain_lines(raw: str) -> InvalidValue | None:
    """Explain a key below that's indented by mistake, which confection takes as part of the value."""
    offset = 0
    for line in raw.split("\n")[:200]:
        if offset and _LOOKS_LIKE_KEY.fullmatch(line) and _ends_value(raw[:offset].rstrip()):
            return InvalidValue(
                "goes on here, as the line is indented",
                "remove the indentation if this is a key of its own",
                *(offset, len(line)),
            )
        offset += len(line) + 1
    return None


def _ends_value(before: str) -> bool:
    return not before or before[0] not in "[{" or _is_json(before)


def _explain_comment(raw: str) -> InvalidValue | None:
    for match in _COMMENT.finditer(raw[:_MAX_LENGTH]):
        before = raw[: match.start()]
        if _is_json(before) or (before.isidentifier() and "\n" not in raw):
            offset = match.end() - 1
            return InvalidValue(
                "is followed by a comment", "put comments on lines of their own", offset
            )
    return None


def _explain_word(raw: str) -> InvalidValue | None:
    lower = raw.lower()
    meant = lower if lower in _WORDS else _OTHER_WORDS.get(lower)
    if meant:
        return InvalidValue(
            "isn't written as JSON", f'did you mean {meant}, or the string "{raw}" in quotes?'
        )
    if raw in ("NaN", "nan", "inf", "Infinity"):
        return InvalidValue("isn't a number", "write a finite one")
    if _DECIMAL_COMMA.fullmatch(raw):
        both = f"{raw.replace(',', '.')}, or the list [{raw.replace(',', ', ')}]"
        return InvalidValue("has a comma in a number", f"did you mean {both}?")
    return None


def _explain_inside(raw: str, error: NotJsonError) -> InvalidValue:
    """Explain what's wrong in a list or mapping."""
    if error.offset >= len(raw) or raw.count(raw[0]) > raw.count("]" if raw[0] == "[" else "}"):
        kind, close = ("list", "]") if raw[0] == "[" else ("mapping", "}")
        return InvalidValue(f"is a {kind} that isn't closed", f"add a {close} at its end")
    near = re.compile(r"[^\s,\]}:]*").match(raw, error.offset)
    word = near.group() if near else ""
    if raw[error.offset - 1 : error.offset] in "\\" or "escape" in error.message:
        return InvalidValue(
            "has a backslash that means nothing", "write \\\\ for a backslash", error.offset, 1
        )
    if word and word.isidentifier():
        meant = _OTHER_WORDS.get(word.lower()) or (
            word.lower() if word.lower() in _WORDS else quote(word)
        )
        return InvalidValue(
            "has a word without quotes in it", f"did you mean {meant}?", error.offset, len(word)
        )
    return InvalidValue(
        f"can't be read from here on ({error.message[:1].lower()}{error.message[1:]})",
        "correct it here",
        *(error.offset, max(1, len(word))),
    )


def _explain_string(raw: str, error: NotJsonError) -> InvalidValue:
    if raw.startswith('"'):
        if "escape" in error.message:
            message = "has a backslash that means nothing"
            return InvalidValue(
                message, "write \\\\ for a backslash, or / in a path", error.offset, 1
            )
        if raw.count('"') == 1:
            return InvalidValue(
                "is a string that isn't closed", 'add a " at its end, on the same line'
            )
        if error.message.startswith("Extra"):
            return InvalidValue(
                "goes on after the string", 'write \\" for quotes inside a string', error.offset
            )
        if error.message.startswith("Invalid control"):
            return InvalidValue(
                "is a string over several lines", "write \\n for a line break", error.offset, 1
            )
    return InvalidValue("isn't JSON: strings need quotes", _suggest_string(raw))


def _suggest_string(raw: str) -> str:
    near = nearest(raw, _WORDS) if len(raw) > 2 else []
    others = f", or {near[0]}" if near else ""
    if len(raw) > 80 or "\n" in raw:
        return 'put it between " and "'
    return f"did you mean {as_json(raw.strip(chr(34) + chr(39)))}{others}?"


def _as_python(raw: str) -> str | None:
    """Return a Python literal as JSON, such as ``{'a': True}``, ``.5`` or ``[1, 2,]``."""
    if len(raw) > _MAX_LENGTH or raw.count("(") + raw.count("[") + raw.count("{") > 200:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = json.dumps(ast.literal_eval(raw.replace("\n", " ")))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return text if _is_json(text) and len(text) <= 200 else None


def _is_json(raw: str) -> bool:
    try:
        load(raw)
    except NotJsonError:
        return False
    return True
