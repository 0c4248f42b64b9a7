"""Measure how fast words are labelled: ``python benchmarks/word_speed.py``.

On sentences of the English treebank EWT below SEQPIPE_DATA, or made-up ones without it, with 17 parts of speech:

- a step of training with a CRF beside one with a softmax, on the same encoder, in turns;
- how long a CRF's decoding takes beside the encoder's forward pass;
- words per second of ``nlp.pipe``, given texts and given tokens, beside spaCy's tagger on its own tok2vec.
"""

import argparse
import functools
import gzip
import itertools
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import spacy
import torch
from machine import describe_machine
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from spacy.vectors import Vectors

from seqpipe.adapters import make_adamw
from seqpipe.kernels import Chain, forward_backward
from seqpipe.training import computing

ENCODER = {
    "@architectures": "seqpipe.Encoder.v1",
    "trained_width": 32,
    "trained_features": ["norm", "prefix", "suffix", "shape"],
    "encoder": {"@seqpipe_encoders": "seqpipe.Recurrent.v1", "width": 128, "residual": True},
}
#: spaCy's settings for its efficient pipelines.
THEIRS = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": True,
    "width": 96,
    "depth": 4,
    "embed_size": 2000,
    "window_size": 1,
    "maxout_pieces": 3,
    "subword_features": True,
}
Sentence = list[tuple[str, str]]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2, help="how many compute; 2")
    parser.add_argument("--sentences", type=int, default=2000, help="how many are read; 2,000")
    parser.add_argument("--repeats", type=int, default=7, help="how often each is measured; 7")
    options = parser.parse_args(arguments)
    print(describe_machine(), f"threads: {options.threads}")
    sentences = list(itertools.islice(read_sentences(), options.sentences))
    with computing(options.threads):
        compare_steps(sentences, options.repeats)
        compare_decoding(sentences, options.repeats)
        compare_pipes(sentences, options.repeats)


def read_sentences() -> Iterator[Sentence]:
    """Yield sentences as words with their parts of speech."""
    folder = os.environ.get("SEQPIPE_DATA")
    path = Path(folder or "", "ud_en_ewt", "en_ewt-ud-train.conllu.gz")
    if folder is None or not path.exists():
        draw = random.Random(0)
        while True:
            yield [(f"word{draw.randint(1, 5000)}", f"TAG{draw.randint(1, 17)}") for _ in range(16)]
    sentence: Sentence = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            cells = line.split("\t")
            if cells[0].isdecimal():
                sentence.append((cells[1], cells[3]))
            elif not line.strip() and sentence:
                yield sentence
                sentence = []


def pipeline(sentences: Sequence[Sentence], component: str, **config: Any) -> Language:
    """Return a pipeline with one component, initialised on sentences, whose words have vectors of width 50."""
    nlp = spacy.blank("en")
    words = sorted({word for sentence in sentences for word, _ in sentence})
    rows = np.random.default_rng(0).normal(size=(len(words), 50)).astype("float32")
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=rows, keys=words)
    nlp.add_pipe(component, name="labels", config=config)
    examples = examples_of(nlp, sentences)
    nlp.initialize(lambda: examples[:500], sgd=make_adamw())
    return nlp


def ours(head: str) -> dict[str, Any]:
    """Return the configuration of a component of seqpipe's."""
    return {
        "task": {"@seqpipe_tasks": "seqpipe.TokenLabels.v1"},
        "model": {
            "@architectures": "seqpipe.Head.v1",
            "tok2vec": ENCODER,
            "head": {"@seqpipe_heads": head},
        },
    }


def examples_of(nlp: Language, sentences: Sequence[Sentence]) -> list[Example]:
    examples = []
    for sentence in sentences:
        words, tags = zip(*sentence, strict=True)
        truth = Doc(nlp.vocab, words=words, tags=tags)
        examples.append(Example(Doc(nlp.vocab, words=words), truth))
    return examples


def compare_steps(sentences: Sequence[Sentence], repeats: int) -> None:
    """Print how long a step of training takes with a CRF, and with a softmax."""
    names = ("seqpipe.TokenClassifier.v1", "seqpipe.Crf.v1")
    pipelines = {name: pipeline(sentences, "seqpipe_task", **ours(name)) for name in names}
    optimizer = make_adamw()
    runs: dict[str, Callable[[], Any]] = {}
    for name, nlp in pipelines.items():
        batches = list(minibatch(examples_of(nlp, sentences[:640]), 32))

        def train(nlp: Language = nlp, batches: list[Any] = batches) -> None:
            for batch in batches:
                nlp.update(batch, sgd=optimizer)

        runs[name] = train
    softmax, crf = (each / 20 for each in in_turns(runs, repeats).values())
    print(f"a step of 32 sentences: softmax {softmax * 1e3:.1f} ms, CRF {crf * 1e3:.1f} ms")
    print(f"CRF / softmax: {crf / softmax:.2f}")


def compare_decoding(sentences: Sequence[Sentence], repeats: int) -> None:
    """Print how long a CRF's marginals take beside the encoder."""
    nlp = pipeline(sentences, "seqpipe_task", **ours("seqpipe.Crf.v1"))
    model = nlp.get_pipe("labels").model
    docs = [Doc(nlp.vocab, words=[word for word, _ in sentence]) for sentence in sentences[:640]]
    encoder, head = model.get_ref("tok2vec"), model.get_ref("output_layer").shims[0].module
    lengths = torch.tensor([len(doc) for doc in docs])
    logits = torch.randn(int(lengths.sum()), len(nlp.get_pipe("labels").labels))
    chain = Chain(*(each.detach() for each in head.chain))
    runs: dict[str, Callable[[], Any]] = {
        "encoder": functools.partial(encoder.predict, docs),
        "decoding": functools.partial(forward_backward, logits, lengths, chain),
    }
    times = in_turns(runs, repeats)
    print(", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in times.items()))
    print(f"decoding / encoder: {times['decoding'] / times['encoder']:.2f}")


def compare_pipes(sentences: Sequence[Sentence], repeats: int) -> None:
    """Print how many words a second each tagger labels."""
    tok2vec = {"@architectures": "spacy.Tagger.v2", "tok2vec": THEIRS}
    taggers = {
        "seqpipe": pipeline(sentences, "seqpipe_task", **ours("seqpipe.TokenClassifier.v1")),
        "spaCy": pipeline(sentences, "tagger", model=tok2vec),
    }
    texts = [" ".join(word for word, _ in sentence) for sentence in sentences]
    runs: dict[str, Callable[[], Any]] = {}
    for name, nlp in taggers.items():
        runs[f"{name}, from texts"] = functools.partial(label, nlp, texts)
        runs[f"{name}, from tokens"] = functools.partial(label_tokens, nlp, sentences)
    words = sum(map(len, sentences))
    for name, seconds in in_turns(runs, repeats).items():
        print(f"{name}: {words / seconds:,.0f} words/s")


def label(nlp: Language, texts: Sequence[str]) -> None:
    for _ in nlp.pipe(texts):
        pass


def label_tokens(nlp: Language, sentences: Sequence[Sentence]) -> None:
    docs = [Doc(nlp.vocab, words=[word for word, _ in sentence]) for sentence in sentences]
    for _ in nlp.pipe(docs):
        pass


def in_turns(runs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Return the median of each run's seconds; they're run in turns, once before that counts."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: median(each[1:]) for name, each in seconds.items()}


if __name__ == "__main__":
    main()
