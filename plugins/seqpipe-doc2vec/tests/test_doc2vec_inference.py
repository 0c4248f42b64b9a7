"""Vectors of new documents."""

import importlib.metadata
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from gensim.models import doc2vec as library
from seqpipe.errors import EmbedderError

from seqpipe_doc2vec import _inference

SCRIPT = """
import sys
from pathlib import Path
from seqpipe_doc2vec import _bag, _memory
kind = getattr(_bag, sys.argv[2], None) or getattr(_memory, sys.argv[2])
embedder = kind(width=12)
embedder.from_disk(Path(sys.argv[1]))
print(embedder.embed_document(["rose", "unknown", "song"]).tobytes().hex())
"""


def test_vectors_are_those_that_gensim_infers(fitted_by_gensim, documents, monkeypatch):
    fitted = fitted_by_gensim
    words = documents[0]
    mine = fitted.embed_document(words)
    model = fitted._inference._model
    rows = [fitted._inference._rows[word] for word in words]
    draw = np.random.RandomState(_inference._seed(rows))
    start = ((draw.random_sample(12) - 0.5) / 12).astype(np.float32)
    monkeypatch.setattr(library, "pseudorandom_weak_vector", lambda *args, **kwargs: start)
    model.random = draw
    assert np.allclose(model.infer_vector(rows, epochs=20), mine, rtol=1e-5, atol=1e-7)


def test_another_process_infers_the_same(fitted, tmp_path):
    fitted.to_disk(tmp_path)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), type(fitted).__name__]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert told.strip() == fitted.embed_document(["rose", "unknown", "song"]).tobytes().hex()


def test_threads_infer_the_same(fitted, documents):
    alone = [fitted.embed_document(words) for words in documents]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(fitted.embed_document, documents))
    assert np.array_equal(alone, together)


def test_pickled_embedder_infers_the_same(fitted):
    vector = fitted.embed_document(["rose", "song"])
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.embed_document(["rose", "song"]), vector)
    assert np.array_equal(again.embed(["rose"]), fitted.embed(["rose"]))


def test_words_need_no_library(fitted, tmp_path):
    fitted.to_disk(tmp_path)
    told = "print(sorted({'gensim', 'torch'} & set(sys.modules)))"
    code = f"{SCRIPT.partition('print')[0]}embedder.embed(['rose'])\n{told}"
    command = [sys.executable, "-c", code, str(tmp_path), type(fitted).__name__]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"[]\n"


def test_missing_gensim_is_told_with_what_to_do(fitted_by_gensim, documents, monkeypatch, tmp_path):
    fitted_by_gensim.to_disk(tmp_path)
    unused = type(fitted_by_gensim)(width=12, window=1, epochs=40, min_count=1, subsample=1.0)
    unused.from_disk(tmp_path)
    for version, told in (("4.5.0", "is 4.5.0, not 4.4.x"), ("", "isn't installed")):
        monkeypatch.setattr(importlib.metadata, "version", _installed(version))
        assert unused.embed(["rose"]).any()
        with pytest.raises(EmbedderError, match=rf"{told}.*seqpipe-doc2vec\[gensim\].*infers"):
            unused.embed_document(documents[0])
        with pytest.raises(EmbedderError, match=rf"{told}.*seqpipe-doc2vec\[gensim\].*version 2"):
            unused.fit(documents)


def _installed(version):
    def find(name):
        if not version:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    return find
