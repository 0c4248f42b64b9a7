"""A classifier beside a trained component: how their scores are mixed, and by which weights."""

import itertools
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from seqpipe.adapters import WidePipe, _wide_pipe, keeping_scores, make_tune_mix
from seqpipe.errors import ClassifierError, ConfigError, SavedModelError
from seqpipe.parts.classifiers import Classifier

LABELS = ("sea", "wood", "town")
SCORES = {
    "wave": [0.7, 0.2, 0.1],
    "owl": [0.1, 0.85, 0.05],
    "tram": [0.0, 0.0, 1.0],
    None: [0.3, 0.3, 0.4],
}
TEXTS = ["wave after wave", "owl", "tram", "", "  \n", "unknown words"]
NGRAMS = {"@seqpipe_classifiers": "seqpipe.NGramClassifier.v1", "max_n": 0}
BEFORE = [0.2, 0.5, 0.3]


class Table(Classifier):
    """Scores a text by its first word."""

    labels = ()

    def __init__(self, exclusive=True, labels=LABELS, scores=SCORES):
        self.exclusive, self.labels, self.scores = exclusive, labels, scores

    def fit(self, examples, *, labels, seed=0, on_progress=None, dev=None):
        found = {label for example in examples for label in example.labels}
        self.labels = [label for label in labels if label in found]

    def predict(self, texts):
        rows = [self.scores.get(words[0] if words else None, self.scores[None]) for words in texts]
        return np.array(rows, dtype="float32")[:, : len(self.labels)]

    def to_disk(self, path):
        (path / "labels.json").write_text(json.dumps(list(self.labels)), encoding="utf-8")

    def from_disk(self, path):
        self.labels = json.loads((path / "labels.json").read_text(encoding="utf-8"))


@Language.factory("tests_wide_before")
def make_before(nlp, name):
    """Set the same scores for each text, as a head does."""

    def annotate(doc):
        doc.cats = dict(zip(LABELS, BEFORE, strict=True))
        return doc

    return annotate


NLP = spacy.blank("en")


def make(classifier=None, weights=(0.6, 0.4)):
    return WidePipe(NLP.vocab, "wide", classifier or Table(), 0.5, weights)


def scored(text, cats=None):
    doc = NLP.make_doc(text)
    doc.cats = dict(zip(LABELS, BEFORE, strict=True)) if cats is None else cats
    return doc


def naive(before, own, weights, *, exclusive):
    """Return the mix of one text's scores, written as the page has it."""
    before, own = ([min(max(p, 1e-6), 1 - 1e-6) for p in scores] for scores in (before, own))
    a, b = weights
    if exclusive:
        products = [p**a * q**b for p, q in zip(before, own, strict=True)]
        return [product / sum(products) for product in products]
    odds = [(p / (1 - p)) ** a * (q / (1 - q)) ** b for p, q in zip(before, own, strict=True)]
    return [each / (1 + each) for each in odds]


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (1.3, 0.2), (1.0, 0.0), (0.0, 1.0)])
@pytest.mark.parametrize("text", TEXTS)
def test_scores_are_mixed_as_the_formula_says(text, weights, exclusive):
    doc = make(Table(exclusive), weights)(scored(text))
    own = SCORES.get(text.split()[0] if text.split() else None, SCORES[None])
    expected = naive(BEFORE, own, weights, exclusive=exclusive)
    assert list(doc.cats) == list(LABELS)
    assert [*doc.cats.values()] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("exclusive", [True, False])
def test_label_that_the_classifier_could_not_learn_has_a_score_of_0_of_its(exclusive):
    pipe = make(Table(exclusive))
    truths = [scored("wave", {"sea": 1.0, "wood": 0.0, "town": 0.0})]
    pipe.initialize(lambda: [Example(NLP.make_doc(doc.text), doc) for doc in truths])
    assert pipe.classifier.labels == ["sea"] and pipe.labels == LABELS
    doc = pipe(scored("wave"))
    expected = naive(BEFORE, [0.7, 0.0, 0.0], pipe.weights, exclusive=exclusive)
    assert [*doc.cats.values()] == pytest.approx(expected, abs=1e-6)
    # It's scored all the same.
    examples = [Example(pipe(scored("wave")), scored("wave", {"town": 1.0, "sea": 0.0}))]
    assert set(pipe.score(examples)["cats_f_per_type"]) == {*LABELS}


