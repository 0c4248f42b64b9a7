"""Words by jieba: the likeliest path through its dictionary, and a hidden Markov model for the rest."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import rjieba

from seqpipe_chinese._entries import Entry, add_entry, check_words, read_dictionary

#: Runs without white space. Halves of surrogate pairs, which Rust can't take, are pieces of their own.
_PIECE: Final = re.compile(r"[^\s\ud800-\udfff]+|[\ud800-\udfff]")
_HAN: Final = re.compile(r"[\u4e00-\u9fd5]")
#: Where the original jieba cuts what has no Han character of its dictionary's range.
_APART: Final = re.compile(r"[a-zA-Z0-9]+(?:\.[0-9]+)?%?|[+#&._%-]+|.", re.DOTALL)


class Jieba:
    """Cut Chinese into words, as jieba 0.42.1 does; other scripts into runs and single characters.

    Of all ways to put a text together from words of jieba's dictionary it takes the likeliest one.
    Single characters that are left over are joined by a hidden Markov model, if `hmm` says so. The
    time it takes grows with the text's length.

    Each tokenizer has a dictionary of its own: `words` and `dictionary` change no other one, nor
    the module `rjieba`. It can be used in several threads at once, and pickled with its words.

    Args:
        hmm: Whether to look for words that aren't in the dictionary, such as names.
        words: Words to add to the dictionary. They're joined wherever jieba would cut them, unless
            words that overlap with them are likelier. Saved pipelines hold them.
        dictionary: The path of a UTF-8 file of words to add, in jieba's form: on each line a word,
            and behind it, if you like, how often it occurs, and a tag, which isn't used. Saved
            pipelines hold the path only.

    Raises:
        ConfigError: The dictionary can't be read, or a word can't be a word to jieba.
    """

    def __init__(
        self, *, hmm: bool = True, words: list[str] | None = None, dictionary: str | None = None
    ) -> None:
        entries = [] if dictionary is None else read_dictionary(dictionary)
        self._hmm = hmm
        self._entries = [*entries, *check_words(words or [])]
        self._jieba = _load(self._entries)

    def __call__(self, text: str) -> list[str]:
        """Return the words of `text`."""
        return [word for piece in _PIECE.findall(text) for word in self._cut(piece)]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the library's object, which can't be pickled."""
        return {"hmm": self._hmm, "entries": self._entries}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the library's object again."""
        self._hmm = state["hmm"]
        self._entries = state["entries"]
        self._jieba = _load(self._entries)

    def _cut(self, piece: str) -> Iterator[str]:
        if len(piece) == 1:
            yield piece
            return
        for word in self._jieba.cut(piece, self._hmm):
            # Releases of rjieba differ in how they join digits, Latin letters and rare characters.
            if len(word) == 1 or _HAN.search(word) or self._jieba.has_word(word):
                yield word
            else:
                yield from _APART.findall(word)


def _load(entries: Sequence[Entry]) -> rjieba.Jieba:
    jieba = rjieba.Jieba()
    for entry in entries:
        add_entry(jieba, entry)
    return jieba
