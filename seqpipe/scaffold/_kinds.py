"""What the templates of each kind of part hold."""

import difflib
from dataclasses import dataclass
from typing import Final

from seqpipe.hookspecs import KINDS


@dataclass(frozen=True)
class Example:
    """The part that a new plugin begins with.

    Attributes:
        name: The class: "PeepholeLSTM".
        summary: What it is, in half a sentence.
    """

    name: str
    summary: str


_EXAMPLES: Final = {
    "tokenizers": Example("Identifiers", "a tokenizer that takes names in source code apart"),
    "embedders": Example("PPMI", "an embedder that counts which words stand near each other"),
    "cells": Example("PeepholeLSTM", "an LSTM cell whose gates see the memory"),
    "encoders": Example("GatedConvolution", "an encoder that reads each word with its neighbours"),
    "heads": Example("TopMean", "a head that classifies a text by its strongest values"),
    "classifiers": Example(
        "NaiveBayes", "a classifier that counts which words go with which labels"
    ),
}


def find_example(kind: str) -> Example:
    """Return the part that a new plugin of a kind begins with.

    Raises:
        ValueError: There's no such kind.
    """
    if kind not in _EXAMPLES:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{kind!r} isn't a kind of part: choose from {', '.join(KINDS)}{meant}")
    return _EXAMPLES[kind]
