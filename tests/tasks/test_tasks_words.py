"""Labels of words, and entities, as tasks."""

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import Row, Span
from seqpipe.tasks.words import Entities, TokenLabels

WORDS = ("Ada", "Byron", "saw", "Bath")


@pytest.fixture(scope="module")
def vocab():
    return spacy.blank("xx").vocab


@pytest.fixture
def doc(vocab):
    return Doc(vocab, words=WORDS, spaces=[True, True, True, False])


def tagged(**tags):
    return Row("Ada Byron saw Bath", (), "x:1", WORDS, (True, True, True, False), tags)


def marked(*spans):
    return Row("Ada Byron saw Bath", (), "x:1", spans=tuple(Span(*each) for each in spans))


def one_hot(numbers, labels):
    return np.eye(len(labels), dtype="float32")[numbers] * 0.8 + 0.01


# Labels of words.


@pytest.mark.parametrize(
    ("attribute", "tags", "read"),
    [
        ("tag", ("N1", None, "V", "N1"), lambda token: token.tag_),
        ("pos", ("PROPN", None, "VERB", "PROPN"), lambda token: token.pos_),
        (
            "morph",
            ("Number=Sing", None, "Tense=Past", "Number=Sing"),
            lambda token: str(token.morph),
        ),
        ("_.slot", ("B-x", None, "O", "B-x"), lambda token: token._.slot or ""),
    ],
)
def test_tags_become_attributes_of_tokens(doc, vocab, attribute, tags, read):
    task = TokenLabels(attribute=attribute)
    task.annotate(doc, tagged(mine=tags), [])
    assert [read(token) for token in doc] == [tag or "" for tag in tags]
    labels = task.labels([doc])
    assert labels == sorted({*tags} - {None})
    truths = task.truths([doc], labels).tolist()
    assert truths == [labels.index(tag) if tag else -1 for tag in tags]
    predicted = Doc(vocab, words=WORDS)
    task.set_predictions([predicted], one_hot([0, 1, 1, 0], labels), labels)
    assert [read(token) for token in predicted] == [labels[n] for n in (0, 1, 1, 0)]
    figures = task.score([Example(predicted, doc)])
    assert (
        figures["accuracy"]
        == np.mean(
            [labels[n] == t for n, t in zip((0, 1, 0), (tags[0], tags[2], tags[3]), strict=True)]
        )
        or figures["accuracy"] <= 1
    )


def test_words_whose_label_is_known_are_scored(doc, vocab):
    task = TokenLabels()
    task.annotate(doc, tagged(t=("A", "A", None, "B")), [])
    predicted = Doc(vocab, words=WORDS, tags=["A", "B", "C", "B"])
    figures = task.score([Example(predicted, doc)])
    assert figures["accuracy"] == pytest.approx(2 / 3)
    assert figures["labels"]["A"] == {
        "precision": 1.0,
        "recall": 0.5,
        "f": pytest.approx(2 / 3),
        "count": 2,
    }
    assert figures["labels"]["B"]["precision"] == 0.5


def test_unseen_label_is_unknown(doc):
    task = TokenLabels()
    task.annotate(doc, tagged(t=("A", "B", "A", "C")), [])
    assert task.truths([doc], ["A", "B"]).tolist() == [0, 1, 0, -1]


def test_name_of_the_tags_is_needed_where_there_are_several(doc):
    row = tagged(upos=("A",) * 4, xpos=("B",) * 4)
    with pytest.raises(DataError, match='x:1 has the tags "upos", "xpos": say by `tags`'):
        TokenLabels().annotate(doc, row, [])
    parts = {"train": [row, tagged(pos=("A",) * 4)]}
    with pytest.raises(
        DataError, match='the data has the tags "upos", "xpos", "pos": say by `tags`'
    ):
        TokenLabels().check(parts)
    with pytest.raises(DataError, match=r'no row has the tags "xps" .* did you mean "xpos"'):
        TokenLabels(tags="xps").check(parts)
    assert TokenLabels(tags="xpos").check(parts) == ()
    TokenLabels(tags="other").annotate(doc, row, [])
    assert doc[0].tag_ == ""
    TokenLabels(tags="xpos").annotate(doc, row, [])
    assert doc[0].tag_ == "B"


def test_tag_that_is_no_part_of_speech_is_told(doc):
    with pytest.raises(
        DataError, match=r'x:1: its word 2 has the tag "nn", which isn.t a part of speech'
    ):
        TokenLabels(attribute="pos").annotate(doc, tagged(t=("NOUN", "nn", "X", "X")), [])


def test_tag_that_is_no_features_is_told(doc):
    with pytest.raises(
        DataError, match=r'x:1: its word 1 has the tag "NOUN", which isn.t features'
    ):
        TokenLabels(attribute="morph").annotate(doc, tagged(t=("NOUN",) * 4), [])


