"""The linear peers: TF-IDF with logistic regression, and NB-SVM. Both on 1- and 2-grams of words."""

import pickle
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from accuracy_systems import Job, Trained, Words, label_names, share_right, texts_of
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from text_sets import Parts

from seqpipe.parts.readers import Row

#: C, the inverse of the strength of regularisation; picked on dev.
TFIDF_STRENGTHS: Final = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
#: Over a wider range: these features aren't normalised, so the best one depends on the length of texts.
NB_STRENGTHS: Final = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
_ITERATIONS: Final = 1000


@dataclass(frozen=True)
class _Linear:
    """Scores of shape (texts, labels): ``features @ weights + biases``."""

    labels: list[str]
    weights: NDArray[np.float32]
    biases: NDArray[np.float32]

    def predict(self, features: Any) -> list[str]:
        scores = np.asarray(features @ self.weights) + self.biases
        return [self.labels[best] for best in scores.argmax(axis=1)]


#: From features and the strength to a classifier.
_Fit = Callable[[Any, float], _Linear]


def fit_tfidf(job: Job, parts: Parts) -> Trained:
    """Fit TF-IDF, sublinear, and logistic regression: multinomial, or one-vs-rest for several labels per text."""
    labels = label_names(parts["train"])
    vectorizer = TfidfVectorizer(**word_ngrams(), sublinear_tf=True, dtype=np.float32)
    if job.exclusive:
        targets = [row.labels[0] for row in parts["train"]]

        def fit(features: Any, strength: float) -> _Linear:
            model = LogisticRegression(C=strength, max_iter=_ITERATIONS)
            return _from_multinomial(model.fit(features, targets))
    else:
        truths = _truths(parts["train"], labels)

        def fit(features: Any, strength: float) -> _Linear:
            ones = np.ones(features.shape[1])
            return _one_vs_rest(features, truths, strength, labels, lambda truth: ones)

    return _fit_strengths(job, parts, vectorizer, fit, TFIDF_STRENGTHS)


def fit_nb_svm(job: Job, parts: Parts) -> Trained:
    """Fit NB-SVM (Wang & Manning 2012), with logistic regression in the place of the SVM.

    For each label the features, each 1 if the n-gram is in the text, are multiplied by their log-count
    ratio: how much more frequent they are in the label's texts than in others, add-one smoothed. Then
    logistic regression separates the label's texts from the others. There's no interpolation with naive
    Bayes; regularisation, picked on dev, does nearly the same.
    """
    labels = label_names(parts["train"])
    truths = _truths(parts["train"], labels)
    vectorizer = CountVectorizer(**word_ngrams(), binary=True, dtype=np.float64)

    def fit(features: Any, strength: float) -> _Linear:
        return _one_vs_rest(
            features, truths, strength, labels, lambda truth: log_count_ratios(features, truth)
        )

    return _fit_strengths(job, parts, vectorizer, fit, NB_STRENGTHS)


def log_count_ratios(features: Any, truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return log((p / |p|) / (q / |q|)) for each feature, where p counts it in texts of a class and q in others.

    Args:
        features: Of shape (texts, features), sparse.
        truth: Which texts are of the class.
    """
    inside, outside = (
        1.0 + np.asarray(features[which].sum(axis=0)).ravel() for which in (truth, ~truth)
    )
    ratios: NDArray[np.float64] = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
    return ratios


def word_ngrams() -> dict[str, Any]:
    """Return what makes a vectorizer take words as they are."""
    return {
        "tokenizer": _as_it_is,
        "token_pattern": None,
        "lowercase": False,
        "ngram_range": (1, 2),
    }


def _as_it_is(words: list[str]) -> list[str]:
    return words


def _truths(rows: Sequence[Row], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Return which text has which label, of shape (texts, labels)."""
    return np.array([[label in row.labels for label in labels] for row in rows])


def _from_multinomial(model: Any) -> _Linear:
    weights, biases = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:
        weights, biases = np.hstack([-weights, weights]), np.hstack([-biases, biases])
    return _Linear(list(model.classes_), weights.astype(np.float32), biases.astype(np.float32))


def _one_vs_rest(
    features: Any,
    truths: NDArray[np.bool_],
    strength: float,
    labels: list[str],
    scale: Callable[[NDArray[np.bool_]], NDArray[np.float64]],
) -> _Linear:
    """Separate each label from all others, on features that are multiplied by what suits the label."""
    weights = np.empty((features.shape[1], len(labels)), dtype=np.float32)
    biases = np.empty(len(labels), dtype=np.float32)
    for column, truth in enumerate(truths.T):
        scales = scale(truth)
        # A copy each time: scikit-learn sorts the indices of what it's given.
        scaled = features.copy()
        scaled.data *= scales[scaled.indices]
        model = separating(strength, iterations=_ITERATIONS).fit(scaled, truth)
        weights[:, column] = scales * model.coef_[0]
        biases[column] = model.intercept_[0]
    return _Linear(labels, weights, biases)


def separating(strength: float, *, iterations: int) -> LogisticRegression:
    """Return what separates two classes.

    liblinear regularises the bias like a weight, which costs rare labels several points; scaled by 10, hardly.
    """
    settings: dict[str, Any] = {"solver": "liblinear", "intercept_scaling": 10.0}
    return LogisticRegression(C=strength, max_iter=iterations, **settings)


def _fit_strengths(
    job: Job, parts: Parts, vectorizer: Any, fit: _Fit, strengths: Sequence[float]
) -> Trained:
    words = Words(job.lang)
    features = vectorizer.fit_transform(words(texts_of(parts["train"])))
    dev = vectorizer.transform(words(texts_of(parts["dev"])))
    best: tuple[float, float, _Linear] | None = None
    scores = {}
    for strength in strengths:
        with warnings.catch_warnings():
            # At the weakest regularisation; dev decides whether it's good enough.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = fit(features, strength)
        scores[strength] = share_right(model.predict(dev), parts["dev"])
        # Of equals on dev, the one more regularised.
        if best is None or scores[strength] > best[0]:
            best = scores[strength], strength, model
    assert best is not None
    dev_score, strength, model = best

    def predict(texts: Sequence[str]) -> list[str]:
        return model.predict(vectorizer.transform(words(texts)))

    def save(folder: Path) -> None:
        with (folder / "model.pickle").open("wb") as file:
            pickle.dump((vectorizer, model), file)

    notes = {"C": strength, "dev": dev_score, "features": features.shape[1], "dev_by_C": scores}
    return Trained(predict, save, notes)
