"""A tokenizer of ours in the place of spaCy's."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from seqpipe.adapters._contract import words_from
from seqpipe.adapters._packed import pack, unpacked
from seqpipe.errors import PluginError, TokenizerError
from seqpipe.parts.tokenizers import LearnedTokenizer, Tokenize, Whitespace
from seqpipe.plugins import describe_maker

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