def test_scores_of_other_components_stay_and_do_not_count():
    alone = make()(scored("wave")).cats
    doc = make()(scored("wave", {"long": 0.25, **dict(zip(LABELS, BEFORE, strict=True))}))
    assert doc.cats == {"long": 0.25, **alone}


def test_doc_without_scores_gets_the_classifiers_own_beside_others_too():
    docs = [scored("wave"), scored("owl", {}), scored("owl", {"long": 0.25}), scored("tram")]
    alone = [make()(scored(doc.text, doc.cats)).cats for doc in docs]
    own = dict(zip(LABELS, SCORES["owl"], strict=True))
    assert alone[1] == pytest.approx(own) and alone[2] == pytest.approx({"long": 0.25, **own})
    for doc, expected in zip(make().pipe(docs), alone, strict=True):
        assert doc.cats == pytest.approx(expected)


def drawn(exclusive, number=60, seed=0, noise=(1.0, 1.0), sign=(1, 1)):
    """Return a pipe, docs with scores, and truths: two models that are right up to noise."""
    draw = np.random.default_rng(seed)
    truths = np.eye(3)[draw.integers(0, 3, number)]
    if not exclusive:
        truths = draw.integers(0, 2, (number, 3)).astype(float)
    scores = []
    for spread, factor in zip(noise, sign, strict=True):
        logits = factor * (truths - 0.5) + spread * draw.normal(size=truths.shape)
        exp = np.exp(logits)
        scores.append(exp / exp.sum(1, keepdims=True) if exclusive else exp / (1 + exp))
    table = {f"w{n}": [*row] for n, row in enumerate(scores[1])}
    docs = [scored(f"w{n}", dict(zip(LABELS, row, strict=True))) for n, row in enumerate(scores[0])]
    known = [scored(f"w{n}", dict(zip(LABELS, row, strict=True))) for n, row in enumerate(truths)]
    return make(Table(exclusive, scores={None: [0.3, 0.3, 0.4], **table})), docs, known, scores


def loss_of(weights, scores, truths, exclusive):
    """Return the cross entropy of mixed scores, computed from the formula."""
    before, own = (np.clip(each, 1e-6, 1 - 1e-6) for each in scores)
    if exclusive:
        mixed = before ** weights[0] * own ** weights[1]
        mixed /= mixed.sum(1, keepdims=True)
        return -np.log((mixed * truths).sum(1)).mean()
    odds = (before / (1 - before)) ** weights[0] * (own / (1 - own)) ** weights[1]
    mixed = odds / (1 + odds)
    return -np.log(np.where(truths, mixed, 1 - mixed)).mean()


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("noise", [(1.0, 1.0), (0.4, 2.0), (2.0, 0.6)])
def test_tuning_reaches_the_least_cross_entropy(exclusive, noise):
    pipe, docs, known, scores = drawn(exclusive, noise=noise)
    truths = np.array([[*doc.cats.values()] for doc in known])
    pipe.tune(docs, known)
    reached = loss_of(pipe.weights, scores, truths, exclusive)
    grid = np.linspace(0, 6, 31)
    least = min(loss_of(each, scores, truths, exclusive) for each in itertools.product(grid, grid))
    assert reached <= least + 1e-6
    # It's the least nearby as well, where the grid has no point.
    for step in itertools.product((-0.01, 0.01), repeat=2):
        near = np.maximum(0, np.add(pipe.weights, step))
        assert reached <= loss_of(near, scores, truths, exclusive) + 1e-9


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("useless", [0, 1])
def test_model_that_knows_nothing_weighs_almost_nothing(exclusive, useless):
    noise, sign = [0.7, 0.7], [1, 1]
    noise[useless], sign[useless] = 1.5, 0
    pipe, docs, known, _ = drawn(exclusive, number=1500, noise=noise, sign=sign)
    pipe.tune(docs, known)
    assert pipe.weights[useless] < 0.07 and pipe.weights[1 - useless] > 1
    sign[useless] = -1
    pipe, docs, known, _ = drawn(exclusive, number=200, noise=noise, sign=sign)
    pipe.tune(docs, known)
    assert pipe.weights[useless] < 0.01


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("sign", [20, -20])
def test_weights_and_scores_are_finite_where_models_are_always_right_or_wrong(exclusive, sign):
    pipe, docs, known, _ = drawn(exclusive, number=5, noise=(0.1, 0.1), sign=(sign, sign))
    pipe.tune(docs, known)
    assert all(0 <= weight < math.inf for weight in pipe.weights)
    assert all(0 <= score <= 1 for doc in pipe.pipe(docs) for score in doc.cats.values())


