"""The classifier of n-grams is scikit-learn's logistic regression, and its settings do what they say."""

import copy
import itertools
import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from scipy.sparse import hstack
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import normalize

from seqpipe.errors import ClassifierError, ConfigError, SavedModelError
from seqpipe.parts.classifiers import LabelledWords, NGramClassifier
from seqpipe.parts.classifiers.ngrams import _fit, _regression

TEXTS = [["the", "wave", "and", "a", "gull"], ["owls", "near", "harbours"], ["xyzzy"], []]
#: Of one label or two, by independent models of n-grams that occur or don't, scaled by their ratios.
NB_SVM = {"exclusive": False, "weighting": "binary", "ratio_floor": 0.0, "text_ends": False}

#: Nearer to the minimum the loss doesn't change in float32; tf-idf without its logarithm, say, is off by 0.01.
NEAR = 1e-3


def fitted(examples, labels, **settings):
    classifier = NGramClassifier(**settings)
    classifier.fit(examples, labels=labels)
    return classifier


def saved_bytes(classifier, folder):
    folder.mkdir()
    classifier.to_disk(folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def to_the_end(monkeypatch):
    """Minimise as far as numbers allow."""
    monkeypatch.setattr(_regression, "_TOLERANCE", 0.0)


def words_of(text):
    return [*zip(text), *itertools.pairwise(text)]


def characters_of(text):
    marked = [f" {word} " for word in text if len(word) > 1]
    return [w[i : i + n] for w in marked for n in range(2, 6) for i in range(len(w) - n + 1)]


@pytest.mark.usefixtures("to_the_end")
@pytest.mark.parametrize("cost", [0.5, 20.0])
def test_scores_are_those_of_tfidf_and_logistic_regression(examples, labels, cost):
    classifier = fitted(examples, labels, ratio_floor=None, cost=cost, text_ends=False)
    texts = [example.words for example in examples]
    theirs = [TfidfVectorizer(analyzer=f, sublinear_tf=True) for f in (words_of, characters_of)]
    features = hstack([each.fit_transform(texts) for each in theirs])
    model = LogisticRegression(C=cost, tol=1e-10, max_iter=10_000)
    model.fit(features, [labels.index(example.labels[0]) for example in examples])
    expected = model.predict_proba(hstack([each.transform(TEXTS) for each in theirs]))
    np.testing.assert_allclose(classifier.predict(TEXTS), expected, atol=NEAR)


@pytest.mark.usefixtures("to_the_end")
def test_scores_are_those_of_naive_bayes_ratios_and_logistic_regression(tagged, labels):
    classifier = fitted(tagged, labels, **NB_SVM, max_n=0, cost=2.0)
    counter = CountVectorizer(analyzer=words_of, binary=True)
    binary = counter.fit_transform([example.words for example in tagged])
    asked = normalize(counter.transform(TEXTS).astype(float))
    for column, label in enumerate(labels):
        has = np.array([label in example.labels for example in tagged])
        p, q = (1 + np.asarray(binary[which].sum(0)).ravel() for which in (has, ~has))
        ratios = np.log((p / p.sum()) / (q / q.sum()))
        model = LogisticRegression(C=2.0, tol=1e-10, max_iter=10_000)
        model.fit(normalize(binary.astype(float)).multiply(ratios).tocsr(), has)
        expected = model.predict_proba(asked.multiply(ratios).tocsr())[:, 1]
        np.testing.assert_allclose(classifier.predict(TEXTS)[:, column], expected, atol=NEAR)


@pytest.mark.usefixtures("to_the_end")
def test_scores_of_several_labels_are_those_of_one_model_each(tagged, labels):
    classifier = fitted(tagged, labels, exclusive=False, ratio_floor=None, max_n=0, text_ends=False)
    vectorizer = TfidfVectorizer(analyzer=words_of, sublinear_tf=True)
    features = vectorizer.fit_transform([example.words for example in tagged])
    truths = np.array([[label in example.labels for label in labels] for example in tagged])
    model = OneVsRestClassifier(LogisticRegression(tol=1e-10, max_iter=10_000))
    expected = model.fit(features, truths.astype(int)).predict_proba(vectorizer.transform(TEXTS))
    np.testing.assert_allclose(classifier.predict(TEXTS), expected, atol=NEAR)


def test_softmax_scales_by_the_largest_ratio_of_a_labels(examples, labels):
    texts, largest = [example.words for example in examples], {}
    for word in {word for text in texts for word in text}:
        ratios = []
        for label in labels:
            p = [
                1 + sum(w in e.words for e in examples if label in e.labels) for w in _every(texts)
            ]
            q = [
                1 + sum(w in e.words for e in examples if label not in e.labels)
                for w in _every(texts)
            ]
            place = _every(texts).index(word)
            ratios.append(np.log((p[place] / sum(p)) / (q[place] / sum(q))))
        largest[word] = max(map(abs, ratios))
    classifier = NGramClassifier(word_ngrams=1, max_n=0, text_ends=False, ratio_floor=0.25)
    counts = _fit._learn_vocabulary(classifier._settings, texts, len(labels))
    truths = _fit._truths(examples, labels)
    scale = _fit._scale(classifier._settings, counts[1], truths)
    expected = [largest[word] + 0.25 for word in counts[0].words]
    np.testing.assert_allclose(scale[:, 0], expected, rtol=1e-5)


def _every(texts):
    return sorted({word for text in texts for word in text})


@pytest.mark.parametrize("settings", [{}, NB_SVM])
def test_what_is_learnt_is_right(examples, labels, settings):
    classifier = fitted(examples, labels, **settings)
    best = classifier.predict([example.words for example in examples]).argmax(axis=1)
    right = [labels[place] in e.labels for place, e in zip(best, examples, strict=True)]
    assert sum(right) > 0.95 * len(right)


def test_number_of_threads_changes_nothing(examples, labels, tmp_path):
    before, files = torch.get_num_threads(), []
    # So many n-grams that torch would share the sum of their weights' squares among threads.
    longer = [
        LabelledWords([*e.words, *(f"{(n * 40 + m) * 7919 % 90_001}" for m in range(40))], e.labels)
        for n, e in enumerate(examples)
    ]
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            classifier = fitted(longer, labels)
            assert torch.get_num_threads() == count
            assert classifier._model.linear.weights.size > 65_536
            scores = classifier.predict(TEXTS).tobytes()
            files.append((scores, saved_bytes(classifier, tmp_path / str(count))))
    finally:
        torch.set_num_threads(before)
    assert files[0] == files[1]


@pytest.mark.usefixtures("to_the_end")
@pytest.mark.parametrize("loss", ["softmax", "one-vs-rest"])
def test_weight_of_a_text_counts_as_repeating_it(examples, labels, loss):
    # Other features than these depend on the number of texts too.
    settings = {"loss": loss, "weighting": "binary", "ratio_floor": None}
    weighted = [LabelledWords(e.words, e.labels, n % 3) for n, e in enumerate(examples)]
    repeated = [e for n, e in enumerate(examples) for _ in range(n % 3)]
    scores = [fitted(each, labels, **settings).predict(TEXTS) for each in (weighted, repeated)]
    np.testing.assert_allclose(scores[0], scores[1], atol=NEAR)


def test_class_weights_are_weights_of_texts(examples, labels, tmp_path):
    rarer = [e for n, e in enumerate(examples) if "sea" not in e.labels or n % 2]
    counts = {label: sum(label in e.labels for e in rarer) for label in labels}
    given = {"sea": 3.0, "sky": 0.5}
    mean = len(rarer) / 3
    balanced = {label: mean / count for label, count in counts.items()}
    for number, (setting, weights) in enumerate([(given, given), ("balanced", balanced)]):
        own = [LabelledWords(e.words, e.labels, weights.get(e.labels[0], 1.0)) for e in rarer]
        left = fitted(rarer, labels, class_weights=setting)
        right = fitted(own, labels)
        assert saved_bytes(left, tmp_path / f"l{number}") == saved_bytes(
            right, tmp_path / f"r{number}"
        )


def test_weight_of_several_labels_is_their_mean(tagged, labels):
    own = [LabelledWords(e.words, e.labels, 2.0 if len(e.labels) == 2 else 1.0) for e in tagged]
    weights = {"sea": 1.0, "sky": 3.0, "wood": 5.0}
    found = _fit._text_weights(weights, own)
    expected = [e.weight * np.mean([weights[label] for label in e.labels]) for e in own]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_cost_is_chosen_on_the_dev_part(examples, labels, tmp_path):
    counts = {label: sum(label in e.labels for e in examples) for label in labels}
    frequent = max(counts, key=counts.get)
    # Which a cost of nearly nothing always predicts.
    wrong = [LabelledWords(e.words, [frequent]) for e in examples]
    files = {}
    for name, dev, expected in (("right", examples, 2.0), ("wrong", wrong, 1e-5)):
        classifier = NGramClassifier(cost=[1e-5, 2.0])
        classifier.fit(examples, labels=labels, dev=iter(dev))
        assert classifier.cost == expected
        files[name] = saved_bytes(classifier, tmp_path / name)
    assert files["right"] == saved_bytes(fitted(examples, labels, cost=2.0), tmp_path / "one")


def test_cost_is_chosen_on_a_tenth_of_each_labels_texts():
    labels = [f"label{n}" for n in range(10)]
    # In turn, so that each tenth text has the same label; the last label is the most frequent.
    numbers = [*(n % 10 for n in range(100)), *[9] * 20]
    examples = [LabelledWords([f"word{n}", "the"], [labels[n]]) for n in numbers]
    for dev in (None, [], [LabelledWords(["the"], [])]):
        classifier = NGramClassifier(cost=[1e-5, 5.0], max_n=0)
        classifier.fit(examples, labels=labels, dev=dev)
        assert classifier.cost == 5.0


def test_first_of_equally_good_costs_is_taken(examples, labels):
    classifier = NGramClassifier(cost=[3.0, 2.0], max_n=0)
    classifier.fit(examples, labels=labels, dev=examples)
    assert classifier.cost == 3.0


@pytest.mark.parametrize("others", [[], [LabelledWords(["b"], ["sky"])]])
def test_few_texts_are_enough_to_choose_by(others, labels):
    # What's held out is the only text of a label, which has a weight.
    classifier = NGramClassifier(cost=[1.0, 2.0], class_weights={"sea": 2.0})
    classifier.fit([LabelledWords(["a"], ["sea"]), *others], labels=labels)
    assert classifier.predict([["a"]]).argmax() == list(classifier.labels).index("sea")


def test_dev_part_is_read_only_to_choose(examples, labels):
    def unreadable():
        raise AssertionError
        yield

    classifier = NGramClassifier(max_n=0)
    classifier.fit(examples, labels=labels, dev=unreadable())
    assert classifier.cost == 1.0


def test_labels_that_no_text_has_are_not_learnt(examples, labels):
    dev = [LabelledWords(["mud"], ["mud"]), *examples[:20]]
    classifier = NGramClassifier(cost=[1e-5, 2.0], max_n=0)
    classifier.fit(examples, labels=["unseen", *labels], dev=dev)
    assert [*classifier.labels] == labels
    assert classifier.predict(TEXTS).shape == (4, 3)


def test_progress_rises_to_1(examples, labels):
    for settings in ({}, {"cost": [0.1, 1.0, 10.0]}):
        told = []
        classifier = NGramClassifier(max_n=0, **settings)
        classifier.fit(examples, labels=labels, on_progress=lambda p, told=told: told.append(p))
        fractions = [progress.fraction for progress in told]
        assert len(fractions) > 4 and fractions[0] < 0.1
        assert fractions == sorted(fractions) and fractions[-1] == 1
        assert fractions[-2] < 1


def test_most_frequent_ngrams_are_kept_where_there_are_too_many(examples, labels, monkeypatch):
    texts = [example.words for example in examples]
    settings = NGramClassifier()._settings
    every, counts = _fit._learn_vocabulary(settings, texts, 3)
    frequencies = np.sort(np.concatenate([each.column_counts() for each in counts]))[::-1]
    monkeypatch.setattr(_fit, "_MAX_WEIGHTS", 3 * 100 + 2)
    vocabulary, counts = _fit._learn_vocabulary(settings, texts, 3)
    kept = np.sort(np.concatenate([each.column_counts() for each in counts]))[::-1]
    # All that occur in more texts than the hundred-and-first.
    assert kept.tolist() == frequencies[frequencies > frequencies[100]].tolist()
    assert 50 < len(kept) <= 100 and len(vocabulary.words) < len(every.words)
    for left, right in zip(counts, vocabulary.count(texts), strict=True):
        assert (left.columns == right.columns).all()
    classifier = fitted(examples, labels)
    assert len(classifier._model.linear.weights) == len(kept)


def test_ngrams_of_one_text_are_learnt_from_few_texts_only(monkeypatch):
    monkeypatch.setattr(_fit, "_MANY_TEXTS", 4)
    settings = NGramClassifier(max_n=0, word_ngrams=1, text_ends=False)._settings
    texts = [["a", "once"], ["a", "b"], ["b"], ["a"]]
    assert [*_fit._learn_vocabulary(settings, texts, 2)[0].words] == ["a", "b"]
    assert [*_fit._learn_vocabulary(settings, texts[:3], 2)[0].words] == ["a", "once", "b"]


def test_lower_holds_for_texts_that_are_asked_for(examples, labels):
    plain, shouted = fitted(examples, labels).predict([["the", "wave"], ["THE", "Wave"]])
    assert (plain == shouted).all()
    plain, shouted = fitted(examples, labels, lower=False).predict([["the", "wave"], ["THE", "W"]])
    assert (plain != shouted).any()


@pytest.mark.parametrize("settings", [{}, NB_SVM, {"max_n": 0, "word_ngrams": 10**9}])
def test_model_can_be_saved_pickled_and_copied(tagged, labels, settings, tmp_path):
    examples = [LabelledWords(e.words, e.labels[:1]) for e in tagged]
    classifier = fitted(examples, labels, **settings)
    classifier.to_disk(tmp_path)
    read = NGramClassifier(exclusive=not classifier.exclusive)
    read.from_disk(tmp_path)
    assert (read.exclusive, read.cost) == (classifier.exclusive, classifier.cost)
    for again in (read, pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier)):
        assert again.labels == classifier.labels
        assert (again.predict(TEXTS) == classifier.predict(TEXTS)).all()


