"""A remedy for relatedness: vectors of another embedder, moved by lists of synonyms and antonyms."""

from seqpipe.parts.embedders.retrofit._counterfit import CounterFitted as CounterFitted
from seqpipe.parts.embedders.retrofit._retrofit import Retrofitted as Retrofitted

__all__ = ["CounterFitted", "Retrofitted"]
