"""Small pipelines with vectors, saved."""

import numpy as np
import spacy
import torch
from spacy.training import Example
from spacy.vectors import Vectors

#: Two kinds of words, items with blanks in their names, and words for analogies.
ANGLES = {
    "river": 0,
    "stream": 8,
    "water": 20,
    "bank": 45,
    "money": 80,
    "account": 88,
    "whole milk": 130,
    "rolls/buns": 140,
    "butter": 155,
}
PLANE = {word: [np.cos(np.radians(a)), np.sin(np.radians(a)), 0] for word, a in ANGLES.items()}
ROYAL = {"man": [0, 0, 1], "woman": [0, 0.5, 1], "king": [-1, 0, 1], "queen": [-1, 0.5, 1]}

SENTENCES = """She has an account at the bank of money.
He sat by the river bank in the water. A stream is a small river!

The bank gave him money. Bank is a word.
"""


def table_pipeline():
    """Return a pipeline with a table of spaCy's."""
    nlp = spacy.blank("en")
    vectors = {**PLANE, **ROYAL}
    for word in vectors:
        nlp.vocab.strings.add(word)
    rows = np.array([*vectors.values()], dtype="float32")
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=rows, keys=[*vectors], name="plane")
    return nlp


def encoder_pipeline():
    """Return the same pipeline with an encoder that hasn't learnt anything."""
    torch.manual_seed(0)
    nlp = table_pipeline()
    encoder = {
        "@seqpipe_encoders": "seqpipe.Recurrent.v1",
        "width": 16,
        "cell": {"@seqpipe_cells": "seqpipe.LSTM.v1"},
    }
    model = {"@architectures": "seqpipe.Encoder.v1", "trained_width": 4, "encoder": encoder}
    tok2vec = nlp.add_pipe("tok2vec", config={"model": model})
    tok2vec.initialize(lambda: [Example.from_dict(nlp.make_doc("river"), {})], nlp=nlp)
    return nlp


def save(nlp, folder):
    """Save a pipeline, and return where as text."""
    nlp.to_disk(folder)
    return str(folder)