def test_weights_stay_where_nothing_is_known():
    truth = {"sea": 1.0, "wood": 0.0, "town": 0.0}
    for docs, truths in (
        ([], []),
        ([scored("wave")], [scored("wave", {})]),
        ([scored("wave", {})], [scored("wave", truth)]),
        ([scored("wave", {"long": 0.5})], [scored("wave", truth)]),
    ):
        pipe = make()
        pipe.tune(docs, truths)
        assert pipe.weights == (0.6, 0.4)


def test_docs_of_which_nothing_is_known_do_not_count_in_tuning():
    pipe, docs, known, _ = drawn(True)
    pipe.tune(docs, known)
    expected = pipe.weights
    pipe.tune([scored("w3", {}), *docs, scored("w4")], [scored("w3"), *known, scored("w4", {})])
    assert pipe.weights == expected


@pytest.mark.parametrize("exclusive", [True, False])
def test_weights_that_answer_fewer_texts_right_are_not_taken(exclusive, monkeypatch):
    pipe, docs, known, _ = drawn(exclusive, number=200, noise=(0.1, 9.0))
    pipe.tune(docs, known)
    assert pipe.weights != (0.6, 0.4)
    # As if the least cross entropy were had by the classifier alone, which knows nothing.
    monkeypatch.setattr(_wide_pipe, "fit_weights", lambda *_: (0.0, 1.0))
    pipe.tune(docs, known)
    assert pipe.weights == (0.6, 0.4)


def test_update_mixes_by_the_first_weights_again():
    pipe, docs, known, _ = drawn(True)
    pipe.tune(docs, known)
    tuned = pipe.weights
    assert tuned != (0.6, 0.4)
    # Unless it's initialised, it has been loaded, and what's trained is something else.
    losses = {"textcat": 1.0}
    pipe.update([], losses=losses)
    assert pipe.weights == tuned
    pipe._is_trained_beside = True
    assert pipe.update([], drop=0.1, sgd=None, losses=losses) is losses
    assert pipe.weights == (0.6, 0.4) and pipe.update([]) == {}