def test_labels_that_are_no_chunks_are_told_before_the_training(doc):
    task = TokenLabels(scheme="BIO")
    task.annotate(doc, tagged(t=("B", "M", "E", "S")), [])
    with pytest.raises(DataError, match='has `scheme = "BIO"`, and not all labels are tags'):
        task.labels([doc])


def test_row_of_a_text_alone_is_told(doc):
    with pytest.raises(DataError, match="x:1 has no tags of words"):
        TokenLabels().annotate(doc, marked(), [])


def test_scheme_allows_only_what_can_be_read(vocab):
    labels = ["B-x", "I-x", "O"]
    scores = np.array([[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]], dtype="float32")
    docs = [Doc(vocab, words=["a", "b"])]
    TokenLabels(attribute="_.slot").set_predictions(docs, scores, labels)
    assert [token._.slot for token in docs[0]] == ["I-x", "I-x"]
    TokenLabels(attribute="_.slot", scheme="BIO").set_predictions(docs, scores, labels)
    # 0.3 · 0.3 for "O O" is more than 0.1 · 0.6 for "B-x I-x".
    assert [token._.slot for token in docs[0]] == ["O", "O"]


@pytest.mark.parametrize("settings", [{"attribute": "lemma"}, {"attribute": "_."}, {"scheme": "X"}])
def test_settings_of_labels_that_cannot_be_used_are_refused(settings):
    with pytest.raises(ConfigError, match=f"`{next(iter(settings))}`"):
        TokenLabels(**settings)


# Entities.


def test_spans_become_entities(doc):
    task = Entities()
    task.annotate(doc, marked((14, 18, "LOC"), (0, 9, "PER")), [])
    assert [(entity.text, entity.label_) for entity in doc.ents] == [
        ("Ada Byron", "PER"),
        ("Bath", "LOC"),
    ]
    labels = task.labels([doc])
    assert labels == ["O", "S-LOC", "B-PER", "E-PER"]
    assert [labels[n] for n in task.truths([doc], labels)] == ["B-PER", "E-PER", "O", "S-LOC"]
    assert task.truths([doc], ["O", "S-LOC"]).tolist() == [-1, -1, 0, 1]


def test_text_that_nothing_is_known_of_is_no_text_without_entities(doc, vocab):
    task = Entities()
    assert task.truths([doc], ["O"]).tolist() == [-1] * 4
    known = Doc(vocab, words=WORDS)
    task.annotate(known, marked(), [])
    assert task.truths([known], ["O"]).tolist() == [0] * 4
    predicted = Doc(vocab, words=WORDS)
    assert task.score([Example(predicted, doc)])["f"] == 0.0


def test_predictions_are_entities_with_a_confidence(vocab):
    labels = ["O", "S-LOC", "B-PER", "E-PER"]
    scores = one_hot([2, 3, 0, 1], labels)
    scores[1, 3] = 0.5
    docs = [Doc(vocab, words=WORDS), Doc(vocab, words=[]), Doc(vocab, words=["Bath"])]
    Entities(spans_key="found").set_predictions(docs, np.concatenate([scores, scores[3:]]), labels)
    assert [(e.text, e.label_) for e in docs[0].ents] == [("Ada Byron", "PER"), ("Bath", "LOC")]
    assert [e._.confidence for e in docs[0].ents] == pytest.approx([0.5, 0.81])
    assert docs[0].spans["found"].attrs["scores"] == pytest.approx([0.5, 0.81])
    assert [e.text for e in docs[0].spans["found"]] == ["Ada Byron", "Bath"]
    assert (docs[1].ents, len(docs[1].spans["found"])) == ((), 0)
    assert docs[2].ents[0].label_ == "LOC"


def test_weight_of_the_outside_changes_what_is_found_and_no_confidence(vocab):
    labels = ["O", "S-LOC", "S-PER"]
    scores = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.85, 0.05, 0.1]], dtype="float32")
    found = {}
    for weight in (5.0, 1.0, 0.4):
        doc = Doc(vocab, words=["Bath", "York", "is"])
        Entities(outside_weight=weight).set_predictions([doc], scores, labels)
        found[weight] = [(e.text, e.label_, round(e._.confidence, 5)) for e in doc.ents]
    assert found[5.0] == []
    assert found[1.0] == [("York", "LOC", 0.7)]
    assert found[0.4] == [("Bath", "LOC", 0.3), *found[1.0]]


@pytest.mark.parametrize("weight", [0.0, -1.0, 1e39, math.nan])
def test_weight_of_the_outside_is_a_positive_number(weight):
    with pytest.raises(
        ConfigError, match=r"`outside_weight` is .*; it must be from 1e-06 to 1000000"
    ):
        Entities(outside_weight=weight)


