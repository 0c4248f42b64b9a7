"""What a file seems to be: its format, its reader, and the reader's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqpipe.data._columns import Column


@dataclass(frozen=True)
class Guess:
    """What a file seems to be.

    Attributes:
        format: The format, in words.
        reader: The name of the reader, such as "seqpipe.Csv.v1".
        settings: The reader's settings that differ from the defaults, without the path.
        columns: Its columns or keys, if it has some.
        roles: Which of them is what, and why: "text", "label", "words", …
        problem: Why the reader can't read it yet, or an empty string.
    """

    format: str
    reader: str
    settings: Mapping[str, Any]
    columns: tuple[Column, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
