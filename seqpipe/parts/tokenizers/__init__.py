"""Tokenizers: text to words, without losing a character that isn't white space."""

from seqpipe.parts.tokenizers._contract import LearnedTokenizer as LearnedTokenizer
from seqpipe.parts.tokenizers._contract import Tokenize as Tokenize
from seqpipe.parts.tokenizers._spacy_rules import SpacyRules as SpacyRules
from seqpipe.parts.tokenizers._split import Characters as Characters
from seqpipe.parts.tokenizers._split import Regex as Regex
from seqpipe.parts.tokenizers._split import Whitespace as Whitespace

__all__ = ["Characters", "LearnedTokenizer", "Regex", "SpacyRules", "Tokenize", "Whitespace"]
