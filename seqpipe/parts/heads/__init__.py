"""Heads: contextual vectors to scores for a task."""

from seqpipe.parts.heads._contract import TEXT_CLASSES as TEXT_CLASSES
from seqpipe.parts.heads._contract import Head as Head
from seqpipe.parts.heads._contract import HeadFactory as HeadFactory
from seqpipe.parts.heads._contract import has_loss as has_loss
from seqpipe.parts.heads._contract import loss_gradient as loss_gradient
from seqpipe.parts.heads._contract import sample_scores as sample_scores
from seqpipe.parts.heads._ordinal import OrdinalClassifier as OrdinalClassifier
from seqpipe.parts.heads._pairs import PairClassifier as PairClassifier
from seqpipe.parts.heads._pairs import PairRegressor as PairRegressor
from seqpipe.parts.heads._pooled import Attention as Attention
from seqpipe.parts.heads._regressor import Regressor as Regressor
from seqpipe.parts.heads._text_classifier import TextClassifier as TextClassifier
from seqpipe.parts.heads._text_classifier import TextClassifier2 as TextClassifier2
from seqpipe.parts.heads._token_classifier import Crf as Crf
from seqpipe.parts.heads._token_classifier import TokenClassifier as TokenClassifier

__all__ = [
    "TEXT_CLASSES",
    "Attention",
    "Crf",
    "Head",
    "HeadFactory",
    "OrdinalClassifier",
    "PairClassifier",
    "PairRegressor",
    "Regressor",
    "TextClassifier",
    "TextClassifier2",
    "TokenClassifier",
    "has_loss",
    "loss_gradient",
    "sample_scores",
]
