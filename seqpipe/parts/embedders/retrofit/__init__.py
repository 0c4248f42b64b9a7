"""A remedy for relatedness: vectors of another embedder, moved by lists of synonyms and antonyms."""

from seqpipe.parts.embedders.retrofit._counterfitted import CounterFitted as CounterFitted
from seqpipe.parts.embedders.retrofit._retrofitted import Retrofitted as Retrofitted

__all__ = ["CounterFitted", "Retrofitted"]
