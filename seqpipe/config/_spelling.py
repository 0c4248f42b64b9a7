"""Spells annotations as programmers read them: ``int``, ``float | None``, ``"last" | "mean"``."""

import enum
import inspect
from typing import Any, Literal, get_args, get_origin

from seqpipe.config._describe import bare, is_list, is_mapping, is_open, is_path, item, union
from seqpipe.config._text import as_json


def spell(annotation: Any) -> str:
    """Return an annotation in short, in terms of what a pipeline file can say."""
    annotation, _ = bare(annotation)
    if branches := union(annotation):
        words = dict.fromkeys(spell(branch) for branch in branches)
        return " | ".join(sorted(words, key="None".__eq__))
    if choices := _choices(annotation):
        return " | ".join(as_json(choice) for choice in choices)
    if is_open(annotation):
        return "anything"
    if is_list(annotation):
        return f"list[{spell(item(annotation))}]" if get_args(annotation) else "list"
    if is_mapping(annotation):
        return f"dict[str, {spell(item(annotation))}]" if get_args(annotation) else "dict"
    if is_path(annotation):
        return "path"
    return "None" if annotation is type(None) else inspect.formatannotation(annotation)


def _choices(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return [member.value for member in annotation]
    return []
