"""The scores of the benchmark of words: those of seqpipe's own evaluation, and so of seqeval's."""

import random
import sys
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from word_sets import WORD_SETS
from words_scores import Predicted, entity_f, pearson, scores, tag_accuracy

from seqpipe.parts.chunks import Chunk
from seqpipe.parts.readers import Row
from seqpipe.tasks.words import Entities


def made_up_chunks(draw, words=12):
    """Return some chunks that don't overlap."""
    chunks, at = [], 0
    while at < words:
        end = min(words, at + draw.randint(1, 3))
        if draw.random() < 0.5:
            chunks.append(Chunk(at, end, draw.choice(("PER", "LOC"))))
        at = end
    return chunks


def as_doc(nlp, chunks, words=12):
    doc = Doc(nlp.vocab, words=["word"] * words)
    doc.set_ents([Span(doc, *chunk) for chunk in chunks], default="outside")
    return doc


def test_entities_are_scored_as_seqpipe_does():
    draw, nlp = random.Random(0), spacy.blank("en")
    truths = [made_up_chunks(draw) for _ in range(50)]
    # Some as they are, some with an entity less, some others.
    mine = [
        (true, true[1:], made_up_chunks(draw))[number % 3] for number, true in enumerate(truths)
    ]
    examples = [
        Example(as_doc(nlp, found), as_doc(nlp, true))
        for found, true in zip(mine, truths, strict=True)
    ]
    found = entity_f(mine, truths)
    assert 0.3 < found < 0.9
    assert found == pytest.approx(Entities().score(examples)["f"])


def test_f_of_entities_by_hand():
    # seqeval's own example: one of two entities is right in its place and its label.
    truths = [[Chunk(3, 6, "MISC")], [Chunk(0, 2, "PER")]]
    assert entity_f([[Chunk(2, 6, "MISC")], [Chunk(0, 2, "PER")]], truths) == 0.5
    assert entity_f([[Chunk(3, 6, "LOC")], [Chunk(0, 2, "PER")]], truths) == 0.5
    assert entity_f([[], []], truths) == 0.0


def test_words_whose_tag_is_unknown_do_not_count():
    assert tag_accuracy([["A", "B", "B"]], [["A", None, "A"]]) == 0.5


def test_pearson_of_a_constant_is_zero():
    assert pearson([1.0, 1.0], [1.0, 2.0]) == 0.0
    assert pearson([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]) == pytest.approx(1.0)


def test_slots_and_intents_are_scored_both():
    tags = {"entities": ("O", "S-city")}
    rows = [Row("to oslo", (label,), "", words=("to", "oslo"), tags=tags) for label in "ab"]
    predicted = [Predicted(chunks=[Chunk(1, 2, "city")], label="a"), Predicted(label="a")]
    assert scores(WORD_SETS["atis"], predicted, rows) == [pytest.approx(2 / 3), 0.5]
