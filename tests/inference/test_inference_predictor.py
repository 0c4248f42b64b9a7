"""`Predictor`: what it says of records of any form, and of those that can't be used."""

import pickle

import numpy as np
import pandas
import pyarrow
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from inference.conftest import SAVED, TEXTS

import seqpipe
from seqpipe.errors import ConfigError, DataError, SavedModelError
from seqpipe.inference import Predictor


def expected(model, texts=TEXTS):
    """Return the label and the score that spaCy's own way gives."""
    nlp = spacy.load(model)
    found = []
    for doc in nlp.pipe(texts):
        label = max(doc.cats, key=doc.cats.get)
        found.append({"label": label, "score": pytest.approx(doc.cats[label], abs=1e-6)})
    return found


def test_label_and_score_are_those_of_the_pipeline(predictor, classifier):
    assert list(predictor.predict(TEXTS)) == expected(classifier)
    assert [(f.name, f.type) for f in predictor.schema] == [
        ("label", "string"),
        ("score", "number"),
    ]


def test_predictor_is_offered_by_the_package(predictor):
    assert seqpipe.Predictor is Predictor and isinstance(predictor, seqpipe.Predictor)
    with pytest.raises(AttributeError, match="no attribute 'Predicter'"):
        seqpipe.Predicter  # noqa: B018


def test_pickled_predictor_is_small_and_predicts_the_same(predictor):
    before = list(predictor.predict(TEXTS))
    packed = pickle.dumps(predictor)
    assert len(packed) < 2000
    assert list(pickle.loads(packed).predict(TEXTS)) == before


def test_pickled_predictor_finds_its_model_from_another_folder(classifier, tmp_path, monkeypatch):
    monkeypatch.chdir(classifier.parent)
    packed = pickle.dumps(Predictor(classifier.name))
    monkeypatch.chdir(tmp_path)
    assert len(pickle.loads(packed).predict(TEXTS)) == len(TEXTS)


def test_model_is_loaded_when_it_is_needed_and_not_before():
    predictor = Predictor("no-such-model")
    with pytest.raises(SavedModelError, match="no-such-model is neither"):
        predictor.predict(["a"])


def test_records_may_be_texts_objects_or_words(predictor):
    said = predictor.predict(["wave oak", {"text": "wave oak", "id": 7}, {"text": ["wave", "oak"]}])
    assert said[0] == said[1] == said[2] and not said.failures and said.words == 6


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("", "its text is empty, or only white space"),
        (" \n", "its text is empty, or only white space"),
        ({"text": None}, "its text is null, and should be a string"),
        ({"text": float("nan")}, "its text is missing (NaN), and should be a string"),
        ({"text": 3}, "its text is of the type int, and should be a string"),
        ({"text": []}, "its words aren't all strings with something in them"),
        ({"text": ["a", ""]}, "its words aren't all strings with something in them"),
        ({"texts": "a"}, 'it has no "text", only texts; did you mean "texts"?'),
        ({}, 'it has no "text", only nothing'),
        (None, "it's null; a record is a text, or an object with one"),
        (17, "it's of the type int; a record is a text, or an object with one"),
        ("a\0b", "its text holds a NUL character, as binary files do"),
        ("a\ud800b", "its text holds half of a surrogate pair, U+D800, which UTF-8 can't write"),
        (
            "a" * 1_000_001,
            "its text has 1,000,001 characters, and the pipeline takes 1,000,000 at most",
        ),
    ],
)
def test_bad_record_is_a_failure_and_the_others_are_predicted_for(predictor, record, reason):
    said = predictor.predict(["wave", record, "oak"])
    assert said[0] and said[2] and said[1] is None
    (failure,) = said.failures
    assert failure.index == 1 and failure.reason.startswith(reason)


def test_failure_has_the_id_of_its_record(classifier):
    records = [{"key": "x", "text": "wave"}, {"key": "y", "text": ""}]
    said = Predictor(classifier, id="key").predict(records)
    assert [failure.id for failure in said.failures] == ["y"]


def test_text_that_crashes_a_component_fails_alone(fragile):
    texts = [f"Paris {number}" + ("!" if number in (3, 700) else "") for number in range(900)]
    said = Predictor(fragile).predict(texts)
    assert [failure.index for failure in said.failures] == [3, 700]
    assert said.failures[0].reason == "the pipeline failed: ValueError: there's a bang in Paris 3!"
    assert said[4] == {
        "entities": [{"start": 0, "end": 5, "text": "Paris", "label": "CITY", "confidence": None}]
    }


def test_nothing_comes_of_nothing(predictor):
    said = predictor.predict([])
    assert len(said) == 0 and not said.failures and said.words == 0


@given(
    st.lists(
        st.one_of(
            st.text(max_size=20), st.none(), st.integers(), st.dictionaries(st.text(), st.text())
        )
    )
)
def test_whatever_comes_has_a_prediction_or_a_reason(records):
    said = SHARED.predict(records)
    assert len(said) == len(records)
    failed = {failure.index for failure in said.failures}
    assert [each is None for each in said] == [index in failed for index in range(len(records))]


SHARED = Predictor(SAVED / "several-labels")


def test_places_of_entities_count_the_characters_of_the_text_as_it_came(fragile):
    (said,) = Predictor(fragile).predict(["a\r\nb Paris"])
    assert said["entities"][0]["start"] == 5


# What can be asked for.


