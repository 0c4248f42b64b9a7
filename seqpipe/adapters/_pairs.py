"""Pairs of texts as spaCy's docs: both in one, which knows where the second begins."""

from typing import Final

from spacy.language import Language
from spacy.tokens import Doc

_FIRST: Final = "first_text"

# As soon as the module is imported, which a worker that unpickles a pipeline does.
if not Doc.has_extension(_FIRST):
    Doc.set_extension(_FIRST, default=None)


def pair_of(nlp: Language, first: str, second: str) -> Doc:
    """Return a pair of texts as one doc, for a pipeline with a head for pairs: ``nlp(pair_of(nlp, first, second))``.

    The words of both stand one behind the other, and ``doc._.first_text`` is how many of them belong to the first.
    """
    return join_pair(nlp.make_doc(first), nlp.make_doc(second))


def join_pair(first: Doc, second: Doc) -> Doc:
    """Return two docs as one; see `pair_of`."""
    words = [token.text for doc in (first, second) for token in doc]
    spaces = [bool(token.whitespace_) for doc in (first, second) for token in doc]
    if len(first):
        spaces[len(first) - 1] = True
    doc = Doc(first.vocab, words=words, spaces=spaces)
    doc._.set(_FIRST, len(first))
    return doc


def is_pair(doc: Doc) -> bool:
    """Return whether a doc is a pair of texts."""
    return doc._.get(_FIRST) is not None


def first_of(doc: Doc) -> int:
    """Return how many words of a doc belong to its first text: all, if it's no pair."""
    return text_lengths(doc)[0]


def text_lengths(doc: Doc) -> list[int]:
    """Return how many words each text of a doc has: of one, or of a pair."""
    first: int | None = doc._.get(_FIRST)
    return [len(doc)] if first is None else [min(first, len(doc)), max(0, len(doc) - first)]
