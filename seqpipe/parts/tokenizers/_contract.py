"""What a tokenizer is."""

from collections.abc import Callable
from typing import TypeAlias

#: Text to words. The words, joined, are the text without its white space (`str.isspace`);
#: no word is empty or holds white space. Texts may hold anything, lone surrogates too. A tokenizer can be
#: pickled, as spaCy does to work in several processes.
Tokenize: TypeAlias = Callable[[str], list[str]]
