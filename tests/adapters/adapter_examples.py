"""Small worlds that tests of the adapters share."""

import json
import zlib

import numpy as np
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vectors import Vectors

from seqpipe.parts.embedders import Embedder
from seqpipe.parts.encoders import Encoder

POSITIVE = ["good", "fine", "nice", "great"]
NEGATIVE = ["bad", "awful", "poor", "sad"]
WORDS = [*POSITIVE, *NEGATIVE, "the", "film", "was"]


class Same(Encoder):
    """Gives back what it's given."""

    def __init__(self, input_width, *, width=1):
        super().__init__()
        self.width = input_width

    def forward(self, inputs, lengths):
        return inputs * 1.0


class Letters(Embedder):
    """Gives each word a vector drawn from its letters, once it has been fitted on anything."""

    def __init__(self, width=4):
        self.width = width
        self.words = []
        self.seeds = []

    @property
    def vocabulary(self):
        return self.words

    def fit(self, sequences, *, seed=0, on_progress=None):
        self.words = sorted({word for sequence in sequences for word in sequence})
        self.seeds.append(seed)
        if on_progress:
            on_progress("fitted")

    def embed(self, words):
        draws = [np.random.default_rng(zlib.crc32(word.encode())) for word in words]
        rows = [draw.normal(size=self.width).astype("float32") for draw in draws]
        return np.array(rows, dtype="float32").reshape(len(rows), self.width)

    def to_disk(self, path):
        (path / "deep").mkdir(exist_ok=True)
        (path / "deep" / "words.json").write_text(json.dumps(self.words), encoding="utf-8")

    def from_disk(self, path):
        self.words = json.loads((path / "deep" / "words.json").read_text(encoding="utf-8"))


def vectors_nlp(width=6):
    """Return a blank pipeline with a plain table of vectors for `WORDS`."""
    nlp = spacy.blank("xx")
    data = np.random.default_rng(0).normal(size=(len(WORDS), width)).astype("float32")
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=WORDS)
    return nlp


def docs_of(nlp, texts):
    return [Doc(nlp.vocab, words=text.split()) for text in texts]


def textcat_examples(nlp):
    texts = [(f"the film was {word}", "pos") for word in POSITIVE]
    texts += [(f"the film was {word}", "neg") for word in NEGATIVE]
    return [
        Example.from_dict(nlp.make_doc(text), {"cats": {k: float(k == label) for k in LABELS}})
        for text, label in texts
    ]


LABELS = ["neg", "pos"]


def encoder_config(**settings):
    return {"@architectures": "seqpipe.Encoder.v1", "trained_width": 16, **settings}


def update_until_learnt(nlp, examples, optimizer, is_learnt, *, most=60):
    for _ in range(most // 5):
        for _ in range(5):
            nlp.update(examples, sgd=optimizer)
        if is_learnt():
            return True
    return False
