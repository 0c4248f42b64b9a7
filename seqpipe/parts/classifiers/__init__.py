"""Classifiers: words to labels, by whole models that train by themselves."""

from seqpipe.parts._fit_progress import FitProgress as FitProgress
from seqpipe.parts._fit_progress import OnProgress as OnProgress
from seqpipe.parts.classifiers._contract import Classifier as Classifier
from seqpipe.parts.classifiers._contract import LabelledWords as LabelledWords
from seqpipe.parts.classifiers.fasttext import FastTextClassifier as FastTextClassifier

__all__ = ["Classifier", "FastTextClassifier", "FitProgress", "LabelledWords", "OnProgress"]
