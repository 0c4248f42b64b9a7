"""fastText's supervised model: labels from the mean of the vectors of words and n-grams."""

from seqpipe.parts.classifiers.fasttext._classifier import FastTextClassifier as FastTextClassifier

__all__ = ["FastTextClassifier"]
