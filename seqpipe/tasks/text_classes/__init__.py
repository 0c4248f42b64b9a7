"""The task of texts in classes: one class each, or any number of them."""

from seqpipe.tasks.text_classes._task import ClassificationScores as ClassificationScores
from seqpipe.tasks.text_classes._task import ClassScore as ClassScore
from seqpipe.tasks.text_classes._task import RankScore as RankScore
from seqpipe.tasks.text_classes._task import TextClasses as TextClasses
from seqpipe.tasks.text_classes._task import calibration_error as calibration_error
from seqpipe.tasks.text_classes._task import no_class as no_class
from seqpipe.tasks.text_classes._task import score_classes as score_classes
from seqpipe.tasks.text_classes._task import score_ranking as score_ranking

__all__ = [
    "ClassScore",
    "ClassificationScores",
    "RankScore",
    "TextClasses",
    "calibration_error",
    "no_class",
    "score_classes",
    "score_ranking",
]
