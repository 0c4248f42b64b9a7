"""A tokenizer of ours in the place of spaCy's."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from seqpipe.adapters._contract import words_from
from seqpipe.errors import PluginError
from seqpipe.parts.tokenizers import Tokenize
from seqpipe.plugins import describe_maker

#: What spaCy's own tokenizer has, and can be given.
_RULES = frozenset(
    [
        "add_special_case",
        "rules",
        "token_match",
        "url_match",
        "prefix_search",
        "suffix_search",
        "infix_finditer",
        "find_prefix",
        "find_suffix",
        "find_infix",
    ]
)


class WordTokenizer:
    """Makes docs of the words that a tokenizer finds. The doc's text is the text given.

    White space other than one blank between two words becomes a token, as it does in spaCy.

    Args:
        vocab: The pipeline's vocabulary.
        tokenize: Finds the words.
    """

    def __init__(self, vocab: Vocab, tokenize: Tokenize) -> None:
        self.vocab = vocab
        self.tokenize = tokenize

    def __call__(self, text: str) -> Doc:
        """Tokenize a text.

        Raises:
            PluginError: The tokenizer raised an exception, or returned no list of strings; or its words,
                joined, aren't the text without its white space, or one of them is empty or holds some.
        """
        words, spaces = _align(text, self.words(text), self.tokenize)
        return Doc(self.vocab, words=words, spaces=spaces)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(_no_rules(name) if name in _RULES else f"no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _RULES:
            raise AttributeError(_no_rules(name))
        super().__setattr__(name, value)

    def explain(self, text: str) -> list[tuple[str, str]]:
        """Return the words of a text with the name of what found each, as spaCy's tokenizer does."""
        return [("TOKEN", word) for word in self.words(text)]

    def words(self, text: str) -> list[str]:
        """Return the words of a text as the tokenizer finds them.

        Raises:
            PluginError: It raised an exception, or returned no list of strings.
        """
        return words_from(self.tokenize, text)

    def pipe(self, texts: Iterable[str], batch_size: int = 1000) -> Iterator[Doc]:
        """Tokenize texts one after another."""
        return (self(text) for text in texts)

    # The tokenizer's settings stand in the pipeline's configuration: there is nothing to save.

    def to_bytes(self, *, exclude: Any = ()) -> bytes:
        """Return nothing."""
        return b""

    def from_bytes(self, data: bytes, *, exclude: Any = ()) -> "WordTokenizer":
        """Read nothing."""
        return self

    def to_disk(self, path: str | Path, *, exclude: Any = ()) -> None:
        """Write nothing."""

    def from_disk(self, path: str | Path, *, exclude: Any = ()) -> "WordTokenizer":
        """Read nothing."""
        return self


def make_tokenizer(tokenizer: Tokenize) -> Callable[[Language], WordTokenizer]:
    """Make what spaCy calls for its tokenizer; registered as the tokenizer "seqpipe.Tokenizer.v1"."""

    def create(nlp: Language) -> WordTokenizer:
        return WordTokenizer(nlp.vocab, tokenizer)

    return create


def _no_rules(name: str) -> str:
    return (
        f"seqpipe's tokenizer has no `{name}`, as it doesn't split by spaCy's rules: leave "
        "[nlp.tokenizer] out (in a pipeline file, [tokenizer]) to have spaCy's own, which does"
    )


def _align(text: str, words: list[str], tokenize: Tokenize) -> tuple[list[str], list[bool]]:
    """Return the tokens of a text, and for each whether a blank follows it."""
    tokens: list[str] = []
    spaces: list[bool] = []
    end = 0
    for word in words:
        start = text.find(word, end)
        gap = text[end:start] if start >= 0 and word.split() == [word] else "?"
        if gap and not gap.isspace():
            raise _lost(tokenize, text, end, repr(word))
        _add_gap(gap, tokens, spaces)
        tokens.append(word)
        spaces.append(False)
        end = start + len(word)
    if not (text[end:].isspace() or end == len(text)):
        raise _lost(tokenize, text, end, "the end")
    _add_gap(text[end:], tokens, spaces)
    return tokens, spaces


def _add_gap(gap: str, tokens: list[str], spaces: list[bool]) -> None:
    if gap.startswith(" ") and tokens:
        spaces[-1] = True
        gap = gap[1:]
    if gap:
        tokens.append(gap)
        spaces.append(False)


def _lost(tokenize: Tokenize, text: str, position: int, word: str) -> PluginError:
    here = text[position : position + 20]
    return PluginError(
        f"{describe_maker(tokenize, 'tokenizer')} lost or changed characters at {position} ({here!r}) "
        f"before {word}: its words, joined, must be the text without its white space, and none may be "
        "empty or hold some"
    )