def test_top_gives_the_best_labels_and_probabilities_give_all(classifier):
    predictor = Predictor(classifier, top=1, probabilities=True)
    said, usual = predictor.predict(TEXTS), expected(classifier)
    for one, label in zip(said, usual, strict=True):
        assert (one["labels"], one["scores"]) == ([label["label"]], [label["score"]])
        assert set(one["probabilities"]) == {"sea", "wood"}
        assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_threshold_leaves_out_labels_that_are_not_sure(classifier):
    said = Predictor(classifier, threshold=0.502).predict(TEXTS)
    assert [one["label"] for one in said] == ["sea", "sea", None, None]
    assert said[2]["score"] == expected(classifier)[2]["score"]


def test_several_labels_are_lists():
    usual = Predictor(SAVED / "several-labels").predict(TEXTS)
    all_of_them = Predictor(SAVED / "several-labels", threshold=0.0).predict(TEXTS)
    for one, every in zip(usual, all_of_them, strict=True):
        assert len(every["labels"]) == 2
        assert every["scores"] == sorted(every["scores"], reverse=True)
        assert one["labels"] == [
            label
            for label, score in zip(every["labels"], every["scores"], strict=True)
            if score >= 0.5
        ]


def test_vectors_are_those_of_the_doc(classifier):
    said = Predictor(classifier, vectors=True).predict(TEXTS)
    docs = spacy.load(classifier).pipe(TEXTS)
    for one, doc in zip(said, docs, strict=True):
        assert one["vector"] == pytest.approx(doc.vector.tolist())


def test_pipeline_that_only_embeds_gives_vectors():
    predictor = Predictor(SAVED / "embedding")
    assert [field.name for field in predictor.schema] == ["vector"]
    assert len(predictor.predict(["wave"])[0]["vector"]) == 4


@pytest.mark.parametrize("setting", [{"top": 2}, {"probabilities": True}, {"threshold": 0.5}])
def test_what_a_pipeline_has_no_use_for_is_an_error(fragile, setting):
    name = next(iter(setting))
    with pytest.raises(ConfigError, match=f"`{name}` means nothing for this pipeline, which gives"):
        Predictor(fragile, **setting).predict(["a"])


@pytest.mark.parametrize(
    "setting",
    [{"top": 0}, {"threads": 0}, {"threshold": 1.5}, {"threshold": float("nan")}, {"device": 0}],
)
def test_setting_out_of_bounds_is_an_error(classifier, setting):
    with pytest.raises(ConfigError, match=f"`{next(iter(setting))}` is"):
        Predictor(classifier, **setting)


def test_pair_is_for_pipelines_that_compare(classifier):
    with pytest.raises(ConfigError, match="doesn't compare pairs"):
        Predictor(classifier, pair="other").predict(["a"])


# Tables.


def test_arrow_table_gets_columns_with_the_prefix_and_keeps_its_own(predictor, classifier):
    table = pyarrow.table(
        {"id": [1, 2, 3], "text": ["wave oak", None, TEXTS[0]], "label": ["x", "y", "z"]}
    )
    said = predictor(table)
    assert said.schema.names == [
        "id",
        "text",
        "label",
        "predicted_label",
        "predicted_score",
        "predicted_error",
    ]
    assert said.column("label").to_pylist() == ["x", "y", "z"]
    first, _, last = said.column("predicted_label").to_pylist()
    assert (first, last) == (
        expected(classifier, ["wave oak"])[0]["label"],
        expected(classifier)[0]["label"],
    )
    assert said.column("predicted_error").to_pylist() == [
        None,
        "its text is null, and should be a string",
        None,
    ]
    again = predictor(said)
    assert again.equals(said)
    batch = predictor(table.to_batches()[0])
    assert pyarrow.Table.from_batches([batch]).equals(said)


def test_dictionary_of_columns_gets_arrays(predictor):
    said = predictor({"text": np.array(TEXTS, dtype=object), "n": np.arange(4)})
    assert list(said) == ["text", "n", "predicted_label", "predicted_score", "predicted_error"]
    assert said["predicted_score"].dtype == np.float64 and said["predicted_label"].shape == (4,)


def test_lists_of_a_dictionary_of_columns_stay_lists(classifier):
    said = Predictor(classifier, top=2)({"text": TEXTS})
    assert said["predicted_labels"].shape == (4,) and len(said["predicted_labels"][0]) == 2


def test_columns_of_different_lengths_are_an_error(predictor):
    with pytest.raises(DataError, match="different lengths"):
        predictor({"text": ["a", "b"], "n": [1]})
    with pytest.raises(DataError, match="pass one record in a list"):
        predictor({"text": "a"})


def test_data_frame_keeps_its_index(predictor, classifier):
    frame = pandas.DataFrame({"text": [TEXTS[0], None]}, index=[7, 3])
    said = predictor(frame)
    assert list(said.index) == [7, 3] and list(frame.columns) == ["text"]
    assert said.loc[7, "predicted_label"] == expected(classifier)[0]["label"]
    assert said.loc[3, "predicted_error"].startswith("its text is")


def test_records_in_a_list_give_predictions(predictor):
    assert list(predictor(TEXTS)) == list(predictor.predict(TEXTS))


def test_words_of_endless_texts_are_forgotten(predictor, monkeypatch):
    monkeypatch.setattr("seqpipe.inference._predictor._MOST_STRINGS", 100)
    counts = []
    for start in range(0, 1000, 100):
        predictor.predict(f"new{n} word{n}" for n in range(start, start + 100))
        counts.append(len(predictor.nlp.vocab.strings))
    # Those of the first batch stay.
    assert len(set(counts)) == 1
    assert list(predictor.predict(TEXTS)) == list(Predictor(predictor.model).predict(TEXTS))
