"""Chunks, such as entities, as a tag for each word: schemes, from tags to chunks and back, which tags may be neighbours.

A tag is "O" outside of all chunks; otherwise a letter, a hyphen and the chunk's label, such as "B-PER". Letters by scheme:

| scheme | first word | inner words | last word | only word |
|---|---|---|---|---|
| IO | I | I | I | I |
| IOB1 | I, but B right after a chunk with the same label | I | I | as the first |
| BIO, also called IOB2 | B | I | I | B |
| BIOES | B | I | E | S |

BMES writes M for I. BILOU writes L for E and U for S. Both are read as BIOES.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

Scheme: TypeAlias = Literal["IO", "IOB1", "BIO", "IOB2", "BIOES", "BMES", "BILOU"]
SCHEMES: Final[tuple[Scheme, ...]] = get_args(Scheme)
OUTSIDE: Final = "O"
#: What letters of other schemes are in BIOES.
_LETTERS: Final = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
#: Schemes by which any sequence of tags means something.
_LENIENT: Final = ("IO", "IOB1")
#: Schemes that mark where a chunk ends.
_CLOSED: Final = ("BIOES", "BMES", "BILOU")


class ChunkError(ValueError):
    """Tags that mean no chunks; the message begins with "it" or "the tag", which stand for their text."""


class Chunk(NamedTuple):
    """Words from `start` up to `end`, which isn't one of them."""

    start: int
    end: int
    label: str


def _parts(tag: str) -> tuple[str, str] | None:
    """Return the letter and the label of a tag, None for "O".

    Raises:
        ChunkError: It isn't a tag of a chunk.
    """
    if tag == OUTSIDE:
        return None
    letter, hyphen, label = tag.partition("-")
    if not hyphen or not label or letter not in _LETTERS:
        raise ChunkError(
            f'it has the tag "{tag}", and tags of chunks are "O", or begin with one of '
            f'{", ".join(_LETTERS)} and a hyphen: "B-PER"'
        )
    return _LETTERS[letter], label


def are_chunks(texts: Iterable[Sequence[str]]) -> bool:
    """Say whether the tags of most texts look like those of chunks.

    Args:
        texts: The tags of each text.
    """
    votes = [_looks_like_chunks(tags) for tags in texts]
    return 2 * sum(votes) > len(votes)


def _looks_like_chunks(tags: Sequence[str]) -> bool:
    try:
        for tag in tags:
            _parts(tag)
    except ChunkError:
        return False
    return True


def find_scheme(texts: Iterable[Sequence[str]]) -> Scheme:
    """Return the scheme of tags: of BIOES and BIO, that which fewer texts break, or IOB1 if most texts break both.

    BIO has no tags of ends ("E-", "S-"), and BIOES with "M-" is called BMES.

    Args:
        texts: The tags of each text; those without a chunk don't count.
    """
    found = [tags for tags in texts if any(tag != OUTSIDE for tag in tags)]
    broken = {scheme: sum(_breaks(tags, scheme) for tags in found) for scheme in _STRICT}
    best = min(_STRICT, key=lambda scheme: broken[scheme])
    if 2 * broken[best] > len(found):
        # IO is IOB1 without a B.
        return "IOB1"
    has_middles = any(tag.startswith("M-") for tags in found for tag in tags)
    return "BMES" if best == "BIOES" and has_middles else best


_STRICT: Final[tuple[Scheme, ...]] = ("BIOES", "BIO")


def _breaks(tags: Sequence[str], scheme: Scheme) -> bool:
    if scheme == "BIO" and any(tag.startswith(("E-", "S-", "M-")) for tag in tags):
        return True
    try:
        read_chunks(tags, scheme)
    except ChunkError:
        return True
    return False


def read_chunks(tags: Sequence[str], scheme: Scheme) -> list[Chunk]:
    """Return the chunks that the tags of a text's words mean.

    Raises:
        ChunkError: They break the scheme; the message names the word by its number, from 1.
    """
    chunks: list[Chunk] = []
    start, label = -1, ""
    for place, tag in enumerate([*tags, OUTSIDE]):
        letter, found = _parts(tag) or (OUTSIDE, "")
        is_open = start >= 0
        goes_on = letter in ("I", "E") and is_open and found == label
        if letter in ("I", "E") and not goes_on and scheme not in _LENIENT:
            raise ChunkError(_broken(tags, place, scheme, "begins in the middle"))
        if is_open and not goes_on:
            if scheme in _CLOSED:
                raise ChunkError(_broken(tags, place, scheme, "has no end before it"))
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
    return f"the tag of its word {place + 1}, {tag} after {before}, breaks the scheme {scheme}: a chunk {what}"


def chunk_tags(chunks: Iterable[Chunk], words: int) -> list[str]:
    """Return the tags of a text's words in BIOES; `read_chunks` gives the chunks back.

    Args:
        chunks: Chunks that don't overlap.
        words: How many words the text has.
    """
    tags = [OUTSIDE] * words
    for start, end, label in chunks:
        letters = ["S"] if end - start == 1 else ["B", *"I" * (end - start - 2), "E"]
        tags[start:end] = [f"{letter}-{label}" for letter in letters]
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
        ChunkError: One isn't a tag of a chunk.
    """
    parts = [_parts(tag) for tag in tags]
    neighbours = [[_may_follow(a, b, scheme) for b in parts] for a in parts]
    return Allowed(
        np.array(neighbours, dtype=bool).reshape(len(tags), len(tags)),
        np.array([_may_follow(None, b, scheme) for b in parts], dtype=bool),
        np.array([_may_follow(a, None, scheme) for a in parts], dtype=bool),
    )


def _may_follow(
    before: tuple[str, str] | None, tag: tuple[str, str] | None, scheme: Scheme
) -> bool:
    """Say whether a tag may follow another one; None for "O", and for the ends of a text."""
    is_open = before is not None and before[0] in ("B", "I")
    if tag is not None and tag[0] in ("I", "E"):
        return scheme in _LENIENT or (is_open and before is not None and before[1] == tag[1])
    return not (is_open and scheme in _CLOSED)
