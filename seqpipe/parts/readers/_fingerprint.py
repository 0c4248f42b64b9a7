"""The name of a data set by its content."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from seqpipe.parts.readers._contract import Row


def fingerprint(rows: Iterable[Row]) -> str:
    """Return a SHA-256 in hexadecimal over all texts, and what the data says of them.

    Neither where the rows come from nor the order they or a row's labels stand in makes a
    difference; that a row is there twice does.
    """
    digests = sorted(_digest(row) for row in rows)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _digest(row: Row) -> bytes:
    # JSON in ASCII: one text for each value, for lone surrogates too.
    content: list[Any] = [row.text, sorted(row.labels)]
    if row.words is not None or row.spans is not None:
        content += [row.words, sorted(row.tags.items()), row.spans and sorted(row.spans)]
    if row.numbers:
        content.append(row.numbers)
    if row.pair is not None:
        content.append({"pair": row.pair})
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode("ascii")).digest()
