"""Finds the neighbours of words, alone and in context, and prints them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from rich.console import Console

from seqpipe.cli.embeddings._evaluation import make_table, number
from seqpipe.cli.embeddings._known import known_corpus
from seqpipe.cli.embeddings._model import Opened
from seqpipe.errors import DataError
from seqpipe.evaluation.embeddings import (
    SENSES,
    Found,
    Words,
    nearest,
    parse_marked,
    read_uses,
    search_corpus,
    vector_of,
)
from seqpipe.parts.readers import open_lines
from seqpipe.reporting import escaped

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。\uff01\uff1f])")
#: In characters; longer sentences are cut.
_MAX_SENTENCE_LENGTH: Final = 2_000


def find_nearest(opened: Opened, words: Sequence[str], *, most: int) -> list[dict[str, Any]]:
    """Return for each word whether it's "known", its "neighbours", and an "error" if it has no vector."""
    if not words:
        return []
    vocabulary = opened.words()
    return [
        {"word": word, "known": vocabulary.knows(word), **_neighbours_of(vocabulary, word, most)}
        for word in words
    ]


def _neighbours_of(vocabulary: Words, word: str, most: int) -> dict[str, Any]:
    try:
        vector = vector_of(vocabulary, word)
    except DataError as error:
        return {"neighbours": [], "error": str(error)}
    found = nearest(vocabulary, vector, most=most, without=[word])
    return {"neighbours": [each._asdict() for each in found]}


def find_in_context(
    opened: Opened, marked: Sequence[str], *, corpus: str | None, sentences: int, most: int
) -> dict[str, Any]:
    """Return the neighbours of words in context, and the "corpus" that was searched.

    Raises:
        DataError: A sentence hasn't exactly one word in brackets, the pipeline has no encoder, or the
            corpus can't be read.
    """
    targets = [parse_marked(text) for text in marked]
    if opened.encoder is None:
        raise DataError(
            f"{opened.name} has no encoder, so a word has the same vector in every context: name a "
            "pipeline that was trained with [encoder]"
        )
    path = corpus or known_corpus(opened.encoder.lang) or SENSES
    texts = islice(_sentences(path), sentences)
    found = search_corpus(opened.encoder, targets, texts, most=most)
    contexts = [
        {
            "text": target.text,
            "word": target.word,
            "same_word": [_plain(each) for each in neighbourhood.same],
            "other_words": [_plain(each) for each in neighbourhood.others],
        }
        for target, neighbourhood in zip(targets, found, strict=True)
    ]
    return {"corpus": path, "contexts": contexts}


def _sentences(path: str) -> Iterator[str]:
    if path == SENSES:
        yield from (use.marked.text for use in read_uses(path))
        return
    for line in open_lines(path):
        for sentence in _SENTENCE_END.split(line):
            if sentence.strip():
                yield sentence.strip()[:_MAX_SENTENCE_LENGTH]


def _plain(found: Found) -> dict[str, Any]:
    marked = found.marked
    return {
        "word": marked.word,
        "score": found.score,
        "text": marked.text,
        "start": marked.start,
        "end": marked.end,
    }


#: How many characters of a sentence are shown on either side of a word.
_MAX_CONTEXT: Final = 28


def print_neighbours(console: Console, report: Mapping[str, Any]) -> None:
    """Print a table for each word that has a vector, and two for each word in a sentence."""
    tables = []
    for found in (each for each in report["words"] if "error" not in each):
        title = found["word"] if found["known"] else f"{found['word']} (unknown: by sub-words)"
        rows = [(each["word"], number(each["score"])) for each in found["neighbours"]]
        tables.append(make_table(title, ("cosine",), rows))
    for found in report.get("contexts", ()):
        for title, key in (
            (f"{found['word']} elsewhere", "same_word"),
            ("other words", "other_words"),
        ):
            rows = [(_snippet(each), number(each["score"])) for each in found[key]]
            tables.append(make_table(f"{title}, nearest to: {found['text']}", ("cosine",), rows))
    for i, table in enumerate(tables):
        if i:
            console.print()
        console.print(table)
    if "corpus" in report:
        console.print(f"\ncorpus: {escaped(report['corpus'])}")


def _snippet(found: Mapping[str, Any]) -> str:
    text, start, end = found["text"], found["start"], found["end"]
    before, after = text[:start], text[end:]
    if len(before) > _MAX_CONTEXT:
        before = f"…{before[-_MAX_CONTEXT:]}"
    if len(after) > _MAX_CONTEXT:
        after = f"{after[:_MAX_CONTEXT]}…"
    return f"{before}[{found['word']}]{after}"