def trained(**settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("tests_wide_before", name="before")
    nlp.add_pipe("seqpipe_wide", name="wide", config={"classifier": NGRAMS, **settings})
    return nlp


def examples_of(nlp):
    texts = {"wave and tide": "sea", "owl and oak": "wood", "tram and street": "town"}
    return [
        Example.from_dict(
            nlp.make_doc(text), {"cats": {each: float(each == label) for each in LABELS}}
        )
        for text, label in texts.items()
    ] * 8


@pytest.fixture(scope="module")
def tuned():
    """A pipeline whose mix has been tuned."""
    nlp = trained()
    nlp.initialize(lambda: examples_of(nlp))
    return make_tune_mix(examples_of)(nlp)


def test_tuning_of_a_pipeline_is_by_the_scores_before(tuned):
    pipe = tuned.get_pipe("wide")
    docs = [scored(example.text) for example in examples_of(tuned)]
    other = WidePipe(tuned.vocab, "other", pipe.classifier, 0.5, (0.5, 0.5))
    other.tune(docs, [example.reference for example in examples_of(tuned)])
    # What's the same for all texts tells nothing.
    assert pipe.weights == pytest.approx(other.weights)
    assert pipe.weights[1] > 0.5
    scores = tuned.evaluate(examples_of(tuned))
    assert scores["cats_micro_f"] == 1.0


def test_pipeline_without_the_component_gives_the_scores_before(tuned):
    with tuned.select_pipes(disable=["wide"]):
        assert [*tuned("wave").cats.values()] == BEFORE
    assert [*tuned("wave").cats.values()] != BEFORE


def test_docs_have_the_same_scores_in_a_stream(tuned):
    alone = [tuned(text).cats for text in TEXTS * 3]
    for one, other in zip(alone, tuned.pipe(TEXTS * 3, batch_size=4), strict=True):
        assert other.cats == pytest.approx(one, abs=1e-6)


def test_saved_pipeline_keeps_weights_labels_and_scores(tuned, tmp_path):
    tuned.to_disk(tmp_path / "model")
    for copy in (spacy.load(tmp_path / "model"), trained().from_bytes(tuned.to_bytes())):
        assert copy.get_pipe("wide").weights == tuned.get_pipe("wide").weights
        assert copy.get_pipe("wide").labels == LABELS
        assert [copy(text).cats for text in TEXTS] == [tuned(text).cats for text in TEXTS]
        # Training another component leaves the mix as it is.
        copy.get_pipe("wide").update([])
        assert copy.get_pipe("wide").weights == tuned.get_pipe("wide").weights


def test_component_that_is_not_fitted_can_be_copied_but_not_used():
    nlp = trained(weight=0.25).from_bytes(trained(weight=0.25).to_bytes())
    assert nlp.get_pipe("wide").weights == (0.75, 0.25)
    with pytest.raises(ClassifierError, match="no model yet"):
        nlp("text")


MIX = {"before": 0.5, "own": 0.5, "labels": [*LABELS], "format": 1, "kind": "WidePipe"}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param("{", id="cut"),
        pytest.param(json.dumps({**MIX, "kind": "Other"}), id="kind"),
        pytest.param(json.dumps({**MIX, "own": "much"}), id="type"),
        pytest.param(json.dumps({**MIX, "own": -0.5}), id="negative"),
        pytest.param(json.dumps({**MIX, "before": math.nan}), id="not a number"),
        pytest.param(json.dumps({**MIX, "before": math.inf}), id="infinite"),
        pytest.param(json.dumps({**MIX, "labels": ["sea"]}), id="labels"),
        pytest.param(json.dumps({**MIX, "labels": [1, *LABELS]}), id="label"),
        pytest.param(json.dumps({**MIX, "labels": [*LABELS, "sea"]}), id="label twice"),
        pytest.param(json.dumps({key: MIX[key] for key in MIX if key != "own"}), id="weight"),
    ],
)
def test_damaged_mix_is_refused(content, tmp_path):
    make().to_disk(tmp_path / "wide")
    make().from_disk(tmp_path / "wide")
    file = tmp_path / "wide" / "mix.json"
    file.unlink()
    if content is not None:
        file.write_text(content, encoding="utf-8")
    pipe = make(weights=(0.7, 0.3))
    with pytest.raises(SavedModelError, match=r"mix\.json"):
        pipe.from_disk(tmp_path / "wide")
    assert pipe.weights == (0.7, 0.3)


def test_docs_that_cannot_be_scored_go_to_the_error_handler():
    nlp, seen = trained(), []
    nlp.set_error_handler(lambda name, proc, docs, error: seen.append((name, len(docs))))
    assert list(nlp.pipe(TEXTS[:2], batch_size=1)) == []
    assert seen == [("wide", 1)] * 2


def test_tuning_leaves_pipelines_without_a_mix_alone():
    nlp = SimpleNamespace(pipeline=[("textcat", object())])
    assert make_tune_mix(lambda nlp: pytest.fail("read"))(nlp) is nlp


