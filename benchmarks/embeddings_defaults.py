"""Measures what word vectors are worth with few texts and with many, by the settings that "auto" chooses.

Corpora of several sizes are taken from labelled texts and from Wikipedia. Vectors of labelled texts are scored by
whether the texts that are nearest are of the same class, those of Wikipedia by similarity of words. See
benchmarks/README.md.
"""

import argparse
import functools
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from embeddings_corpus import write_corpus
from machine import describe_machine
from text_sets import available

from seqpipe.evaluation import Fitted
from seqpipe.evaluation.embeddings import WordSimilarity, score_retrieval
from seqpipe.parts.embedders import Embedder, FastText2, Word2Vec2
from seqpipe.parts.tokenizers import Regex

#: From which sets of texts, and of how many words. The first are chosen by, the others only reported.
TEXTS: Final = {
    "bbc-news": (20_000, 100_000, 700_000),
    "imdb": (20_000, 200_000, 2_000_000),
    "ag-news": (20_000, 100_000, 250_000),
}
WIKIPEDIA: Final = (200_000, 1_000_000, 4_000_000, 16_000_000)
SIMILARITY: Final = ("EN-WS-353-ALL.txt", "EN-MEN-TR-3k.txt", "EN-SIMLEX-999.txt")
MODELS: Final[dict[str, Callable[..., Word2Vec2 | FastText2]]] = {
    "skip-gram": Word2Vec2,
    "cbow": functools.partial(Word2Vec2, architecture="cbow"),
    "fasttext": FastText2,
}
#: So many texts of a set search, so that sets of all sizes cost the same.
_SEARCHED: Final = 2_000


def main() -> None:
    options = _options()
    corpora = list(_corpora(options))
    grid = list(itertools.product(options.epochs, options.subsample, options.min_count))
    runs = []
    for corpus in corpora:
        for model in options.models:
            for epochs, subsample, min_count in grid:
                given = {"epochs": epochs, "subsample": subsample, "min_count": min_count}
                run = _run(options, corpus, model, given)
                runs.append(run)
                scores = "  ".join(f"{name} {value:.3f}" for name, value in run["scores"].items())
                chosen = " ".join(f"{name}={value:g}" for name, value in run["chosen"].items())
                print(
                    f"{corpus['name']:10} {corpus['words']:>10,}  {model:10} {chosen:40} {scores}  {run['seconds']:.1f} s",
                    flush=True,
                )
    if options.json:
        result = {"machine": describe_machine(), "runs": runs}
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    def number(text: str) -> float | int | str:
        return text if text == "auto" else float(text) if "." in text or "e" in text else int(text)

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=[*TEXTS, "wikipedia"])
    parser.add_argument("--models", nargs="+", default=["skip-gram"], choices=MODELS)
    parser.add_argument("--epochs", nargs="+", default=["auto"], type=number)
    parser.add_argument("--subsample", nargs="+", default=["auto"], type=number)
    parser.add_argument("--min-count", nargs="+", default=["auto"], type=number)
    parser.add_argument("--most", type=int, default=4_000_000, help="words of the largest corpus")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _corpora(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    tokenize = Regex()
    for name, parts in available([name for name in options.sets if name in TEXTS]):
        if not isinstance(parts, dict):
            sys.exit(f"{name}: {parts}")
        rows = [row for part in parts.values() for row in part]
        # In an order that's neither that of classes nor of parts.
        rows = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))]
        texts = [[word.lower() for word in tokenize(row.text)] for row in rows]
        labels = [row.labels[0] for row in rows]
        searched = (texts[:_SEARCHED], labels[:_SEARCHED])
        for words in TEXTS[name]:
            if words <= options.most:
                yield {
                    "name": name,
                    "words": words,
                    "texts": _first(texts, words),
                    "searched": searched,
                }
    if "wikipedia" in options.sets:
        for words in WIKIPEDIA:
            if words <= options.most:
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder, "text.txt")
                    write_corpus(path, words=words)
                    with path.open(encoding="utf-8") as lines:
                        yield {
                            "name": "wikipedia",
                            "words": words,
                            "texts": [line.split() for line in lines],
                        }


def _first(texts: Sequence[list[str]], words: int) -> list[list[str]]:
    """Return the first texts, of so many words or a few more."""
    count = 0
    for place, text in enumerate(texts, start=1):
        count += len(text)
        if count >= words:
            return list(texts[:place])
    return list(texts)


def _run(
    options: argparse.Namespace, corpus: dict[str, Any], model: str, given: dict[str, Any]
) -> dict[str, Any]:
    scores, seconds = [], []
    for seed in range(options.seeds):
        embedder = MODELS[model](threads=options.threads, **given)
        start = time.perf_counter()
        embedder.fit(corpus["texts"], seed=seed)
        seconds.append(time.perf_counter() - start)
        scores.append(_scores(embedder, corpus))
    return {
        "corpus": corpus["name"],
        "words": corpus["words"],
        "model": model,
        "chosen": {name: embedder.chosen.get(name, value) for name, value in given.items()},
        "seconds": statistics.median(seconds),
        "scores": {name: statistics.mean(each[name] for each in scores) for name in scores[0]},
        "by_seed": scores,
    }


def _scores(embedder: Embedder, corpus: dict[str, Any]) -> dict[str, float]:
    if "searched" not in corpus:
        fitted = Fitted(embedder)
        found = [
            next(iter(WordSimilarity(path=f"data:wordsim/{file}")(fitted).values()))
            for file in SIMILARITY
        ]
        return {
            file.split("-")[1]: each["spearman"]
            for file, each in zip(SIMILARITY, found, strict=True)
        }
    texts, labels = corpus["searched"]
    vectors = np.stack([embedder.embed(text).mean(axis=0) for text in texts])
    scores = score_retrieval(vectors, labels, count=10)
    return {name: float(value) for name, value in scores.items()}


if __name__ == "__main__":
    main()
