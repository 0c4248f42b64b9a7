"""A classifier as a component of spaCy's."""

import os
import pickle
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from seqpipe.adapters import ClassifierPipe, _classifier_pipe, _strings
from seqpipe.errors import ClassifierError, ConfigError, SavedModelError
from seqpipe.parts.classifiers.fasttext import _fit
from seqpipe.parts.fasttext import _worker

TEXTS = {"two goals and a penalty": "sport", "rain and a cold wind": "weather"}
SETTINGS = {
    "@seqpipe_classifiers": "seqpipe.FastTextClassifier.v1",
    "width": 4,
    "epochs": 20,
    "learning_rate": 0.5,
}


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Have trainings run in this process, which is quicker."""

    def train(module, folder, *, on_line, error):
        here = Path.cwd()
        os.chdir(folder)
        try:
            _worker.main()
        finally:
            os.chdir(here)

    monkeypatch.setattr(_fit, "run_module", train)
    monkeypatch.setattr(_worker, "begin", lambda corpus: None)


def make(settings=None, **more):
    nlp = spacy.blank("en")
    settings = settings or {}
    named = any(key.startswith("@") for key in settings)
    config = {"classifier": settings if named else {**SETTINGS, **settings}, **more}
    nlp.add_pipe("seqpipe_classifier", name="classifier", config=config)
    return nlp


def examples_of(nlp, number=30):
    made = [
        Example.from_dict(
            nlp.make_doc(text), {"cats": {each: float(each == label) for each in TEXTS.values()}}
        )
        for text, label in TEXTS.items()
    ]
    return made * number


@pytest.fixture
def nlp():
    nlp = make()
    nlp.initialize(lambda: examples_of(nlp))
    return nlp


def test_initialisation_trains(nlp):
    component = nlp.get_pipe("classifier")
    assert isinstance(component, ClassifierPipe)
    assert component.labels == ("sport", "weather")
    for text, label in TEXTS.items():
        cats = nlp(text).cats
        assert max(cats, key=cats.get) == label
        assert sum(cats.values()) == pytest.approx(1, abs=1e-4)


def test_scores_stand_beside_those_of_other_components(nlp):
    doc = nlp.make_doc("two goals")
    doc.cats = {"other": 0.25}
    assert set(nlp.get_pipe("classifier")(doc).cats) == {"other", "sport", "weather"}
    assert doc.cats["other"] == 0.25


def test_docs_have_the_same_scores_in_a_stream(nlp):
    texts = [*TEXTS, "", "  \n", "unknown words"] * 3
    alone = [nlp(text).cats for text in texts]
    for one, other in zip(alone, nlp.pipe(texts, batch_size=4), strict=True):
        assert other.cats == pytest.approx(one, abs=1e-5)


def test_it_is_scored_as_spacys_categorizers_are(nlp):
    scores = nlp.evaluate(examples_of(nlp, 2))
    assert scores["cats_micro_f"] == scores["cats_macro_f"] == 1.0
    assert scores["cats_score_desc"] == "macro F"


def test_labels_may_be_given():
    nlp = make({"exclusive": False})
    nlp.config["initialize"]["components"]["classifier"] = {"labels": ["weather", "sport"]}
    nlp.initialize(lambda: examples_of(nlp))
    assert nlp.get_pipe("classifier").labels == ("weather", "sport")
    assert nlp.evaluate(examples_of(nlp, 2))["cats_score_desc"] == "macro AUC"


def test_threshold_decides_where_classes_are_not_exclusive():
    found = []
    for threshold in (0.0, 1.0):
        nlp = make({"exclusive": False}, threshold=threshold)
        nlp.initialize(lambda nlp=nlp: examples_of(nlp))
        found.append(nlp.evaluate(examples_of(nlp, 2))["cats_micro_r"])
    assert found == [1.0, 0.0]


def test_saved_pipeline_gives_the_same_scores(nlp, tmp_path):
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    copied = make().from_bytes(nlp.to_bytes())
    for text in TEXTS:
        assert loaded(text).cats == copied(text).cats == nlp(text).cats


def test_pipeline_that_is_not_initialised_can_be_copied():
    nlp = make().from_bytes(make().to_bytes())
    assert nlp.get_pipe("classifier").labels == ()
    with pytest.raises(ClassifierError, match="no model yet"):
        nlp("text")


def test_damaged_bytes_are_refused(nlp):
    component = nlp.get_pipe("classifier")
    with pytest.raises(SavedModelError, match="the saved classifier is damaged"):
        component.from_bytes(b"\xff\xff")


def test_seed_is_that_of_the_training():
    found = []
    for seed in (1, 1, 2):
        nlp = make()
        nlp.config["training"]["seed"] = seed
        nlp.initialize(lambda nlp=nlp: examples_of(nlp))
        found.append(nlp("rain").cats)
    assert found[0] == found[1] != found[2]


def test_examples_without_categories_are_refused():
    nlp = make()
    with pytest.raises(ClassifierError, match="no example has categories"):
        nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("text"), {})])


def test_what_cannot_be_used_is_refused():
    with pytest.raises(ConfigError, match="`threshold` of the component 'classifier' is 2"):
        make(threshold=2.0)
    with pytest.raises(ConfigError, match="which is none: name one of @seqpipe_classifiers"):
        make({"@seqpipe_embedders": "seqpipe.Word2Vec.v1"})


def test_docs_that_cannot_be_scored_go_to_the_error_handler():
    nlp, seen = make(), []
    nlp.set_error_handler(lambda name, proc, docs, error: seen.append((name, len(docs))))
    assert list(nlp.pipe(TEXTS, batch_size=1)) == []
    assert seen == [("classifier", 1)] * 2


def test_strings_are_kept_up_to_a_number_and_not_in_copies(monkeypatch):
    monkeypatch.setattr(_strings, "_MOST_STRINGS", 2)
    vocab, known = spacy.blank("en").vocab, _strings.Strings()
    docs = [Doc(vocab, words=words) for words in (["a", "b", " ", "a"], ["c"], ["b", "d"])]
    assert _classifier_pipe.words_of(docs, known) == [["a", "b", "a"], ["c"], ["b", "d"]]
    assert sorted(known._known.values()) == ["b", "d"]
    assert len(pickle.loads(pickle.dumps(known))) == 0
    many = [Doc(vocab, words=["e", "f", "g"])]
    assert _classifier_pipe.words_of(many, known) == [["e", "f", "g"]]
    assert len(known) <= 2


def test_strings_are_found_without_a_walk_through_those_that_are_kept():
    class NotIterated(dict):
        def __iter__(self):
            raise AssertionError("all strings were gone through")

        keys = items = values = __iter__

    store, known = spacy.blank("en").vocab.strings, _strings.Strings()
    known._known = NotIterated()
    assert known.of([store.add("a"), store.add("b")], store.__getitem__) == ["a", "b"]
    assert known.of([store.add("b"), store.add("c")], store.__getitem__) == ["b", "c"]


def test_strings_are_found_whatever_another_thread_asks_for_meanwhile(monkeypatch):
    monkeypatch.setattr(_strings, "_MOST_STRINGS", 2)
    store, known = spacy.blank("en").vocab.strings, _strings.Strings()
    a, b, *others = (store.add(word) for word in "abcdef")

    def interrupted(each):
        """Look one up, while another thread asks for so many strings that the known ones are forgotten."""
        known.of(others, store.__getitem__)
        known.of(others[:2], store.__getitem__)
        return store[each]

    known.of([a], store.__getitem__)
    assert known.of([a, b], interrupted) == ["a", "b"]
    assert len(known) <= 2
