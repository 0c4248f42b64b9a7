"""spaCy's own components on our encoder, each beside itself on spaCy's tok2vec: same data, same vectors, as many passes."""

import gzip
import random

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import minibatch
from spacy.vectors import Vectors
from thinc.api import Adam, fix_random_seed

from seqpipe.adapters import make_adamw
from seqpipe.parts.embedders import Pretrained

pytestmark = [pytest.mark.data, pytest.mark.slow]

TRAIN, TEST, PASSES = 1200, 400, 8
GLOVE = "glove_6b_50d_top50k/glove.6B.50d.top50k.txt.gz"
#: spaCy's settings for its efficient pipelines, with vectors.
THEIRS = {
    "@architectures": "spacy.Tok2Vec.v2",
    "embed": {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 96,
        "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
        "rows": [5000, 1000, 2500, 2500],
        "include_static_vectors": True,
    },
    "encode": {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 96,
        "depth": 4,
        "window_size": 1,
        "maxout_pieces": 3,
    },
}
#: An LSTM over convolutions, as an LSTM alone learns too slowly in so few steps.
OURS = {
    "@architectures": "seqpipe.Encoder.v1",
    "trained_width": 32,
    "trained_features": ["norm", "prefix", "suffix", "shape"],
    "encoder": {
        "@seqpipe_encoders": "seqpipe.Stacked.v1",
        "width": 96,
        "shortcut": "residual",
        "layers": {
            "1": {
                "@seqpipe_encoders": "seqpipe.Convolutional.v1",
                "width": 96,
                "depth": 2,
                "window": 1,
                "dropout": 0.1,
            },
            "2": {
                "@seqpipe_encoders": "seqpipe.Recurrent.v1",
                "width": 96,
                "dropout": 0.1,
                "cell": {"@seqpipe_cells": "seqpipe.LSTM.v1"},
            },
        },
    },
}


def sentences(path):
    """Yield the words, parts of speech, features, heads and relations of each sentence of CoNLL-U."""
    rows = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in [*file, "\n"]:
            cells = line.rstrip("\n").split("\t")
            if len(cells) == 10 and cells[0].isdecimal():
                rows.append(cells)
            elif not line.strip() and rows:
                yield rows
                rows = []


def treebank(nlp, path, most):
    examples = []
    for rows, _ in zip(sentences(path), range(most), strict=False):
        doc = Doc(
            nlp.vocab,
            words=[row[1] for row in rows],
            tags=[row[4] for row in rows],
            pos=[row[3] for row in rows],
            morphs=["" if row[5] == "_" else row[5] for row in rows],
            heads=[max(0, int(row[6]) - 1) if row[6] != "0" else i for i, row in enumerate(rows)],
            deps=["ROOT" if row[6] == "0" else row[7] for row in rows],
        )
        examples.append(Example(Doc(nlp.vocab, words=[row[1] for row in rows]), doc))
    return examples


def entities(nlp, path):
    """Return sentences with entities, as `doc.ents` and in `doc.spans`."""
    examples = []
    for block in path.read_text("utf-8").split("\n\n"):
        pairs = [line.split(" ") for line in block.splitlines() if line.strip()]
        if not pairs:
            continue
        words, tags = zip(*pairs, strict=True)
        doc = Doc(nlp.vocab, words=words)
        spans, start = [], None
        for place, tag in enumerate([*tags, "O"]):
            if start is not None and tag != tags[start]:
                spans.append(Span(doc, start, place, tags[start][2:]))
                start = None
            if start is None and tag != "O":
                start = place
        doc.set_ents(spans, default="outside")
        doc.spans["sc"] = spans
        examples.append(Example(Doc(nlp.vocab, words=words), doc))
    random.Random(0).shuffle(examples)
    return examples


def questions(nlp, path, most):
    lines = path.read_text("utf-8").splitlines()
    random.Random(0).shuffle(lines)
    labels = sorted({line.split(" ")[0] for line in lines})
    examples = []
    for line in lines[:most]:
        label, _, text = line.partition(" ")
        doc = nlp.make_doc(text)
        doc.cats = {each: float(each == label) for each in labels}
        examples.append(Example(nlp.make_doc(text), doc))
    return examples


def read(component, nlp, data):
    """Return what a component is trained on, and what it's tested on."""
    if component in ("tagger", "morphologizer", "parser"):
        paths = (data(f"ud_en_ewt/en_ewt-ud-{part}.conllu.gz") for part in ("train", "test"))
        return [treebank(nlp, *each) for each in zip(paths, (TRAIN, TEST), strict=True)]
    if component in ("ner", "spancat"):
        found = entities(nlp, data("ner_wikigold/wikigold.conll.txt"))
        return found[:TRAIN], found[TRAIN : TRAIN + TEST]
    paths = (data(f"trec/TREC.{part}") for part in ("train.all", "test.all"))
    return [questions(nlp, *each) for each in zip(paths, (TRAIN, TEST), strict=True)]


def with_vectors(nlp, glove, examples):
    """Give a pipeline the same table of vectors whoever's encoder reads it."""
    words = sorted({token.text for each in examples for eg in each for token in eg.reference})
    rows = glove.embed([word.lower() for word in words])
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=rows, keys=words)


SCORES = {
    "tagger": "tag_acc",
    "morphologizer": "morph_acc",
    "parser": "dep_las",
    "ner": "ents_f",
    "spancat": "spans_sc_f",
    "textcat": "cats_micro_f",
}


def configured(nlp, component, tok2vec):
    """Return spaCy's default configuration of a component, on another tok2vec."""
    model = nlp.get_factory_meta(component).default_config["model"]
    config = {"model": {**model, "tok2vec": tok2vec}}
    if component == "textcat":
        head = {
            "@architectures": "spacy.TextCatReduce.v1",
            "exclusive_classes": True,
            "use_reduce_mean": True,
            "use_reduce_max": True,
            "use_reduce_first": False,
            "use_reduce_last": False,
        }
        config = {"model": {**head, "tok2vec": tok2vec}}
    if component == "spancat":
        config["suggester"] = {"@misc": "spacy.ngram_suggester.v1", "sizes": [1, 2, 3, 4]}
    return config


def train_and_score(component, tok2vec, optimizer, glove, data):
    fix_random_seed(0)
    nlp = spacy.blank("en")
    train, test = read(component, nlp, data)
    with_vectors(nlp, glove, (train, test))
    nlp.add_pipe(component, config=configured(nlp, component, tok2vec))
    nlp.initialize(lambda: train, sgd=optimizer)
    draw = random.Random(0)
    for _ in range(PASSES):
        draw.shuffle(train)
        for batch in minibatch(train, 32):
            nlp.update(batch, drop=0.1, sgd=optimizer)
    return nlp.evaluate(test)[SCORES[component]]


@pytest.mark.parametrize("component", SCORES)
def test_component_of_spacy_is_as_good_on_our_encoder(component, data):
    glove = Pretrained(path=str(data(GLOVE)), lower=True)
    glove.fit([])
    theirs = train_and_score(component, THEIRS, Adam(0.001), glove, data)
    ours = train_and_score(component, OURS, make_adamw(), glove, data)
    print(f"{component}: {ours:.4f} on our encoder, {theirs:.4f} on spaCy's")
    assert ours > theirs - 0.01
