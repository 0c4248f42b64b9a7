"""spaCy's own rule tokenizer behind our contract."""

import re
from typing import Final

import spacy

from seqpipe.errors import ConfigError

#: What spaCy's rules don't see whole. Lone surrogates can't be encoded. And spaCy takes punctuation off a
#: word one character after another, copying the rest each time, so long runs take the square of their length.
_CUT: Final = re.compile("([\ud800-\udfff]|[^\\w\\s\ud800-\udfff]{50})")
_IS_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class SpacyRules:
    """Apply the tokenization rules and exceptions that spaCy ships for a language.

    In a pipeline the rules run as spaCy's own tokenizer, without this class between; it's here for
    use by itself. Of more than 50 punctuation characters in a row, 50 at a time are split by themselves.

    Args:
        lang: The language's code, such as "en".

    Raises:
        ConfigError: spaCy has no such language, or one that needs a package which isn't installed.
    """

    def __init__(self, *, lang: str = "en") -> None:
        try:
            self._tokenizer = spacy.blank(lang).tokenizer
        except ImportError as error:
            raise ConfigError(f"spaCy can't tokenize the language {lang!r}: {error}") from error

    def __call__(self, text: str) -> list[str]:
        """Return the words of `text`."""
        tokens = [token for piece in _CUT.split(text) for token in self._split(piece)]
        # A token may hold white space inside it, where a rule of the language says so. All are split at once,
        # as one by one takes as long as spaCy itself.
        return " ".join(tokens).split()

    def _split(self, piece: str) -> list[str]:
        if _IS_SURROGATE.match(piece):
            return [piece]
        return [token.text for token in self._tokenizer(piece)]