def test_white_space_is_no_word(vocab):
    words = ["New", "\n", "York", "  ", "Bath"]
    doc = Doc(vocab, words=words, spaces=[False] * 5)
    row = Row(doc.text, (), "x:1", spans=(Span(0, 8, "LOC"), Span(10, 14, "LOC")))
    task = Entities()
    task.annotate(doc, row, [])
    labels = task.labels([doc])
    assert labels == ["O", "B-LOC", "E-LOC", "S-LOC"]
    assert task.truths([doc], labels).tolist() == [1, -1, 2, -1, 3]
    found = Doc(vocab, words=words, spaces=[False] * 5)
    task.set_predictions([found], one_hot([1, 3, 2, 3, 3], labels), labels)
    assert [(e.text, e.label_) for e in found.ents] == [("New\nYork", "LOC"), ("Bath", "LOC")]
    tags = TokenLabels()
    tags.set_predictions([found], one_hot([0, 1, 0, 1, 1], ["A", "B"]), ["A", "B"])
    assert [token.tag_ for token in found] == ["A", "", "A", "", "B"]


def test_tasks_work_in_a_process_that_unpickles_them(vocab):
    script = (
        "import pickle, sys, spacy, numpy as np\n"
        "from spacy.tokens import Doc\n"
        "entities, slots = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "doc = Doc(spacy.blank('xx').vocab, words=['Bath'])\n"
        "entities.set_predictions([doc], np.array([[0.1, 0.9]], dtype='float32'), ['O', 'S-LOC'])\n"
        "slots.set_predictions([doc], np.array([[0.1, 0.9]], dtype='float32'), ['O', 'x'])\n"
        "print(doc.ents[0]._.confidence > 0.8, doc[0]._.own_slot)"
    )
    tasks = pickle.dumps((Entities(), TokenLabels(attribute="_.own_slot"))).hex()
    done = subprocess.run(
        [sys.executable, "-c", script, tasks], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "x"]


def test_only_sequences_that_mean_entities_are_predicted(vocab):
    labels = ["O", "S-LOC", "B-PER", "E-PER"]
    rng = np.random.default_rng(0)
    for length in (1, 2, 5):
        scores = rng.dirichlet([0.3] * 4, size=length).astype("float32")
        doc = Doc(vocab, words=["w"] * length)
        Entities().set_predictions([doc], scores, labels)
        assert all(len(e) == (1 if e.label_ == "LOC" else 2) for e in doc.ents)


def test_entities_are_scored_as_seqeval_has_them(vocab):
    """Figures of seqeval 1.2.2 for the same tags: precision 0.5, recall 1/3, F 0.4."""
    truth = Doc(vocab, words=[*"abcdefg"], ents=["B-A", "I-A", "O", "B-B", "O", "B-A", "I-A"])
    said = Doc(vocab, words=[*"abcdefg"], ents=["B-A", "I-A", "O", "B-A", "O", "O", "O"])
    found = Entities().score([Example(said, truth)])
    assert (found["precision"], found["recall"]) == (0.5, pytest.approx(1 / 3))
    assert found["f"] == pytest.approx(0.4)
    assert found["labels"]["A"] == {"precision": 0.5, "recall": 0.5, "f": 0.5, "count": 2}
    assert found["labels"]["B"]["f"] == 0.0


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        (
            [(0, 5, "PER")],
            "from 0 to 5, 'Ada B', which begins or ends inside a word",
        ),
        ([(0, 9, "PER"), (4, 9, "PER")], r'overlap, "Ada Byron" \(PER\) and "Byron" \(PER\)'),
    ],
)
def test_span_that_cannot_be_an_entity_is_told(doc, spans, message):
    with pytest.raises(DataError, match=rf"x:1 has .*{message}"):
        Entities().annotate(doc, marked(*spans), [])


def test_span_inside_words_is_aligned_if_asked_for(doc):
    Entities(alignment="expand").annotate(doc, marked((0, 5, "PER")), [])
    assert [e.text for e in doc.ents] == ["Ada Byron"]
    Entities(alignment="contract").annotate(doc, marked((0, 5, "PER"), (15, 17, "LOC")), [])
    assert [e.text for e in doc.ents] == ["Ada"]
    with pytest.raises(ConfigError, match="`alignment`"):
        Entities(alignment="loose")


def test_row_without_spans_is_told(doc):
    with pytest.raises(DataError, match="x:1 has no entities marked"):
        Entities().annotate(doc, tagged(t=("A",) * 4), [])


def test_doc_of_other_words_is_told(vocab):
    doc = Doc(vocab, words=["Ada", "saw", "Bath"])
    with pytest.raises(DataError, match="x:1: its word 2 is 'Byron', and its doc has 'saw' there"):
        TokenLabels().annotate(doc, tagged(t=("A",) * 4), [])


def test_white_space_at_the_ends_is_no_part_of_an_entity(vocab):
    doc = Doc(vocab, words=["Ada", "\n", "lived"], spaces=[True, True, False])
    Entities().annotate(doc, Row(doc.text, (), "x:1", spans=(Span(0, 5, "PER"),)), [])
    assert [e.text for e in doc.ents] == ["Ada"]
    Entities().annotate(doc, Row(doc.text, (), "x:1", spans=(Span(4, 5, "PER"),)), [])
    assert doc.ents == ()
