"""What can't be used is refused, with words."""

import json

import pytest

from seqpipe.errors import ClassifierError, ConfigError, SavedModelError
from seqpipe.parts.classifiers import FastTextClassifier, LabelledWords
from seqpipe.parts.embedders import Word2Vec

SMALL = {"width": 4, "epochs": 2}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0}, "`width` is 0; it must be at least 1"),
        ({"epochs": 0}, "`epochs` is 0"),
        ({"word_ngrams": 0}, "`word_ngrams` is 0"),
        ({"min_count": 0}, "`min_count` is 0"),
        ({"threads": -1}, "`threads` is -1"),
        ({"negatives": 0}, "`negatives` is 0"),
        ({"subvector": 0}, "`subvector` is 0"),
        ({"min_count_label": -1}, "`min_count_label` is -1; it must be at least 0"),
        ({"learning_rate": 0.0}, "`learning_rate` is 0.0; it must be more than 0"),
        ({"learning_rate": float("nan")}, "`learning_rate` is nan"),
        ({"loss": "hinge"}, '`loss` is \'hinge\'; it may be "softmax", "one-vs-rest"'),
        ({"max_n": -1}, "`max_n` is -1"),
        ({"min_n": 5, "max_n": 3}, "`min_n` is 5; it must lie between 1 and `max_n`, 3"),
        ({"min_n": 0, "max_n": 3}, "`min_n` is 0"),
        ({"buckets": 0}, "`buckets` is 0"),
        ({"class_weights": "equal"}, "`class_weights` is 'equal'; it may be \"balanced\""),
        ({"class_weights": {"sea": -1.0}}, r"`class_weights\['sea'\]` is -1.0"),
        ({"autotune": -1}, "`autotune` is -1"),
        ({"autotune_model_size": "2M"}, "`autotune_model_size` is '2M'; it needs `autotune`"),
        ({"autotune": 1, "autotune_model_size": "2 MB"}, "`autotune_model_size` is '2 MB'"),
        (
            {"autotune": 1, "autotune_model_size": "2M", "quantize": True},
            "quantises the model already",
        ),
        ({"autotune_metric": "auc", "autotune": 1}, "`autotune_metric` is 'auc'; it may be \"f1\""),
        ({"cutoff": 5}, "`cutoff` is 5; it needs `quantize = true`"),
        ({"retrain": True}, "`retrain` is True; it needs `quantize"),
        ({"min_n": 3}, "`min_n` is 3"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        FastTextClassifier(**settings)


def test_embedder_of_another_width_is_refused_when_it_is_needed():
    classifier = FastTextClassifier(embedder=Word2Vec(width=7))
    with pytest.raises(ConfigError, match="`width` is 100, and its embedder's is 7"):
        classifier.fit([LabelledWords(["a"], ["sea"])], labels=["sea"])


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("examples", "settings", "message"),
    [
        ([LabelledWords("a text", ["sea"])], {}, "the words of example 1 are a string, 'a text'"),
        ([LabelledWords(["a"], ["mud"])], {}, "example 1 has the label 'mud', which isn't among"),
        ([LabelledWords(["a"], ["sea"], -1.0)], {}, "example 1 has the weight -1.0"),
        ([LabelledWords(["a"], ["sea"])] * 2, {}, "all 2 texts have the label 'sea'"),
        ([], {}, "no text has a label"),
        (
            [LabelledWords(["a"], ["sea"]), LabelledWords(["b"], ["sky"])],
            {"min_count": 2},
            "none of the 2 words in 2 texts occurs 2 times or more",
        ),
        (
            [LabelledWords(["a"], ["sea"], 0.0), LabelledWords(["b"], ["sky"], 0.0)],
            {},
            "no text has a weight above 0",
        ),
        (
            [LabelledWords(["a"], ["sea"], 1e-6), LabelledWords(["b"], ["sky"])],
            {},
            "lie between 1e-06 and 1:",
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
        FastTextClassifier(**SMALL, **settings).fit(examples, labels=["sea", "sky"])


@pytest.mark.parametrize("label", ["", "\ud800", "a\U000f0020"])
def test_label_that_cannot_be_written_is_refused(label):
    examples = [LabelledWords(["a"], [label]), LabelledWords(["b"], ["sky"])]
    with pytest.raises(ClassifierError, match="can't be written for the fastText library"):
        FastTextClassifier(**SMALL).fit(examples, labels=[label, "sky"])


def test_library_that_stops_is_an_error_with_its_words(examples, labels):
    classifier = FastTextClassifier(width=4, epochs=5, learning_rate=1e30)
    with pytest.raises(ClassifierError, match=r"(NaN|finite)(.|\n)*smaller `learning_rate`"):
        classifier.fit(examples, labels=labels)
    with pytest.raises(ClassifierError, match="at least 256 rows"):
        FastTextClassifier(**SMALL, quantize=True).fit(examples, labels=labels)


@pytest.fixture
def saved(examples, labels, in_this_process, tmp_path):
    classifier = FastTextClassifier(**SMALL)
    classifier.fit(examples, labels=labels)
    classifier.to_disk(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "isn't the settings of FastTextClassifier"),
        ({"kind": "Other"}, "is of Other, not of FastTextClassifier"),
        ({"labels": "sea"}, "`labels` is 'sea'"),
        ({"labels": ["sea", 3]}, "not every label is a string"),
        ({"labels": ["sea", "sea"]}, "a label is there twice"),
        ({"labels": ["sea", "sky", "mud"]}, "only one of them has the label 'mud'"),
        ({"lower": 1}, "`lower` is 1"),
    ],
)
def test_settings_file_that_does_not_fit_is_refused(saved, change, message):
    file = saved / "classifier.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**settings, **change}), encoding="utf-8")
    with pytest.raises(SavedModelError, match=message):
        FastTextClassifier(**SMALL).from_disk(saved)


def test_model_that_was_cut_in_half_is_refused(saved):
    # The library itself loads it, and classifies at chance.
    data = (saved / "model.bin").read_bytes()
    (saved / "model.bin").write_bytes(data[: len(data) // 2])
    with pytest.raises(SavedModelError, match=r"model\.bin"):
        FastTextClassifier(**SMALL).from_disk(saved)
