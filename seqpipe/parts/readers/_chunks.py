"""Chunks, such as entities, as a tag for each word: schemes, from tags to chunks and back, which tags may be neighbours.

A tag is "O" outside of all chunks; else a letter, a hyphen and the chunk's label, such as "B-PER". Letters by scheme:

| scheme | first word | inner words | last word | only word |
|---|---|---|---|---|
| IO | I | I | I | I |
| IOB1 | I, but B behind a chunk of the same label | I | I | as the first |
| BIO | B | I | I | B |
| BIOES | B | I | E | S |

BMES is BIOES with M for I, and BILOU is BIOES with L for E and U for S. In all of them letters mean the same, so that they're read as BIOES.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from seqpipe.parts.readers._collect import ProblemError

Scheme: TypeAlias = Literal["IO", "IOB1", "BIO", "BIOES"]
SCHEMES: Final[tuple[Scheme, ...]] = get_args(Scheme)
OUTSIDE: Final = "O"
#: What letters of other schemes are in BIOES.
_LETTERS: Final = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}


class Chunk(NamedTuple):
    """Words from `start` up to `end`, which isn't one of them."""

    start: int
    end: int
    label: str


def _parts(tag: str) -> tuple[str, str] | None:
    """Return the letter and the label of a tag, None for "O".

    Raises:
        ProblemError: It's no tag of a chunk.
    """
    if tag == OUTSIDE:
        return None
    letter, hyphen, label = tag.partition("-")
    if not hyphen or not label or letter not in _LETTERS:
        raise ProblemError(
            f'it has the tag "{tag}", and tags of chunks are "O", or begin with one of '
            f'{", ".join(_LETTERS)} and a hyphen: "B-PER"'
        )
    return _LETTERS[letter], label


def are_chunks(tags: Iterable[str]) -> bool:
    """Say whether tags look like those of chunks."""
    some = False
    for tag in tags:
        try:
            some |= _parts(tag) is not None
        except ProblemError:
            return False
    return some


def find_scheme(texts: Iterable[Sequence[str]]) -> Scheme:
    """Return the scheme of tags, by which letters there are, and with which one most chunks begin.

    Args:
        texts: The tags of each text; those that are none don't count.
    """
    letters, begin_with_i, begin_with_b, b_needed = set(), 0, 0, 0
    for tags in texts:
        before = None
        for tag in tags:
            try:
                found = _parts(tag)
            except ProblemError:
                found = None
            if found:
                letters.add(found[0])
                follows = before is not None and before[1] == found[1]
                begin_with_i += found[0] == "I" and not follows
                begin_with_b += found[0] == "B"
                b_needed += found[0] == "B" and follows
            before = found
    if letters & {"E", "S"}:
        return "BIOES"
    if "B" not in letters:
        return "IO"
    # In IOB1, B stands only between two chunks of the same label; such are rare.
    return "IOB1" if begin_with_b == b_needed and begin_with_i else "BIO"


def read_chunks(tags: Sequence[str], scheme: Scheme) -> list[Chunk]:
    """Return the chunks that the tags of a text's words mean.

    Raises:
        ProblemError: They break the scheme; the message names the word by its number, from 1.
    """
    chunks: list[Chunk] = []
    start, label = -1, ""
    for place, tag in enumerate([*tags, OUTSIDE]):
        letter, found = _parts(tag) or (OUTSIDE, "")
        is_open = start >= 0
        goes_on = letter in ("I", "E") and is_open and found == label
        if letter in ("I", "E") and not goes_on and scheme in ("BIO", "BIOES"):
            raise ProblemError(_broken(tags, place, scheme, "begins in the middle"))
        if is_open and not goes_on:
            if scheme == "BIOES":
                raise ProblemError(_broken(tags, place, scheme, "has no end before it"))
            chunks.append(Chunk(start, place, label))
            start = -1
        if letter == OUTSIDE:
            continue
        if not goes_on:
            start, label = place, found
        if letter in ("E", "S"):
            chunks.append(Chunk(start, place + 1, label))
            start = -1
    return chunks


def _broken(tags: Sequence[str], place: int, scheme: Scheme, what: str) -> str:
    before = f'"{tags[place - 1]}"' if place else "nothing"
    tag = f'"{tags[place]}"' if place < len(tags) else "the text's end"
    return (
        f"the tag of its word {place + 1}, {tag} behind {before}, breaks the scheme {scheme}: "
        f"a chunk {what}; `scheme` says by which scheme tags are read"
    )


def chunk_tags(chunks: Iterable[Chunk], words: int) -> list[str]:
    """Return the tags of so many words in BIOES; `read_chunks` gives the chunks back.

    Args:
        chunks: Chunks that don't overlap.
        words: How many words the text has.
    """
    tags = [OUTSIDE] * words
    for start, end, label in chunks:
        inner = ["I"] * (end - start)
        inner[0], inner[-1] = "B", "E"
        tags[start:end] = [f"{letter}-{label}" for letter in (["S"] if end - start == 1 else inner)]
    return tags


class Allowed(NamedTuple):
    """Which tags may stand where.

    Attributes:
        neighbours: Whether tag j may follow tag i, `[L, L]`.
        first: Whether a text may begin with a tag, `[L]`.
        last: Whether it may end with a tag, `[L]`.
    """

    neighbours: NDArray[np.bool_]
    first: NDArray[np.bool_]
    last: NDArray[np.bool_]


def allowed_tags(tags: Sequence[str], scheme: Scheme) -> Allowed:
    """Return which tags may stand where in a scheme.

    Raises:
        ProblemError: One is no tag of a chunk.
    """
    parts = [_parts(tag) for tag in tags]
    strict = scheme == "BIOES"

    def may_follow(before: tuple[str, str] | None, tag: tuple[str, str] | None) -> bool:
        inside = before is not None and before[0] in ("B", "I")
        if tag is not None and tag[0] in ("I", "E"):
            if scheme in ("IO", "IOB1"):
                return True
            ended = before is not None and before[0] not in ("B", "I")
            return before is not None and not ended and before[1] == tag[1]
        return not (strict and inside)

    return Allowed(
        np.array([[may_follow(a, b) for b in parts] for a in parts], dtype=bool).reshape(
            len(tags), len(tags)
        ),
        np.array([may_follow(None, b) for b in parts], dtype=bool),
        np.array([may_follow(a, None) for a in parts], dtype=bool),
    )
