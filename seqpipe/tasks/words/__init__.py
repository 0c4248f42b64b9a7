"""The tasks whose truths stand at words: tags, and entities."""

from seqpipe.tasks.words._entities import Entities as Entities
from seqpipe.tasks.words._token_labels import TokenLabels as TokenLabels

__all__ = ["Entities", "TokenLabels"]