@pytest.mark.parametrize(
    ("settings", "name", "message"),
    [
        ({"word_ngrams": 0}, "word_ngrams", "`word_ngrams` is 0; it must be at least 1"),
        ({"min_n": 0}, "min_n", "`min_n` is 0"),
        ({"max_n": -1}, "max_n", "`max_n` is -1; it must be at least 0"),
        ({"min_n": 4, "max_n": 3}, "max_n", "`max_n` is 3, less than `min_n`, which is 4"),
        ({"min_count": 0}, "min_count", "`min_count` is 0"),
        ({"ratio_floor": -0.1}, "ratio_floor", "`ratio_floor` is -0.1"),
        ({"ratio_floor": float("nan")}, "ratio_floor", "`ratio_floor` is nan"),
        ({"cost": 0.0}, "cost", r"`cost` is \[0.0\]; it must be a number above 0, or several"),
        ({"cost": []}, "cost", r"`cost` is \[\]"),
        ({"cost": [1.0, float("inf")]}, "cost", r"`cost` is \[1.0, inf\]"),
        ({"loss": "hinge"}, "loss", '\'hinge\'; it may be "softmax" or "one-vs-rest"'),
        ({"weighting": "bm25"}, "weighting", '\'bm25\'; it may be "tfidf" or "binary"'),
        ({"loss": "softmax", "exclusive": False}, "loss", "`loss` is softmax, which is for excl"),
        ({"class_weights": "equal"}, "class_weights", "'equal'; it may be \"balanced\""),
        ({"class_weights": {"sea": -1.0}}, "class_weights", r"`class_weights\['sea'\]` is -1.0"),
        ({"class_weights": {"sea": float("nan")}}, "class_weights", "is nan"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, name, message):
    with pytest.raises(ConfigError, match=message) as caught:
        NGramClassifier(**settings)
    assert caught.value.setting == name


@pytest.mark.parametrize(
    ("examples", "settings", "message"),
    [
        ([LabelledWords("a text", ["sea"])], {}, "the words of example 1 are a string, 'a text'"),
        ([LabelledWords(["a"], ["mud"])], {}, "example 1 has the label 'mud', which isn't among"),
        ([LabelledWords(["a"], ["sea"], -1.0)], {}, "example 1 has the weight -1.0"),
        ([LabelledWords(["a"], ["sea"], float("nan"))], {}, "example 1 has the weight nan"),
        (
            [LabelledWords(["a"], ["sea", "sky"])],
            {},
            "example 1 has 2 labels, and classes are excl",
        ),
        ([], {}, "no text has a label"),
        ([LabelledWords(["a"], []), LabelledWords(["a"], ["sea"], 0.0)], {}, "no text has a label"),
        (
            [LabelledWords(["a"], ["sea"])] * 3,
            {"class_weights": {"sea": 0.0}},
            "no text has a weight above 0",
        ),
        (
            [LabelledWords(["a"], ["sea"]), LabelledWords(["b"], ["sky"])],
            {"min_count": 2},
            "none of the n-grams in 2 texts occurs in 2 of them or more",
        ),
        (
            [LabelledWords(["a"], ["sea"]), LabelledWords(["b"], ["sky"])],
            {"class_weights": {"see": 2.0}},
            "a weight for 'see', which no text has; did you mean \"sea\"\\? labels are sea, sky",
        ),
    ],
)
def test_examples_that_cannot_be_used_are_refused(examples, settings, message):
    with pytest.raises(ClassifierError, match=message):
        fitted(examples, ["sea", "sky"], **settings)


@pytest.fixture(scope="module")
def saved_model(examples, labels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ngrams")
    fitted(examples, labels, word_ngrams=3, max_n=3).to_disk(folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def saved(saved_model, tmp_path):
    for name, data in saved_model.items():
        (tmp_path / name).write_bytes(data)
    NGramClassifier().from_disk(tmp_path)
    return tmp_path


def refuse(folder, message):
    with pytest.raises(SavedModelError, match=message):
        NGramClassifier().from_disk(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "Other"}, "is of Other, not of NGramClassifier"),
        ({"labels": []}, r"`labels` is \[\]"),
        ({"labels": ["sea", 3, "sky"]}, "`labels` is "),
        ({"labels": ["sea", "sea", "sky"]}, "a label is there twice"),
        ({"labels": ["sea", "sky"]}, "its files don't fit each other"),
        ({"loss": "hinge"}, "`loss` is 'hinge'"),
        ({"exclusive": False}, "`loss` is 'softmax'"),
        ({"weighting": "bm25"}, "`weighting` is 'bm25'"),
        ({"max_n": 0}, "its n-grams don't fit each other"),
        ({"min_n": 0}, "its n-grams don't fit each other"),
        ({"min_n": 4}, "its n-grams don't fit each other"),
        ({"cost": "1"}, "`cost` is '1'"),
    ],
)
def test_settings_file_that_does_not_fit_is_refused(saved, change, message):
    file = saved / "classifier.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**settings, **change}), encoding="utf-8")
    refuse(saved, message)


@pytest.mark.parametrize("name", ["words.json", "characters.json"])
def test_lists_of_ngrams_that_do_not_fit_are_refused(saved, name):
    file = saved / name
    words = json.loads(file.read_text(encoding="utf-8"))
    for other, message in (
        (words[:-1], "fit each other"),
        ([*words, "more"], "fit each other"),
        ([*words[:-1], words[0]], "a word occurs in it twice"),
        ([*words[:-1], 1], "isn't a list of words"),
    ):
        file.write_text(json.dumps(other), encoding="utf-8")
        refuse(saved, message)


def _first(value):
    def change(array):
        array = array.copy()
        array.flat[0] = value
        return array

    return change


def _last(value):
    return lambda array: _first(value)(array[::-1])[::-1]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ngrams2", _last(10**9)),
        ("ngrams3", _last(2**62)),
        ("ngrams2", _first(-1)),
        ("ngrams2", lambda array: array[::-1]),
        ("ngrams2", lambda array: array.repeat(2)[: len(array)]),
        ("ngrams2", lambda array: array[:-1]),
        ("ngrams2", lambda array: array.astype(np.int32)),
        ("ngrams3", lambda array: array[:, None]),
        ("ngrams3", lambda array: np.array(3)),
        ("ngrams2", lambda array: None),
        ("ngrams4", lambda array: np.zeros(1, np.int64)),
        ("rarity0", lambda array: array[:-1]),
        ("rarity1", lambda array: array.astype(np.float64)),
        ("rarity0", lambda array: np.array(1, np.float32)),
        ("rarity1", lambda array: None),
        ("rarity2", lambda array: np.ones(3, np.float32)),
        ("weights", lambda array: array[:-1]),
        ("weights", lambda array: array.T),
        ("weights", _first(np.nan)),
        ("weights", lambda array: array.astype(np.float16)),
        ("weights", lambda array: None),
        ("bias", lambda array: array[:2]),
        ("bias", lambda array: array.astype(np.int32)),
        ("bias", _last(np.inf)),
        ("bias", lambda array: None),
    ],
)
def test_arrays_that_do_not_fit_are_refused(saved, name, change):
    file = saved / "weights.safetensors"
    arrays = load_file(file)
    changed = {**arrays, name: change(arrays.get(name))}
    # It writes memory as it lies.
    save_file(
        {k: np.ascontiguousarray(v) if v.ndim else v for k, v in changed.items() if v is not None},
        file,
    )
    refuse(saved, "is damaged: its (n-grams|files|numbers)")


