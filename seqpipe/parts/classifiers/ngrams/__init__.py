"""A linear model of word and character n-grams."""

from seqpipe.parts.classifiers.ngrams._classifier import NGramClassifier as NGramClassifier

__all__ = ["NGramClassifier"]
