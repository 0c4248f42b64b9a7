"""Compare the n-gram classifier with the same models made of scikit-learn's parts, on ten sets.

    python benchmarks/ngrams.py --sets trec subj
    python benchmarks/ngrams.py --json figures.json

Both get the same tokens, and fit twice: TF-IDF with logistic regression, and NB-SVM with logistic regression in
the place of the SVM. They take turns, in one thread, and what's kept is the least processor time of each. Fits begin
with words and end with a model, predictions begin with words and end with scores; imports don't count.

Most sets are below the folder that the environment variable SEQPIPE_DATA names; those that can't be read are left out.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from accuracy_linear import log_count_ratios, separating, word_ngrams
from accuracy_systems import Words, label_names, texts_of
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from text_sets import SETS, TextSet
from threadpoolctl import threadpool_limits

from seqpipe.errors import DataError
from seqpipe.parts.classifiers import LabelledWords, NGramClassifier
from seqpipe.parts.readers import Row

Scores = NDArray[np.floating]
_MOST_WEIGHTS: Final = 12_000_000
#: Fits to rows and their words; returns what predicts scores from words.
Fit = Callable[[Sequence[Row], list[list[str]], list[str], bool], Callable[[list[list[str]]], Any]]

COST: Final = {"TF-IDF + LR": 10.0, "NB-SVM": 1.0}
OURS: Final[dict[str, dict[str, Any]]] = {
    "TF-IDF + LR": {"ratio_floor": None},
    "NB-SVM": {"loss": "one-vs-rest", "weighting": "binary", "ratio_floor": 0.0},
}


def fit_ours(model: str) -> Fit:
    """Return what fits the n-gram classifier, set up as one of the models."""

    def fit(rows: Sequence[Row], words: list[list[str]], labels: list[str], exclusive: bool) -> Any:
        settings = {**OURS[model], "cost": COST[model], "max_n": 0, "lower": False}
        settings["min_count"] = least_count(words, labels)
        classifier = NGramClassifier(exclusive=exclusive, text_ends=False, **settings)
        pairs = zip(words, rows, strict=True)
        classifier.fit([LabelledWords(each, row.labels) for each, row in pairs], labels=labels)
        return classifier.predict

    return fit


def least_count(words: list[list[str]], labels: list[str]) -> int:
    """Return in how many texts n-grams must occur for both: in one, unless the classifier would have too many weights.

    Its most are 12 million; on `cooking`, with 729 labels, rare n-grams are left out.
    """
    texts = CountVectorizer(**word_ngrams(), binary=True).fit_transform(words)
    frequencies = np.bincount(texts.indices)
    counts = range(1, int(frequencies.max()) + 1)
    return next(n for n in counts if (frequencies >= n).sum() * len(labels) <= _MOST_WEIGHTS)


def fit_tfidf(
    rows: Sequence[Row], words: list[list[str]], labels: list[str], exclusive: bool
) -> Any:
    """Fit TF-IDF and logistic regression, multinomial where a text has one label."""
    vectorizer = TfidfVectorizer(
        **word_ngrams(), sublinear_tf=True, dtype=np.float32, min_df=least_count(words, labels)
    )
    features = vectorizer.fit_transform(words)
    if exclusive:
        model = LogisticRegression(C=COST["TF-IDF + LR"], max_iter=1000)
        model.fit(features, [labels.index(row.labels[0]) for row in rows])
        return lambda texts: model.predict_proba(vectorizer.transform(texts))
    models = [_separate(features, truth, "TF-IDF + LR") for truth in _truths(rows, labels).T]
    return lambda texts: _positives(models, [vectorizer.transform(texts)] * len(models))


def fit_nb_svm(
    rows: Sequence[Row], words: list[list[str]], labels: list[str], exclusive: bool
) -> Any:
    """Fit logistic regression on n-grams that are multiplied by their log-count ratios, for each label by itself."""
    vectorizer = CountVectorizer(
        **word_ngrams(), binary=True, dtype=np.float64, min_df=least_count(words, labels)
    )
    binary = vectorizer.fit_transform(words)
    unit, truths = normalize(binary), _truths(rows, labels)
    ratios = [log_count_ratios(binary, truth) for truth in truths.T]
    models = [
        _separate(_scaled(unit, by), truth, "NB-SVM")
        for by, truth in zip(ratios, truths.T, strict=True)
    ]

    def predict(texts: list[list[str]]) -> Scores:
        asked = normalize(vectorizer.transform(texts))
        return _positives(models, [_scaled(asked, by) for by in ratios])

    return predict


def _separate(features: Any, truth: NDArray[np.bool_], model: str) -> Any:
    return separating(COST[model], iterations=1000).fit(features, truth)


def _positives(models: Sequence[Any], features: Sequence[Any]) -> Scores:
    pairs = zip(models, features, strict=True)
    return np.stack([model.predict_proba(each)[:, 1] for model, each in pairs], axis=1)


def _scaled(features: Any, by: NDArray[np.float64]) -> Any:
    scaled = features.copy()
    scaled.data *= by[scaled.indices]
    return scaled


def _truths(rows: Sequence[Row], labels: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([[label in row.labels for label in labels] for row in rows])


THEIRS: Final[dict[str, Fit]] = {"TF-IDF + LR": fit_tfidf, "NB-SVM": fit_nb_svm}


def measure(name: str, text_set: TextSet, repeats: int) -> list[dict[str, Any]]:
    """Return the figures of both models on a set."""
    parts = text_set.read()
    words_of = Words(text_set.lang)
    words = {part: list(words_of(texts_of(parts[part]))) for part in ("train", "test")}
    labels = label_names(parts["train"])
    found = []
    for model in THEIRS:
        row: dict[str, Any] = {"set": name, "model": model}
        for _ in range(repeats):
            for who, fit in (("seqpipe", fit_ours(model)), ("scikit-learn", THEIRS[model])):
                start = time.process_time()
                predict = fit(parts["train"], words["train"], labels, text_set.exclusive)
                fitted = time.process_time()
                scores = predict(words["test"])
                end = time.process_time()
                best = zip(scores.argmax(1).tolist(), parts["test"], strict=True)
                row[f"{who} score"] = float(np.mean([labels[at] in r.labels for at, r in best]))
                for what, seconds in (("fit", fitted - start), ("predict", end - fitted)):
                    key = f"{who} {what}"
                    row[key] = min(seconds, row.get(key, seconds))
        found.append(row)
    return found


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return the figures as a table."""
    made = Table("set", "model", "seqpipe", "scikit-learn", "points", "fit, ×", "predict, ×")
    for row in rows:
        ours, theirs = row["seqpipe score"], row["scikit-learn score"]
        times = [row[f"seqpipe {w}"] / row[f"scikit-learn {w}"] for w in ("fit", "predict")]
        points = f"{100 * (ours - theirs):+.2f}"
        cells = [f"{ours:.4f}", f"{theirs:.4f}", points, *(f"{each:.2f}" for each in times)]
        made.add_row(row["set"], row["model"], *cells)
    return made


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [name for name in SETS if name != "imdb-full"]
    parser.add_argument("--sets", nargs="+", choices=names, default=names)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    console, rows = Console(), []
    for name in asked.sets:
        try:
            rows += measure(name, SETS[name], asked.repeats)
        except DataError as error:
            console.print(f"{name} is left out: {error}")
            continue
        console.print(table(rows[-len(THEIRS) :]))
        if asked.json:
            asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    console.print(table(rows))


if __name__ == "__main__":
    main()
