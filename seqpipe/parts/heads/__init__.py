"""Heads: contextual vectors to scores for a task."""

from seqpipe.parts.heads._contract import TEXT_CLASSES as TEXT_CLASSES
from seqpipe.parts.heads._contract import Head as Head
from seqpipe.parts.heads._contract import HeadFactory as HeadFactory
from seqpipe.parts.heads._contract import has_loss as has_loss
from seqpipe.parts.heads._contract import loss_gradient as loss_gradient
from seqpipe.parts.heads._contract import sample_scores as sample_scores
from seqpipe.parts.heads._text_classifier import TextClassifier as TextClassifier
from seqpipe.parts.heads._text_classifier import TextClassifier2 as TextClassifier2

__all__ = [
    "TEXT_CLASSES",
    "Head",
    "HeadFactory",
    "TextClassifier",
    "TextClassifier2",
    "has_loss",
    "loss_gradient",
    "sample_scores",
]
