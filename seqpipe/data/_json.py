"""JSON Lines: which keys have the texts, their labels, words, tags and spans."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from seqpipe.data._columns import Column, choose_label, choose_text, describe
from seqpipe.data._guess import Guess
from seqpipe.errors import DataError
from seqpipe.messages import quote

#: Objects inside of objects are looked into so far.
_DEPTH: Final = 3
_WORDS: Final = ("words", "tokens", "tok", "text", "sentence")

_Rows = Sequence[Mapping[str, Any]]


def guess_json(
    lines: Sequence[str], *, text: str | None = None, label: str | None = None
) -> Guess | None:
    """Return what JSON Lines seem to have, or None if most lines aren't objects.

    Args:
        lines: The first lines of the file.
        text: The key of the text, if it was told.
        label: That of the label.

    Raises:
        DataError: There's no such key, or the file is one JSON document.
    """
    filled = [line for line in lines if line.strip()]
    rows = [_flat(row) for line in filled if isinstance(row := _load(line), dict)]
    if len(rows) <= len(filled) / 2:
        _check_document(lines)
        return None
    values = {key: [row.get(key) for row in rows] for row in reversed(rows) for key in row}
    # The order in which the first row has them.
    order = [*rows[0], *(key for key in values if key not in rows[0])]
    columns = tuple(_column(key, values[key]) for key in order)
    found = _of_words(values, columns) if text is None and label is None else None
    return found or _of_texts(values, columns, text, label)


def _of_texts(
    values: Mapping[str, list[Any]],
    columns: tuple[Column, ...],
    text: str | None,
    label: str | None,
) -> Guess:
    settings: dict[str, Any] = {}
    roles = {}
    found = choose_text(columns, text)
    if found is not None:
        roles["text"] = f"key {quote(found[0].name)} ({found[1]})"
        if found[0].name != "text":
            settings["text"] = found[0].name
    spans = next((key for key, each in values.items() if _all(each, _is_spans)), None)
    chosen = choose_label(columns, found and found[0], label)
    if chosen is not None and (spans is None or chosen[0].name != spans):
        roles["label"] = f"key {quote(chosen[0].name)} ({chosen[1]})"
        if chosen[0].name != "label":
            settings["label"] = chosen[0].name
    if spans is not None:
        settings["spans"] = spans
        roles["spans"] = f"key {quote(spans)} (lists of start, end and label)"
    lacking = [
        role for role in ("text", "label") if role not in roles and not (spans and role == "label")
    ]
    problem = f"no key looks like the {lacking[0]}; name it with --{lacking[0]}" if lacking else ""
    if not problem and settings.get("text", "text") == settings.get("label", "label"):
        problem = "the text and the label are the same key; name another with --text or --label"
    return Guess("JSON Lines", "seqpipe.Jsonl.v1", settings, columns, roles, problem)


def _of_words(values: Mapping[str, list[Any]], columns: tuple[Column, ...]) -> Guess | None:
    """Return the guess for rows that have a list of words, and lists of tags as long."""
    lists = [key for key, each in values.items() if _all(each, lambda v: isinstance(v, list))]
    named = sorted(lists, key=lambda key: _WORDS.index(key) if key in _WORDS else len(_WORDS))
    for words in named:
        if not _all(values[words], lambda v: all(isinstance(each, str) for each in v)):
            continue
        tags = [key for key in lists if key != words and _as_long(values[words], values[key])]
        if not tags:
            continue
        settings: dict[str, Any] = {"words": words, "tags": {_name(key): key for key in tags}}
        roles = {"words": f"key {quote(words)} (a list of strings)"}
        roles |= {f"tag {_name(key)}": f"key {quote(key)} (as long as the words)" for key in tags}
        return Guess("JSON Lines of words", "seqpipe.Jsonl.v1", settings, columns, roles)
    return None


def _as_long(words: list[Any], tags: list[Any]) -> bool:
    """Return whether lists may be the tags of words."""
    pairs = [(a, b) for a, b in zip(words, tags, strict=True) if a is not None and b is not None]
    items = (item for _, each in pairs for item in each)
    return (
        all(len(a) == len(b) for a, b in pairs)
        and any(len(a) > 1 for a, _ in pairs)
        and all(type(item) in (str, int) for item in items)
    )


def _name(key: str) -> str:
    return key.rpartition(".")[2]


def _all(values: list[Any], holds: Any) -> bool:
    there = [value for value in values if value is not None]
    return len(there) > len(values) / 2 and all(map(holds, there)) and any(there)


def _is_spans(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_span, value))


def _is_span(value: Any) -> bool:
    parts = [value.get(n) for n in ("start", "end", "label")] if isinstance(value, dict) else value
    return isinstance(parts, list) and [*map(type, parts)] in ([int, int, str], [int, int, int])


def _column(key: str, values: list[Any]) -> Column:
    there = [value for value in values if value is not None]
    is_label = all(map(_may_be_label, there))
    shown = ["" if each is None else _shown(each) for each in values]
    is_text = all(isinstance(each, str) for each in there)
    return describe(key, shown, can_be_text=is_text, can_be_label=is_label)


def _may_be_label(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(type(item) in (str, int, float) for item in items)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _flat(row: Mapping[str, Any], prefix: str = "", depth: int = 1) -> dict[str, Any]:
    """Return the values of an object, and of those inside of it, by keys with dots."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict) and depth < _DEPTH:
            found |= _flat(value, f"{prefix}{key}.", depth + 1)
        else:
            found[f"{prefix}{key}"] = value
    return found


def _load(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _check_document(lines: Sequence[str]) -> None:
    """Check that the file isn't one JSON document.

    Raises:
        DataError: It is.
    """
    begins = "".join(line.strip() for line in lines[:3])[:2].replace(" ", "")
    whole = _load("".join(lines))
    if begins in ("[{", '{"') or isinstance(whole, list | dict):
        raise DataError(
            "this is one JSON document, and texts are read from JSON Lines: one object per line, without commas between "
            "them; with jq: jq -c '.[]' FILE > texts.jsonl"
        )
