"""Has spaCy's tokenizer read long runs of punctuation in time that grows with their length.

The tokenizer takes prefixes and suffixes off what stands between white space one after another, and copies and
searches the whole rest each time, so that 100,000 exclamation marks took it 20 minutes. Here the tokenizer's own
rules look at the ends of a long word alone, and it gets the rest.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from spacy.attrs import NORM, SPACY
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc

#: Words of so many characters are left to spaCy, and so is the rest of longer ones.
_SHORT: Final = 200
#: A word with fewer affixes is left to spaCy, however long it is.
_MANY: Final = 50
#: How much of a word a rule sees at first.
_WINDOW: Final = 32

_LONG_WORD: Final = re.compile(rf"\S{{{_SHORT + 1},}}")


def tokenized(tokenizer: Any, text: str) -> Doc:
    """Return the tokens that a pipeline's tokenizer finds in a text.

    They're those of `tokenizer(text)`, but for exceptions of several tokens, such as "can't", that lie across the
    end of a long run of punctuation.
    """
    docs = list(_docs(tokenizer, text)) if isinstance(tokenizer, Tokenizer) else []
    if not docs:
        doc: Doc = tokenizer(text)
        return doc
    # These attributes are all that a tokenizer sets; others would count as annotated.
    return Doc.from_docs(docs, ensure_whitespace=False, attrs=[SPACY, NORM])


def _docs(tokenizer: Tokenizer, text: str) -> Iterator[Doc]:
    """Yield the tokens of a text in pieces; nothing if the tokenizer is to read it as a whole."""
    done = 0
    for word in _LONG_WORD.finditer(text):
        start, end = word.span()
        prefixes, suffixes = _affixes(tokenizer, text, start, end)
        if len(prefixes) + len(suffixes) < _MANY:
            continue
        if done < start:
            yield tokenizer(text[done:start])
        if prefixes:
            yield Doc(tokenizer.vocab, words=prefixes, spaces=[False] * len(prefixes))
            start += sum(map(len, prefixes))
        # As everywhere in spaCy, a blank belongs to the token before it.
        done = end + text.startswith(" ", end)
        if not suffixes:
            yield tokenizer(text[start:done])
            continue
        rest = end - sum(map(len, suffixes))
        if start < rest:
            yield tokenizer(text[start:rest])
        spaces = [False] * (len(suffixes) - 1) + [done > end]
        yield Doc(tokenizer.vocab, words=suffixes, spaces=spaces)
    if 0 < done < len(text):
        yield tokenizer(text[done:])


def _affixes(
    rules: Tokenizer, text: str, start: int, end: int
) -> tuple[Sequence[str], Sequence[str]]:
    """Return the prefixes and the suffixes of a word, up to where the rest is short, in the text's order."""
    prefixes: list[str] = []
    suffixes: list[str] = []
    while end - start > _SHORT:
        prefix = _prefix(rules, text, start, end)
        suffix = _suffix(rules, text, start + prefix, end)
        if prefix:
            prefixes.append(text[start : start + prefix])
        if suffix:
            suffixes.append(text[end - suffix : end])
        if not prefix and not suffix:
            break
        start, end = start + prefix, end - suffix
    return prefixes, suffixes[::-1]


# An affix that fills the window may go on outside, so the window grows.


def _prefix(rules: Tokenizer, text: str, start: int, end: int) -> int:
    size = _WINDOW
    while (length := int(rules.find_prefix(text[start : min(start + size, end)]))) >= size:
        size *= 2
    return length


def _suffix(rules: Tokenizer, text: str, start: int, end: int) -> int:
    size = _WINDOW
    while (length := int(rules.find_suffix(text[max(start, end - size) : end]))) >= size:
        size *= 2
    return length
