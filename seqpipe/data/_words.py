"""Texts that come in words: columns as in CoNLL's shared tasks, and CoNLL-U."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from seqpipe.data._columns import Column, describe
from seqpipe.data._guess import Guess

_CONLLU: Final = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_ID: Final = re.compile(r"\d+([-.]\d+)?")
_DOCUMENT: Final = "-DOCSTART-"
#: The share of lines that have as many columns as most.
_MIN_SHARE: Final = 0.98


def guess_conllu(lines: Sequence[str]) -> Guess | None:
    """Return the guess for CoNLL-U, or None if the lines aren't that."""
    rows = [line.rstrip("\r\n").split("\t") for line in lines if line.strip() and line[0] != "#"]
    good = [row for row in rows if len(row) == len(_CONLLU) and _ID.fullmatch(row[0])]
    if not rows or len(good) < _MIN_SHARE * len(rows):
        return None
    columns = tuple(
        describe(name, [row[place] for row in good]) for place, name in enumerate(_CONLLU)
    )
    return Guess("CoNLL-U", "seqpipe.ConllU.v1", {}, columns, {"words": "the second column"})


def guess_columns(lines: Sequence[str]) -> Guess | None:
    """Return the guess for a word on each line with its tags beside it, or None if the lines aren't that."""
    blocks = _blocks(lines)
    # Without an empty line between texts it's a table.
    if len(blocks) < 2 or all(len(block) == 1 for block in blocks):
        return None
    settings: dict[str, Any] = {}
    found = [line for block in blocks for line in block]
    without = [line for line in found if not re.match(r"# ", line)]
    if len(without) < len(found) and _share(without, None)[1] > _share(found, None)[1]:
        settings["comment"] = "#"
        found = without
    delimiter = None
    width, share = _share(found, None)
    if share < _MIN_SHARE:
        delimiter = "\t"
        width, share = _share(found, delimiter)
        settings["delimiter"] = delimiter
    if share < _MIN_SHARE or width < 2:
        return None
    rows = [row for line in found if len(row := _cells(line, delimiter)) == width]
    # Some sets number the words.
    if width > 2 and all(row[0].isdecimal() for row in rows):
        settings["word"] = 1
    word = settings.get("word", 0)
    columns = tuple(_column(place, [row[place] for row in rows]) for place in range(width))
    roles = {"words": f"column {word + 1}", "tag": f"column {width}, the last"}
    if width - word > 2:
        roles["others"] = (
            "columns between; to read them, name them in `tags`, which counts columns from 0"
        )
    separated = "tabs" if delimiter else "blanks or tabs"
    format = (
        f"a word per line with its tags, an empty line after each text; separated by {separated}"
    )
    return Guess(format, "seqpipe.Columns.v1", settings, columns, roles)


def _column(place: int, values: Sequence[str]) -> Column:
    return describe(place + 1, values)


def _blocks(lines: Sequence[str]) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line.strip() and not line.startswith(_DOCUMENT):
            blocks[-1].append(line.rstrip("\r\n"))
        elif blocks[-1]:
            blocks.append([])
    return blocks if blocks[-1] else blocks[:-1]


def _share(lines: Sequence[str], delimiter: str | None) -> tuple[int, float]:
    """Return how many columns most lines have, and the share of these."""
    widths = Counter(len(_cells(line, delimiter)) for line in lines)
    width, count = max(widths.items(), key=lambda item: item[1], default=(0, 0))
    return width, count / (len(lines) or 1)


def _cells(line: str, delimiter: str | None) -> list[str]:
    # As the reader splits: other white space than blanks and tabs is part of a word.
    return re.split(r"[ \t]+", line.strip(" \t")) if delimiter is None else line.split(delimiter)
