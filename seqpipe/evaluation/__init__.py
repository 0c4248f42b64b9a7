"""Scores of a pipeline's predictions and of embeddings, as data."""

from seqpipe.evaluation._fitted import EmbeddingScore as EmbeddingScore
from seqpipe.evaluation._fitted import Fitted as Fitted
from seqpipe.evaluation._fitted import Sequences as Sequences
from seqpipe.tasks.text_classes import ClassificationScores as ClassificationScores
from seqpipe.tasks.text_classes import ClassScore as ClassScore
from seqpipe.tasks.text_classes import RankScore as RankScore
from seqpipe.tasks.text_classes import score_classes as score_classes
from seqpipe.tasks.text_classes import score_ranking as score_ranking

__all__ = [
    "ClassScore",
    "ClassificationScores",
    "EmbeddingScore",
    "Fitted",
    "RankScore",
    "Sequences",
    "score_classes",
    "score_ranking",
]