def test_initialising_anew_forgets_the_tuned_weights():
    nlp = trained(weight=0.25)
    nlp.initialize(lambda: examples_of(nlp))
    make_tune_mix(examples_of)(nlp)
    assert nlp.get_pipe("wide").weights != (0.75, 0.25)
    nlp.initialize(lambda: examples_of(nlp))
    assert nlp.get_pipe("wide").weights == (0.75, 0.25)


def test_labels_may_be_given():
    nlp = trained()
    nlp.config["initialize"]["components"]["wide"] = {"labels": ["town", "wood", "sea"]}
    nlp.initialize(lambda: examples_of(nlp))
    assert nlp.get_pipe("wide").labels == ("town", "wood", "sea")


@pytest.mark.parametrize("weight", [-0.1, 1.1])
def test_weight_outside_of_0_to_1_is_refused(weight):
    with pytest.raises(ConfigError, match=f"`weight` of the component 'wide' is {weight}"):
        trained(weight=weight)


def test_what_cannot_be_used_is_refused():
    with pytest.raises(ConfigError, match="`threshold` of the component 'wide' is 2"):
        trained(threshold=2.0)
    with pytest.raises(ConfigError, match="which is none: name one of @seqpipe_classifiers"):
        trained(classifier={"@seqpipe_embedders": "seqpipe.Word2Vec.v1"})


def test_doc_of_another_vocabulary_is_scored_by_its_words():
    doc = Doc(spacy.blank("xx").vocab, words=["owl"])
    doc.cats = dict(zip(LABELS, BEFORE, strict=True))
    assert make()(doc).cats == make()(scored("owl")).cats


def counted(nlp):
    """Return a list to which the texts are added that a pipeline's classifier is asked for."""
    classifier, asked = nlp.get_pipe("wide").classifier, []

    def predict(texts, real=classifier.predict):
        asked.extend(" ".join(words) for words in texts)
        return real(texts)

    classifier.predict = predict
    return asked


def test_classifier_is_asked_once_for_each_text_while_its_scores_are_kept():
    nlp = trained()
    nlp.initialize(lambda: examples_of(nlp))
    expected = [doc.cats for doc in nlp.pipe(TEXTS)]
    asked = counted(nlp)
    with keeping_scores(nlp):
        for size in (1, 4, 100):
            found = [doc.cats for doc in nlp.pipe(TEXTS * 2, batch_size=size)]
            assert found == expected * 2
        # White space is no word, but another text.
        assert sorted(asked) == sorted(" ".join(text.split()) for text in TEXTS)
        assert list(nlp.get_pipe("wide").pipe([])) == []
    del asked[:]
    assert [doc.cats for doc in nlp.pipe(TEXTS)] == expected
    assert len(asked) == len(TEXTS)


def test_scores_are_kept_up_to_a_bound(monkeypatch):
    nlp = trained()
    nlp.initialize(lambda: examples_of(nlp))
    expected = [doc.cats for doc in nlp.pipe(TEXTS)]
    asked = counted(nlp)
    monkeypatch.setattr(_wide_pipe, "_KEPT_BYTES", 2 * 3 * 4)
    with keeping_scores(nlp):
        for _ in range(2):
            assert [doc.cats for doc in nlp.pipe(TEXTS)] == expected
        assert len(nlp.get_pipe("wide")._kept) == 2
    assert len(asked) == len(TEXTS) + len(TEXTS) - 2


@pytest.mark.parametrize("change", ["initialize", "from_bytes"])
def test_kept_scores_are_forgotten_with_the_classifier_that_gave_them(change):
    nlp, other = trained(), trained()
    nlp.initialize(lambda: examples_of(nlp))
    other.initialize(lambda: examples_of(other)[:2] * 8)
    expected = [doc.cats for doc in other.pipe(TEXTS)]
    with keeping_scores(nlp):
        assert [doc.cats for doc in nlp.pipe(TEXTS)] != expected
        if change == "initialize":
            nlp.initialize(lambda: examples_of(nlp)[:2] * 8)
        else:
            nlp.from_bytes(other.to_bytes())
        assert [doc.cats for doc in nlp.pipe(TEXTS)] == expected
