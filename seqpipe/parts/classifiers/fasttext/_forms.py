"""How words and labels are written for the library, which recognises labels by a prefix."""

from collections.abc import Iterable

from seqpipe.parts.fasttext import unwritten, written

#: The library's own, so that its tools read our models' labels.
PREFIX = "__label__"

# In the place of the first "_" of a word that would be taken for a label.
_UNDERSCORE = chr(0xF0000 + ord("_"))


def word_form(word: str) -> str | None:
    """Return how a word is written for the library; None if it can't be written. No two words are written alike."""
    form = written(word)
    if form is None or _UNDERSCORE in form:
        return None
    return _UNDERSCORE + form[1:] if form.startswith(PREFIX) else form


def word_of(form: str) -> str:
    """Return the word that `word_form` wrote."""
    return unwritten("_" + form[1:] if form.startswith(_UNDERSCORE) else form)


def label_form(label: str) -> str | None:
    """Return how a label is written for the library; None if it can't be written."""
    form = written(label)
    return None if form is None else PREFIX + form


def label_of(form: str) -> str:
    """Return the label that `label_form` wrote."""
    return unwritten(form.removeprefix(PREFIX))


class WordForms(dict[str, str | None]):
    """Each word's written form, found once.

    Args:
        lower: Whether words are lower-cased first.
    """

    def __init__(self, *, lower: bool) -> None:
        super().__init__()
        self._lower = lower

    def __missing__(self, word: str) -> str | None:
        form = self[word] = word_form(word.lower() if self._lower else word)
        return form

    def of(self, words: Iterable[str]) -> list[str]:
        """Return the forms of those words that can be written."""
        return [form for word in words if (form := self[word]) is not None]
