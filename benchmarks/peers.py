"""The peers that seqpipe is measured against, each used the way its own authors recommend.

Every peer gets the same training, development and test rows. The development rows are for stopping and
for picking settings only, as in seqpipe's own pipeline; none is trained on them.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import fasttext
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from spacy_textcat import TextCat, best_labels
from threadpoolctl import threadpool_limits

from seqpipe.parts.readers import Row

Splits = dict[str, list[Row]]


class Outcome(NamedTuple):
    """The share of right answers on the test rows, and what else is worth knowing of a run."""

    accuracy: float
    notes: dict[str, Any]


Peer = Callable[[Splits, int], Outcome]


def accuracy(predicted: Sequence[str], rows: Sequence[Row]) -> float:
    """Return the share of rows whose label was predicted."""
    right = sum(label == row.labels[0] for label, row in zip(predicted, rows, strict=True))
    return right / len(rows)


def _texts(rows: Iterable[Row]) -> list[str]:
    return [row.text for row in rows]


def _labels(rows: Iterable[Row]) -> list[str]:
    return [row.labels[0] for row in rows]


# TF-IDF and logistic regression. The vectorizer's settings are those of scikit-learn's example
# "Classification of text documents using sparse features"; that takes C = 5, here it's picked.
_STRENGTHS: Final = (1.0, 5.0, 25.0)


def tfidf(splits: Splits, seed: int) -> Outcome:
    """Run TF-IDF and logistic regression; the strength of regularisation is picked on dev."""
    # On matrices this small, BLAS on several threads took thirty times as long beside other work.
    with threadpool_limits(limits=1):
        return _run_tfidf(splits, seed)


def _run_tfidf(splits: Splits, seed: int) -> Outcome:
    vectorizer = TfidfVectorizer(sublinear_tf=True, max_df=0.5, min_df=5, stop_words="english")
    features = vectorizer.fit_transform(_texts(splits["train"]))
    dev, test = (vectorizer.transform(_texts(splits[part])) for part in ("dev", "test"))

    def fit(strength: float) -> tuple[float, float, Any]:
        model = LogisticRegression(C=strength, max_iter=1000, random_state=seed)
        model.fit(features, _labels(splits["train"]))
        # Of equals on dev, the one more regularised.
        return accuracy(model.predict(dev), splits["dev"]), -strength, model

    dev_accuracy, strength, best = max((fit(c) for c in _STRENGTHS), key=lambda each: each[:2])
    notes = {"C": -strength, "dev": dev_accuracy}
    return Outcome(accuracy(best.predict(test), splits["test"]), notes)


# fastText. The normalisation, 25 epochs, learning rates up to 1, and bigrams in 200,000 buckets are
# those of its own tutorial, "Text classification".
_PUNCTUATION: Final = re.compile(r"([.!?,'/()])")
_RATES: Final = (0.5, 1.0)


def fasttext_default(splits: Splits, seed: int) -> Outcome:
    """Run fastText's supervised classifier with its own defaults."""
    return _run_fasttext(splits, seed, [{}])


def fasttext_tuned(splits: Splits, seed: int) -> Outcome:
    """Run it with bigrams and more epochs; the learning rate is picked on dev."""
    common = {"epoch": 25, "wordNgrams": 2, "bucket": 200_000}
    return _run_fasttext(splits, seed, [{**common, "lr": rate} for rate in _RATES])


def _run_fasttext(splits: Splits, seed: int, candidates: Sequence[dict[str, Any]]) -> Outcome:
    lines = {part: [_normalise(row.text) for row in rows] for part, rows in splits.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.txt")
        labels = _labels(splits["train"])
        marked = (
            f"__label__{label} {line}\n" for label, line in zip(labels, lines["train"], strict=True)
        )
        path.write_text("".join(marked), encoding="utf-8")

        def fit(number: int) -> tuple[float, int, Any]:
            settings = {"seed": seed, "thread": os.cpu_count(), "verbose": 0, **candidates[number]}
            model = fasttext.train_supervised(str(path), **settings)
            return accuracy(_ask_fasttext(model, lines["dev"]), splits["dev"]), -number, model

        fitted = (fit(number) for number in range(len(candidates)))
        dev_accuracy, number, best = max(fitted, key=lambda each: each[:2])
    notes = {**candidates[-number], "dev": dev_accuracy}
    return Outcome(accuracy(_ask_fasttext(best, lines["test"]), splits["test"]), notes)


def _normalise(text: str) -> str:
    return " ".join(_PUNCTUATION.sub(r" \1 ", text.lower()).split())


def _ask_fasttext(model: Any, lines: list[str]) -> list[str]:
    labels, _ = model.predict(lines)
    return [label.removeprefix("__label__") for (label,) in labels]


# spaCy.


def spacy_bow(splits: Splits, seed: int) -> Outcome:
    """Run what the quickstart writes for "efficiency": TextCatBOW.v3, exclusive classes."""
    return _run_spacy(splits, seed, ensemble=False)


def spacy_ensemble(splits: Splits, seed: int) -> Outcome:
    """Run the default model of spaCy's `textcat`: TextCatEnsemble.v2 on its own Tok2Vec.v2."""
    return _run_spacy(splits, seed, ensemble=True)


def _run_spacy(splits: Splits, seed: int, *, ensemble: bool) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        textcat = TextCat("en", exclusive=True, ensemble=ensemble)
        nlp, notes = textcat.train(splits, Path(folder), seed)
    return Outcome(accuracy(best_labels(nlp, _texts(splits["test"])), splits["test"]), notes)
