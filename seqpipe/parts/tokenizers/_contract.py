"""The contract of tokenizers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

#: Text to words. The words, joined, are the text without its white space (`str.isspace`);
#: no word is empty or holds white space. Texts may hold anything, lone surrogates too. A tokenizer can be
#: pickled, as spaCy does to work in several processes.
Tokenize: TypeAlias = Callable[[str], list[str]]


class LearnedTokenizer(ABC):
    """A tokenizer that learns from texts, such as byte-pair encoding: fitted once, then saved.

    A pipeline fits it on the texts of its train part before it fits the embedder, and saves what it has
    learned; a saved pipeline needs no texts.
    """

    @abstractmethod
    def __call__(self, text: str) -> list[str]:
        """Return the words of `text`, as `Tokenize` says.

        Raises:
            TokenizerError: The tokenizer hasn't been fitted.
        """

    @abstractmethod
    def fit(self, texts: Iterable[str], *, seed: int = 0) -> None:
        """Fit on texts, which are read once, replacing what was learned before.

        Args:
            texts: One document after another.
            seed: The same texts and seed give the same words.

        Raises:
            TokenizerError: There is nothing to fit on.
        """

    @abstractmethod
    def to_disk(self, path: Path) -> None:
        """Write everything that was learned into the folder `path`, which exists.

        Raises:
            TokenizerError: The tokenizer hasn't been fitted.
        """

    @abstractmethod
    def from_disk(self, path: Path) -> None:
        """Read what `to_disk` wrote, replacing what was learned before.

        Raises:
            SavedModelError: A file is missing or isn't what `to_disk` wrote.
        """
