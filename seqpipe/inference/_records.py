"""From a record, which comes from outside, to a doc of its text; or to what's wrong with it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from spacy.language import Language
from spacy.tokens import Doc

from seqpipe.adapters import pair_of, tokenized
from seqpipe.messages import did_you_mean, listed, nearest, quote

#: A text, or values by name, one of which is the text.
Record: TypeAlias = str | Mapping[str, Any]

_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
#: What a record's text is called, if nothing says otherwise.
TEXT: Final = "text"


class BadRecordError(Exception):
    """A record that has no text to predict for; the message says why, and never leaves this package as an exception."""


@dataclass(frozen=True)
class Columns:
    """Where a record has its text.

    Attributes:
        text: The name of the text; of several, those that aren't empty are joined with a blank.
        pair: That of the second text, where texts come in pairs; or None.
        is_guess: Whether the names are those of the data that a pipeline was trained on: a record that has none of them may have
            "text" in their place.
        keeps_line_ends: Whether texts stay as they are, as places in them are predicted. Otherwise they get one kind of line
            end, as the readers give them.
    """

    text: tuple[str, ...] = (TEXT,)
    pair: str | None = None
    is_guess: bool = False
    keeps_line_ends: bool = False

    def doc(self, record: Record, nlp: Language) -> Doc:
        """Return a doc of a record's text, not yet predicted for.

        A text may be a string, or a list of words, which then are the tokens.

        Raises:
            BadRecordError: There's no text.
        """
        if isinstance(record, str):
            if self.pair is not None:
                raise BadRecordError(
                    "it's one text, and the pipeline compares the two texts of a pair"
                )
            return self._doc(record, nlp)
        if not isinstance(record, Mapping):
            raise BadRecordError(f"it's {_kind(record)}; a record is a text, or an object with one")
        is_other = self.is_guess and TEXT in record and not any(n in record for n in self.text)
        texts = [_value(record, name) for name in ((TEXT,) if is_other else self.text)]
        if self.pair is not None:
            first, second = self._joined(texts), self._joined([_value(record, self.pair)])
            return pair_of(nlp, first, second)
        if len(texts) == 1 and not isinstance(texts[0], str):
            return _doc_of_words(texts[0], nlp)
        return self._doc(self._joined(texts), nlp)

    def _joined(self, texts: Sequence[Any]) -> str:
        if len(texts) == 1:
            return _checked(texts[0])
        given = [_string(text) for text in texts if text is not None]
        return _checked(" ".join(text for text in given if text.strip()))

    def _doc(self, text: str, nlp: Language) -> Doc:
        text = _checked(text)
        if not self.keeps_line_ends:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if len(text) > nlp.max_length:
            raise BadRecordError(
                f"its text has {len(text):,} characters, and the pipeline takes {nlp.max_length:,} at most (`nlp.max_length`)"
            )
        return tokenized(nlp.tokenizer, text)


def _value(record: Mapping[str, Any], name: str) -> Any:
    """Return the value of a name; one with dots is looked for inside of objects if there's none of the whole name."""
    if name in record:
        return record[name]
    value: Any = record
    for key in name.split("."):
        if not isinstance(value, Mapping) or key not in value:
            there = [str(key) for key in record]
            hint = did_you_mean(nearest(name, there))
            raise BadRecordError(
                f"it has no {quote(name)}, only {listed(there) or 'nothing'}{f'; {hint}' if hint else ''}"
            )
        value = value[key]
    return value


def _doc_of_words(words: Any, nlp: Language) -> Doc:
    if not isinstance(words, Sequence):
        raise BadRecordError(f"its text is {_kind(words)}, and should be a string")
    # An empty word would be no token.
    if not words or not all(isinstance(word, str) and word.strip() for word in words):
        raise BadRecordError("its words aren't all strings with something in them")
    _check_characters("".join(words))
    return Doc(nlp.vocab, words=list(words))


def _checked(text: Any) -> str:
    """Return a text that there's something in.

    Raises:
        BadRecordError: It's no such text.
    """
    checked = _string(text)
    if not checked.strip():
        raise BadRecordError("its text is empty, or only white space")
    _check_characters(checked)
    return checked


def _string(text: Any) -> str:
    if not isinstance(text, str):
        raise BadRecordError(f"its text is {_kind(text)}, and should be a string")
    return text


def _check_characters(text: str) -> None:
    if "\0" in text:
        raise BadRecordError("its text holds a NUL character, as binary files do")
    if match := _SURROGATE.search(text):
        raise BadRecordError(
            f"its text holds half of a surrogate pair, U+{ord(match.group()):04X}, which UTF-8 can't write"
        )


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    # As tables of pandas and numpy write what's missing.
    if isinstance(value, float) and value != value:
        return "missing (NaN)"
    return f"of the type {type(value).__name__}"
