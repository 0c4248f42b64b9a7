"""Our tokenizers in the place of spaCy's, and spaCy's own in time linear in a text's length."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from spacy.attrs import NORM, SPACY
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from seqpipe.adapters._contract import words_from
from seqpipe.adapters._packed import pack, unpacked
from seqpipe.errors import PluginError, TokenizerError
from seqpipe.parts.tokenizers import LearnedTokenizer, Tokenize, Whitespace
from seqpipe.plugins import describe_maker

# Has spaCy's tokenizer read long runs of punctuation in time that grows with their length.
#
# The tokenizer takes prefixes and suffixes off what stands between white space one after another, and copies and
# searches the whole rest each time, so that 100,000 exclamation marks took it 20 minutes. Here the tokenizer's own
# rules look at the ends of a long word alone, and it gets the rest.


#: Words of so many characters are left to spaCy, and so is the rest of longer ones.
_SHORT: Final = 200
#: A word with fewer affixes is left to spaCy, however long it is.
_MANY: Final = 50
#: How much of a word a rule sees at first.
_WINDOW: Final = 32

_LONG_WORD: Final = re.compile(rf"\S{{{_SHORT + 1},}}")

#: How many chunks, what stands between white space, spaCy's tokenizer remembers the tokens of by itself.
_USUALLY_REMEMBERED: Final = 10_000
#: And how many for us: some 20 MB if there are so many.
_REMEMBERED: Final = 200_000


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


def remember_chunks(tokenizer: Any) -> None:
    """Have spaCy's tokenizer remember the tokens of more chunks of texts than it does by default.

    It searches chunks that it doesn't remember for affixes by regular expressions, which takes most of its time, and remembers
    the first 10,000 only, which some hundred articles have. Its tokens are the same.

    Args:
        tokenizer: Any; one that isn't spaCy's, or has another number than the default, stays as it is.
    """
    if isinstance(tokenizer, Tokenizer) and tokenizer.max_cache_size == _USUALLY_REMEMBERED:
        tokenizer.max_cache_size = _REMEMBERED


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


_NOT_FITTED = b""
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

    White space other than one blank between two words becomes a token, as it does in spaCy. Of a tokenizer that
    learns, what it has learned is saved with the pipeline; the settings stand in the pipeline's configuration.

    Args:
        vocab: The pipeline's vocabulary.
        tokenize: Finds the words.
    """

    def __init__(self, vocab: Vocab, tokenize: Tokenize) -> None:
        self.vocab = vocab
        self.tokenize = tokenize
        self.is_fitted = not self.learns
        self._is_reading = False

    @property
    def learns(self) -> bool:
        """Whether the tokenizer is one that's fitted."""
        return isinstance(self.tokenize, LearnedTokenizer)

    def __call__(self, text: str) -> Doc:
        """Tokenize a text.

        Raises:
            PluginError: The tokenizer raised an exception, or returned no list of strings; or its words,
                joined, aren't the text without its white space, or one of them is empty or holds some.
            TokenizerError: The tokenizer learns, and hasn't been fitted.
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
            TokenizerError: It learns, and hasn't been fitted.
        """
        if not (self.is_fitted or self._is_reading):
            raise TokenizerError(
                f"the tokenizer {type(self.tokenize).__name__} learns from texts, and hasn't been fitted: "
                "train the pipeline first, or load one that was trained"
            )
        return words_from(self.tokenize if self.is_fitted else Whitespace(), text)

    def pipe(self, texts: Iterable[str], batch_size: int = 1000) -> Iterator[Doc]:
        """Tokenize texts one after another."""
        return (self(text) for text in texts)

    def fit(self, texts: Iterable[str], *, seed: int = 0) -> None:
        """Fit a tokenizer that learns; do nothing with another one."""
        if isinstance(self.tokenize, LearnedTokenizer):
            self.tokenize.fit(texts, seed=seed)
            self.is_fitted = True

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        pkuseg_model: Any = None,
        pkuseg_user_dict: Any = None,
    ) -> None:
        """Fit a tokenizer that learns, and hasn't yet, on the texts of examples, as spaCy asks for.

        Args:
            get_examples: Returns the examples.
            nlp: The pipeline, whose seed is taken.
            pkuseg_model: Isn't used: spaCy's defaults for Chinese give it in [initialize.tokenizer], whatever
                the tokenizer is.
            pkuseg_user_dict: The same.
        """
        if self.is_fitted:
            return
        # Corpora of spaCy's tokenize the texts that they read: for now at white space.
        self._is_reading = True
        try:
            texts = [example.reference.text for example in get_examples()]
        finally:
            self._is_reading = False
        if not self.is_fitted:  # corpora of ours have it fitted
            self.fit(texts, seed=seed_of(nlp) if nlp else 0)

    def to_bytes(self, *, exclude: Any = ()) -> bytes:
        """Return what was learned, in one piece; nothing if that's nothing."""
        if isinstance(self.tokenize, LearnedTokenizer) and self.is_fitted:
            return pack(self.tokenize.to_disk)
        return _NOT_FITTED

    def from_bytes(self, data: bytes, *, exclude: Any = ()) -> "WordTokenizer":
        """Read what `to_bytes` returned.

        Raises:
            SavedModelError: It's something else.
        """
        if isinstance(self.tokenize, LearnedTokenizer) and data != _NOT_FITTED:
            with unpacked(data, "tokenizer") as folder:
                self.tokenize.from_disk(folder)
            self.is_fitted = True
        return self

    def to_disk(self, path: str | Path, *, exclude: Any = ()) -> None:
        """Write what was learned into a folder; nothing if that's nothing."""
        if isinstance(self.tokenize, LearnedTokenizer) and self.is_fitted:
            Path(path).mkdir(parents=True, exist_ok=True)
            self.tokenize.to_disk(Path(path))

    def from_disk(self, path: str | Path, *, exclude: Any = ()) -> "WordTokenizer":
        """Read what `to_disk` wrote.

        Raises:
            SavedModelError: It can't be read.
        """
        # There's no folder where the pipeline was saved before it was fitted.
        if isinstance(self.tokenize, LearnedTokenizer) and Path(path).is_dir():
            self.tokenize.from_disk(Path(path))
            self.is_fitted = True
        return self


def fit_tokenizer(nlp: Language, texts: Callable[[], Iterable[str]]) -> bool:
    """Fit a pipeline's tokenizer if it's one that learns and hasn't yet; return whether that was so."""
    tokenizer = nlp.tokenizer
    if not isinstance(tokenizer, WordTokenizer) or tokenizer.is_fitted:
        return False
    tokenizer.fit(texts(), seed=seed_of(nlp))
    return True


def seed_of(nlp: Language) -> int:
    """Return the seed that a pipeline's configuration has for its training."""
    return nlp.config.interpolate()["training"]["seed"] or 0


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
