r"""How words are written for the library, which splits a text at some characters and can't quote them.

Those characters are exchanged for private ones (U+F0000 and what follows), so that an item called
"New York" is one word. Two words are never written alike.
"""

import re

# The last one ends a text file on Windows.
_SEPARATORS = "\0\t\n\v\f\r \x1a"
_PRIVATE = 0xF0000
_EXCHANGE = {ord(char): _PRIVATE + ord(char) for char in _SEPARATORS}
_BACK = {private: char for char, private in _EXCHANGE.items()}

# The library ends a line where it reads this word.
_END_OF_LINE = "</s>"
_WRITTEN_END_OF_LINE = f"<{chr(_PRIVATE + ord('/'))}s>"

_private = "".join(map(chr, _EXCHANGE.values())) + chr(_PRIVATE + ord("/"))
_UNWRITABLE = re.compile(f"[\ud800-\udfff{_private}]")


def written(word: str) -> str | None:
    """Return how the library is to see a word; None if it can't be written.

    That's so for the empty word, for lone surrogates, which UTF-8 doesn't have, and for words that
    hold one of the private characters themselves.
    """
    if word == _END_OF_LINE:
        return _WRITTEN_END_OF_LINE
    if not word or _UNWRITABLE.search(word):
        return None
    return word.translate(_EXCHANGE)


def unwritten(form: str) -> str:
    """Return the word that `written` wrote."""
    return _END_OF_LINE if form == _WRITTEN_END_OF_LINE else form.translate(_BACK)


def is_written_as_it_is(line: str, words: int) -> bool:
    """Whether so many words, joined by blanks, are how the library is to see them, as nearly all are."""
    # Nothing printable but the blank is written otherwise.
    return (
        bool(line)
        and line.isprintable()
        and line.count(" ") == words - 1
        and not ("  " in line or line[0] == " " or line[-1] == " ")
        and _END_OF_LINE not in line
    )
