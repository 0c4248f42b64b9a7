"""Makes a tiny model of each kind, and writes down what each predicts.

The models in this folder were made by this script with seqpipe 0.1.0, at the commit before manifests took files
that they don't list. Later releases must load them, and predict the same; so don't make these anew: make those of a
later format in a folder beside them, named by the day: 2026-11-29 has those from before tasks had a component.

    python tests/saved_models/make_saved_models.py FOLDER
"""

import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vectors import Vectors

from seqpipe.run import run

CLASSES = {"sea": ["wave", "tide", "gull", "reef"], "wood": ["oak", "moss", "owl", "fern"]}
COMMON = ["the", "a", "of", "near"]
TEXTS = ["the gull near the reef", "an owl of Oak", "tidewater undermoss", "wave oak", "xyzzy"]

READER = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "texts.jsonl"
split = {"train": 0.7, "dev": 0.3}
"""
# spaCy's rules, which it saves with every pipeline, are larger than all else.
WHITESPACE = """
[tokenizer]
@seqpipe_tokenizers = "seqpipe.Whitespace.v1"
"""
DATA = READER + WHITESPACE
LINES = f"""
[data]
@readers = "seqpipe.Lines.v1"
path = "texts.txt"
{WHITESPACE}
"""
TRAINING = """
[training]
max_epochs = 2
eval_frequency = 4

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.05
"""
SMALL = "width = 4\nepochs = 2\nmin_count = 1\nsubsample = 1.0\n"
FASTTEXT = (
    f'@seqpipe_embedders = "seqpipe.FastText.v1"\n{SMALL}min_n = 3\nmax_n = 4\nbuckets = 50\n'
)
WORD2VEC = f'@seqpipe_embedders = "seqpipe.Word2Vec.v1"\n{SMALL}'


def encoder(cell, more=""):
    """Return the section of a small encoder, and that of its cell."""
    return (
        f'[encoder]\n@seqpipe_encoders = "seqpipe.Recurrent.v1"\nwidth = 4\n{more}\n'
        f'[encoder.cell]\n@seqpipe_cells = "seqpipe.{cell}.v1"\n'
    )


HEAD = '[head]\n@seqpipe_heads = "seqpipe.TextClassifier.v1"\n'

FILES = {
    "text-classifier": f"{READER}[embedder]\n{FASTTEXT}{encoder('LSTM')}{HEAD}{TRAINING}",
    "several-labels": f"{DATA}[embedder]\n{WORD2VEC}lower = true\nstandardize = true\n"
    f'{encoder("PeepholeLSTM")}{HEAD}exclusive = false\npool = "attention"\n{TRAINING}',
    "trained-and-tuned": f"{DATA}[embedder]\n{WORD2VEC}trained_width = 3\ntrained_rows = 20\n"
    f"tune = true\ntuned_words = 10\n{encoder('GRU')}{HEAD}{TRAINING}",
    "side-by-side": f"{DATA}[embedder]\n[embedder.general]\n{FASTTEXT}"
    f"[embedder.close]\n{WORD2VEC}tune = true\n{encoder('LayerNormLSTM')}{HEAD}{TRAINING}",
    "pretrained": f'{DATA}[embedder]\n@seqpipe_embedders = "seqpipe.Pretrained.v1"\n'
    f'path = "vectors.txt"\nlower = true\n{encoder("ResetBeforeGRU")}{HEAD}{TRAINING}',
    "embedding": f"{LINES}[embedder]\n{FASTTEXT}",
    "counter-fitted": f'{LINES}[embedder]\n@seqpipe_embedders = "seqpipe.CounterFitted.v1"\n'
    f'antonyms = "antonyms.txt"\nsynonyms = "synonyms.txt"\niterations = 2\n'
    f"[embedder.embedder]\n{WORD2VEC}",
    "retrofitted": f'{LINES}[embedder]\n@seqpipe_embedders = "seqpipe.Retrofitted.v1"\n'
    f'synonyms = "synonyms.txt"\niterations = 2\n[embedder.embedder]\n{WORD2VEC}',
    "fasttext-classifier": f"{DATA}[classifier]\n@seqpipe_classifiers = "
    '"seqpipe.FastTextClassifier.v1"\nwidth = 4\nword_ngrams = 2\nbuckets = 20\n',
}


def predictions(nlp):
    """Return what a pipeline says of each text, as plain data."""
    docs = list(nlp.pipe(TEXTS))
    said = {"cats": [doc.cats for doc in docs]}
    if nlp.vocab.vectors_length:
        said["vectors"] = [[token.vector.tolist() for token in doc] for doc in docs]
    if nlp.has_pipe("tagger"):
        said["tags"] = [scores.tolist() for scores in nlp.get_pipe("tagger").model.predict(docs)]
    return said


def write_inputs():
    """Write texts, lists of words and vectors into the current folder."""
    chance = random.Random(1)
    rows = []
    for number in range(24):
        label = list(CLASSES)[number % 2]
        text = " ".join(chance.sample(CLASSES[label], 2) + chance.choices(COMMON, k=3))
        rows.append({"text": text, "label": label})
    Path("texts.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    Path("texts.txt").write_text("\n".join(row["text"] for row in rows), encoding="utf-8")
    Path("antonyms.txt").write_text("wave oak\n", encoding="utf-8")
    Path("synonyms.txt").write_text("wave tide\nowl gull\n", encoding="utf-8")
    vectors = np.random.default_rng(0).normal(size=(8, 4)).round(3)
    words = [word for label in CLASSES.values() for word in label]
    lines = [" ".join([word, *map(str, row)]) for word, row in zip(words, vectors, strict=True)]
    Path("vectors.txt").write_text("\n".join(["8 4", *lines]) + "\n", encoding="utf-8")


def make_tagger():
    """Return a tagger of spaCy's over an encoder of ours, and a table of spaCy's vectors."""
    encoder = {
        "@architectures": "seqpipe.Encoder.v1",
        "trained_width": 3,
        "trained_rows": 20,
        "encoder": {
            "@seqpipe_encoders": "seqpipe.Recurrent.v1",
            "width": 4,
            "cell": {"@seqpipe_cells": "seqpipe.CoupledLSTM.v1"},
        },
    }
    tokenizer = {"@tokenizers": "seqpipe.Tokenizer.v1"}
    tokenizer["tokenizer"] = {"@seqpipe_tokenizers": "seqpipe.Whitespace.v1"}
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": tokenizer}})
    words = [word for label in CLASSES.values() for word in label]
    table = np.random.default_rng(0).normal(size=(len(words), 4)).astype("float32")
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=table, keys=words)
    nlp.add_pipe("tagger", config={"model": {"tok2vec": encoder}})
    docs = [Doc(nlp.vocab, words=text.split()) for text in TEXTS[:2]]
    tags = [{"tags": ["D", "N", "P", "D", "N"]}, {"tags": ["D", "N", "P", "N"]}]
    examples = [Example.from_dict(doc, tag) for doc, tag in zip(docs, tags, strict=True)]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(5):
        nlp.update(examples, sgd=optimizer)
    return nlp


def main(target):
    """Make all models in a folder."""
    target = Path(target).resolve()
    expected = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_inputs()
        for name, file in FILES.items():
            Path(f"{name}.cfg").write_text(file, encoding="utf-8")
            model = run(Path(f"{name}.cfg"), output=Path("out", name)).model
            shutil.copytree(model, target / name)
        make_tagger().to_disk(target / "tagger")
        # Where the inputs are gone, as they are where a model is used.
        os.chdir(target)
    for name in [*FILES, "tagger"]:
        expected[name] = predictions(spacy.load(target / name))
    text = json.dumps(expected, indent=1) + "\n"
    (target / "expected.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