def test_texts_without_a_label_tell_what_is_of_none():
    """As in data where most texts are harmless, and the others are insults or threats."""
    clean = [LabelledWords(["good", "day", f"w{n}"], []) for n in range(60)]
    bad = [LabelledWords(["you", "fool", f"w{n}"], ["insult"]) for n in range(20)]
    classifier = NGramClassifier(exclusive=False)
    classifier.fit([*clean, *bad], labels=["insult"])
    scores = classifier.predict([["good", "day"], ["you", "fool"]])[:, 0]
    assert scores[0] < 0.2 and scores[1] > 0.5
    with pytest.raises(ClassifierError, match="no text has a label"):
        NGramClassifier(exclusive=False).fit(clean, labels=["insult"])


def test_of_too_many_texts_some_are_fitted_on(monkeypatch):
    monkeypatch.setattr("seqpipe.parts.classifiers.ngrams._classifier._MAX_WORDS", 30)
    texts = [LabelledWords(["a", f"w{n}"], ["x" if n % 4 < 2 else "y"]) for n in range(40)]
    classifier = NGramClassifier(min_count=1, max_n=0)
    classifier.fit(texts, labels=["x", "y"])
    few = NGramClassifier(min_count=1, max_n=0)
    few.fit(texts[::3], labels=["x", "y"])
    words = [["a"], ["w3"], ["w1"]]
    assert np.array_equal(classifier.predict(words), few.predict(words))
