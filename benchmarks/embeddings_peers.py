"""The peers of the benchmark of embeddings. As a script: one training, in a process of its own."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cell_process import peak_memory
from numpy.typing import NDArray

from seqpipe.parts.embedders import Embedder, FastText2, Word2Vec2
from seqpipe.parts.fasttext import library_seed

#: Known words and their vectors.
Table = tuple[Sequence[str], NDArray[np.float32]]

#: The models, and what they are to each peer: n-grams of 3 to 6 characters, or none.
MODELS: dict[str, dict[str, int]] = {
    "word2vec": {"max_n": 0},
    "cbow": {"max_n": 0},
    "fasttext": {"min_n": 3, "max_n": 6},
}
_BOTH = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
#: The library's own size of the table of n-grams, for all.
BUCKETS = 2_000_000


class _Lines:
    """The sequences of a text file, read as they're needed."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __iter__(self) -> Iterator[list[str]]:
        with Path(self._path).open(encoding="utf-8") as file:
            for line in file:
                yield line.split()


def train_seqpipe(model: str, corpus: str, settings: dict[str, Any]) -> Table:
    """Train by seqpipe, from the lines of the file."""
    options = {key: value for key, value in settings.items() if key != "seed"}
    if model == "fasttext":
        # Its own default of the learning rate.
        del options["learning_rate"]
        options |= {**MODELS[model], "buckets": BUCKETS}
    if model == "cbow":
        options["architecture"] = "cbow"
    embedder: Embedder = FastText2(**options) if model == "fasttext" else Word2Vec2(**options)
    embedder.fit(_Lines(corpus), seed=settings["seed"])
    return embedder.vocabulary, embedder.embed(embedder.vocabulary)


def train_fasttext(model: str, corpus: str, settings: dict[str, Any]) -> Table:
    """Train by the fastText library's own function."""
    import fasttext_pybind as library  # type: ignore[import-not-found, unused-ignore]

    arguments = library.args()
    options = {
        "input": corpus,
        "model": library.model_name.cbow if model == "cbow" else library.model_name.skipgram,
        "loss": library.loss_name.ns,
        "dim": settings["width"],
        "ws": settings["window"],
        "neg": settings["negatives"],
        "minCount": settings["min_count"],
        "epoch": settings["epochs"],
        "t": settings["subsample"],
        "lr": settings["learning_rate"],
        "thread": settings["threads"],
        # What seqpipe gives the library: the same beginning, as seeds alone move scores by hundredths.
        "seed": library_seed(settings["seed"]),
        "minn": MODELS[model].get("min_n", 0),
        "maxn": MODELS[model]["max_n"],
        "bucket": BUCKETS if MODELS[model]["max_n"] else 0,
        "verbose": 0,
    }
    for name, value in options.items():
        setattr(arguments, name, value)
    trained = library.fasttext()
    library.train(trained, arguments)
    words = [word for word in trained.getVocab("strict")[0] if word != "</s>"]
    matrix = np.asarray(trained.getInputMatrix())
    # The vectors before the library normalises them.
    rows = [matrix[trained.getSubwords(word, "strict")[1]].mean(axis=0) for word in words]
    return words, np.array(rows, dtype=np.float32)


def train_gensim(model: str, corpus: str, settings: dict[str, Any]) -> Table:
    """Train by gensim, which reads the file itself."""
    import gensim.models  # type: ignore[import-not-found, import-untyped, unused-ignore]

    options = {
        "corpus_file": corpus,
        "vector_size": settings["width"],
        "window": settings["window"],
        "negative": settings["negatives"],
        "min_count": settings["min_count"],
        "epochs": settings["epochs"],
        "sample": settings["subsample"],
        "alpha": settings["learning_rate"],
        "workers": settings["threads"],
        "seed": settings["seed"] + 1,
        "sg": int(model != "cbow"),
    }
    if model == "fasttext":
        options |= {**MODELS[model], "bucket": BUCKETS}
        kind = gensim.models.FastText
    else:
        kind = gensim.models.Word2Vec
    vectors = kind(**options).wv
    return vectors.index_to_key, np.asarray(vectors.vectors, dtype=np.float32)


PEERS: dict[str, Callable[[str, str, dict[str, Any]], Table]] = {
    "fasttext": train_fasttext,
    "seqpipe": train_seqpipe,
    "gensim": train_gensim,
}


def main() -> None:
    job = json.loads(sys.argv[1])
    start, processor = time.perf_counter(), _processor_seconds()
    words, vectors = PEERS[job["peer"]](job["model"], job["corpus"], job["settings"])
    seconds, processor = time.perf_counter() - start, _processor_seconds() - processor
    Path("words.txt").write_text("\n".join(words), encoding="utf-8")
    np.save("vectors.npy", vectors)
    measured = {"seconds": seconds, "processor": processor, "memory": peak_memory()}
    print(json.dumps({**measured, "known": len(words)}))


def _processor_seconds() -> float:
    """Return the time that all threads of this process, and of those that it started, have computed."""
    used = [resource.getrusage(who) for who in _BOTH]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
