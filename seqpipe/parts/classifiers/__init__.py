"""Classifiers: words to labels, by whole models that train by themselves."""

from seqpipe.parts.classifiers._contract import Classifier as Classifier
from seqpipe.parts.classifiers._contract import LabelledWords as LabelledWords
from seqpipe.parts.classifiers.fasttext import FastTextClassifier as FastTextClassifier
from seqpipe.parts.classifiers.ngrams import NGramClassifier as NGramClassifier
from seqpipe.workers._progress import FitProgress as FitProgress
from seqpipe.workers._progress import OnProgress as OnProgress

__all__ = [
    "Classifier",
    "FastTextClassifier",
    "FitProgress",
    "LabelledWords",
    "NGramClassifier",
    "OnProgress",
]
