"""A pipeline file expands to a complete spaCy configuration, by a pure function."""

import copy
import functools
import importlib.metadata

import pytest
import spacy
from confection import Config

from seqpipe.config import Makes, expand, read_text
from seqpipe.config._compile import without_dollars
from seqpipe.config._expand import LEFT_OUT
from seqpipe.config._schema import OWN_TOKENIZERS
from seqpipe.errors import PluginError
from seqpipe.parts.heads import TextClassifier, TokenClassifier
from seqpipe.plugins import Host, Owner, Part


def _entry_point(name, module):
    return importlib.metadata.EntryPoint(name, module, "seqpipe")


HOST = Host([_entry_point("seqpipe", "seqpipe.builtin"), _entry_point("acme", "acme_plugin")])
READER = {"@readers": "seqpipe.Jsonl.v1", "path": "rows.jsonl"}
SECTIONS = {
    "pipeline": {"lang": "de", "seed": 3},
    "data": {**READER, "split": {"train": 0.5, "dev": 0.25, "test": 0.25}},
    "tokenizer": {"@seqpipe_tokenizers": "seqpipe.Regex.v1", "pattern": "[a-z]+"},
    "embedder": {"@seqpipe_embedders": "seqpipe.Word2Vec.v1", "width": 20},
    "encoder": {
        "@seqpipe_encoders": "seqpipe.Recurrent.v1",
        "width": 64,
        "cell": {"@seqpipe_cells": "seqpipe.GRU.v1"},
    },
    "head": {"@seqpipe_heads": "seqpipe.TextClassifier.v1", "pool": "last"},
    "training": {"max_epochs": 3},
}


def expanded(**changed):
    sections = {**SECTIONS, **changed}
    return expand({k: v for k, v in sections.items() if v is not None}, Makes.HEAD, HOST.find)


def test_each_section_finds_its_place():
    config = expanded()
    assert config["nlp"] == {
        "lang": "de",
        "pipeline": ["tok2vec", "textcat"],
        "tokenizer": {"@tokenizers": "seqpipe.Tokenizer.v1", "tokenizer": SECTIONS["tokenizer"]},
        "vectors": {"@vectors": "seqpipe.Vectors.v1", "embedder": SECTIONS["embedder"]},
    }
    assert config["system"]["seed"] == 3
    assert config["components"]["tok2vec"]["model"] == {
        "@architectures": "seqpipe.Encoder.v1",
        "encoder": SECTIONS["encoder"],
    }
    model = config["components"]["textcat"]["model"]
    assert model["head"] == SECTIONS["head"]
    assert model["tok2vec"]["upstream"] == "tok2vec" and model["tok2vec"]["width"] == 64
    assert config["training"]["max_epochs"] == 3


def test_input_is_not_changed_and_the_outcome_is_the_same_again():
    sections = copy.deepcopy(SECTIONS)
    first = expand(sections, Makes.HEAD, HOST.find)
    assert sections == SECTIONS
    assert expand(sections, Makes.HEAD, HOST.find) == first


@pytest.mark.parametrize("sections", [{}, {"data": READER}, {"encoder": {"width": 10}}, SECTIONS])
def test_outcome_shares_nothing_with_input_and_defaults(sections):
    sections = {"data": READER, **copy.deepcopy(sections)}
    first = expand(sections, Makes.HEAD, HOST.find)
    kept = copy.deepcopy(first)
    _spoil(first)
    assert expand(sections, Makes.HEAD, HOST.find) == kept


def _spoil(node):
    for value in node.values():
        if isinstance(value, dict):
            _spoil(value)
    node["spoilt"] = True


def test_everything_but_the_data_has_a_default():
    config = expand({"data": READER}, Makes.HEAD, HOST.find)
    assert config["nlp"]["lang"] == "en" and config["system"]["seed"] == 0
    assert config["nlp"]["tokenizer"] == {"@tokenizers": "spacy.Tokenizer.v1"}
    assert config["nlp"]["vectors"]["embedder"] == LEFT_OUT["embedder"]
    encoder = config["components"]["tok2vec"]["model"]["encoder"]
    assert encoder == {
        **LEFT_OUT["encoder"],
        "cell": {"@seqpipe_cells": "seqpipe.LSTM.v1"},
        "width": 128,
    }
    model = config["components"]["textcat"]["model"]
    assert model["tok2vec"]["width"] == 128
    assert model["head"] == {"@seqpipe_heads": "seqpipe.TextClassifier.v2"}
    assert config["training"]["max_epochs"] == 10
    assert config["corpora"]["train"]["split"] == {"train": 0.8, "dev": 0.1, "test": 0.1}


def test_settings_without_a_name_are_those_of_the_default_part():
    config = expanded(embedder={"width": 7}, encoder={"width": 10}, head={"dropout": 0.5})
    assert config["nlp"]["vectors"]["embedder"] == {
        "@seqpipe_embedders": "seqpipe.FastText.v1",
        "width": 7,
    }
    assert config["components"]["tok2vec"]["model"]["encoder"]["width"] == 10
    assert config["components"]["textcat"]["model"]["head"]["dropout"] == 0.5


@pytest.mark.parametrize(
    ("tokenizer", "adapted"),
    [
        ({"@seqpipe_tokenizers": "seqpipe.SpacyRules.v1"}, False),
        ({"@seqpipe_tokenizers": "seqpipe.SpacyRules.v1", "lang": "fr"}, True),
        ({"@seqpipe_tokenizers": "seqpipe.Whitespace.v1"}, True),
        (None, False),
    ],
)
def test_rules_of_the_pipelines_language_are_spacys_own_tokenizer(tokenizer, adapted):
    expected = {"@tokenizers": "spacy.Tokenizer.v1"}
    if adapted:
        expected = {"@tokenizers": "seqpipe.Tokenizer.v1", "tokenizer": tokenizer}
    assert expanded(tokenizer=tokenizer)["nlp"]["tokenizer"] == expected


def test_settings_of_the_host_do_not_reach_the_part():
    embedder = {**SECTIONS["embedder"], "trained_width": 8, "trained_rows": 100}
    config = expanded(embedder=embedder)
    assert config["nlp"]["vectors"]["embedder"] == SECTIONS["embedder"]
    model = config["components"]["tok2vec"]["model"]
    assert (model["trained_width"], model["trained_rows"]) == (8, 100)
    assert "split" not in config["corpora"]["train"]["data"]


def test_sections_of_spacys_override_the_expansion():
    config = expanded(
        training={
            "max_epochs": 2,
            "patience": 5,
            "optimizer": {"@optimizers": "Adam.v1", "learn_rate": 0.1},
        },
        nlp={"batch_size": 7, "pipeline": ["tok2vec", "textcat", "sentencizer"]},
        components={"sentencizer": {"factory": "sentencizer"}, "textcat": {"threshold": 0.3}},
        initialize={"before_init": None},
    )
    training = config["training"]
    assert (training["max_epochs"], training["patience"]) == (2, 5)
    assert training["optimizer"] == {"@optimizers": "Adam.v1", "learn_rate": 0.1}
    assert training["batcher"]["size"] == 32
    assert config["nlp"]["pipeline"][-1] == "sentencizer" and config["nlp"]["lang"] == "de"
    assert config["components"]["textcat"]["threshold"] == 0.3
    assert config["components"]["textcat"]["model"]["@architectures"] == "seqpipe.Classifier.v1"
    assert config["initialize"]["before_init"] is None


def test_setting_of_a_block_that_is_not_renamed_is_added_to_it():
    config = expanded(training={"optimizer": {"learn_rate": 0.1}, "batcher": {"size": 8}})
    assert config["training"]["optimizer"] == {
        "@optimizers": "seqpipe.AdamW.v1",
        "learn_rate": 0.1,
    }
    assert config["training"]["batcher"]["size"] == 8


def test_file_of_spacys_sections_only_is_its_own_expansion():
    sections = {"nlp": {"lang": "en", "pipeline": []}, "training": {"max_epochs": 3}}
    assert expand(sections, None, HOST.find) == sections


def test_corpora_and_embedder_read_the_same_data():
    config = expanded()
    whole = {
        "@readers": "seqpipe.Corpus.v1",
        "split": SECTIONS["data"]["split"],
        "seed": "${system.seed}",
        "data": READER,
    }
    assert config["corpora"] == {part: {**whole, "part": part} for part in ("train", "dev", "test")}
    assert config["initialize"]["before_init"] == {
        "@callbacks": "seqpipe.FitEmbedder.v1",
        "corpus": {**whole, "part": "train"},
    }


def test_parts_of_the_data_may_have_readers_of_their_own():
    own = {"@readers": "seqpipe.Csv.v1", "path": "test.csv"}
    corpus = expanded(data={**READER, "test": own})["corpora"]["test"]
    assert corpus["data"] == READER and corpus["test"] == own and corpus["part"] == "test"
    assert "train" not in corpus and "dev" not in corpus
    parts = {"train": READER, "dev": own}
    corpus = expanded(data=parts)["corpora"]["dev"]
    assert "data" not in corpus
    assert corpus["train"] == READER and corpus["dev"] == own


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ({**READER, "split": {"train": 0.9, "dev": 0.1}}, ["train", "dev"]),
        ({**READER, "split": {"train": 0.9, "dev": 0.1}, "test": READER}, ["train", "dev", "test"]),
        (READER, ["train", "dev", "test"]),
    ],
)
def test_test_part_is_there_if_the_data_has_one(data, parts):
    assert list(expanded(data=data)["corpora"]) == parts


@pytest.mark.parametrize(
    ("exclusive", "component"), [(True, "textcat"), (False, "textcat_multilabel")]
)
def test_head_chooses_the_component(exclusive, component):
    config = expanded(head={**SECTIONS["head"], "exclusive": exclusive})
    assert config["nlp"]["pipeline"] == ["tok2vec", component]
    assert list(config["components"]) == ["tok2vec", component]
    assert config["components"][component]["factory"] == component
    assert config["training"]["score_weights"]["cats_micro_f"] == 1.0


@pytest.mark.parametrize("exclusive", [True, False])
def test_decision_comes_last_and_is_tuned(exclusive):
    decision = {"temperature": 2.0}
    head = {**SECTIONS["head"], "exclusive": exclusive}
    name = "textcat" if exclusive else "textcat_multilabel"
    wide = {"@seqpipe_classifiers": "seqpipe.NGramClassifier.v1"}
    for more in ({}, {"wide": wide}):
        config = expanded(head=head, decision=decision, **more)
        assert config["nlp"]["pipeline"] == ["tok2vec", name, *more, "decision"]
        component = {"factory": "seqpipe_decision", "exclusive": exclusive, "temperature": 2.0}
        assert config["components"]["decision"] == component
        assert config["training"]["before_to_disk"]["@callbacks"] == "seqpipe.TuneMix.v1"


def test_decision_follows_a_classifier():
    classifier = {"@seqpipe_classifiers": "seqpipe.NGramClassifier.v1", "exclusive": False}
    sections = {"data": READER, "classifier": classifier, "decision": {}}
    config = expand(sections, Makes.CLASSIFIER, HOST.find)
    assert config["nlp"]["pipeline"] == ["classifier", "decision"]
    assert config["components"]["decision"] == {"factory": "seqpipe_decision", "exclusive": False}
    assert config["training"]["before_to_disk"]["@callbacks"] == "seqpipe.TuneMix.v1"


@pytest.mark.parametrize("left", [{}, {"head": {"@seqpipe_heads": "seqpipe.TextClassifier.v1"}}])
def test_classifier_stands_beside_the_head_where_the_model_is_left_to_us(left):
    config = expand({"data": READER, **left}, Makes.HEAD, HOST.find)
    assert config["nlp"]["pipeline"] == ["tok2vec", "textcat", "wide"]
    assert config["components"]["wide"] == {
        "factory": "seqpipe_wide",
        "classifier": {"@seqpipe_classifiers": "seqpipe.NGramClassifier.v1", "exclusive": True},
    }
    assert config["training"]["before_to_disk"]["@callbacks"] == "seqpipe.TuneMix.v1"


@pytest.mark.parametrize(
    "more",
    [
        {"embedder": SECTIONS["embedder"]},
        {"encoder": {"width": 10}},
        {"wide": {"weight": 0}},
        {"task": {"@seqpipe_tasks": "acme.Counts.v1"}},
    ],
)
def test_no_classifier_stands_beside_a_head_that_does_not_want_one(more):
    config = expand({"data": READER, **more}, Makes.HEAD, HOST.find)
    assert "wide" not in config["components"] and "before_to_disk" not in config["training"]


def test_classifier_that_is_asked_for_stands_beside_any_head():
    wide = {"@seqpipe_classifiers": "seqpipe.FastTextClassifier.v1", "width": 5, "weight": 0.2}
    config = expanded(wide=wide)
    assert config["components"]["wide"]["weight"] == 0.2
    assert config["components"]["wide"]["classifier"]["width"] == 5
    # A weight that's given isn't tuned.
    assert "before_to_disk" not in config["training"]


def test_callback_of_the_file_takes_the_place_of_tuning():
    own = {"before_to_disk": {"@callbacks": "acme.Stamp.v1"}}
    config = expand({"data": READER, "training": own}, Makes.HEAD, HOST.find)
    assert config["training"]["before_to_disk"] == own["before_to_disk"]


def test_one_block_of_a_task_serves_component_and_corpora():
    block = {"@seqpipe_tasks": "acme.Counts.v1", "scale": 1.0, "unit": "$"}
    sections = without_dollars(expanded(task=block))
    text = Config(sections, is_interpolated=False).to_str()
    config = Config().from_str(text, overrides={"variables.task.scale": 2.0})
    unit = {"@misc": "seqpipe.Dollars.v1", "value": "~", "sign": "~"}
    changed = {"@seqpipe_tasks": "acme.Counts.v1", "scale": 2.0, "unit": unit}
    fitted_on = config["initialize"]["before_init"]["corpus"]
    users = [config["components"]["task"], fitted_on, *config["corpora"].values()]
    assert [user["task"] for user in users] == [changed] * 5


def test_corpora_keep_their_task_without_the_component():
    expansion = expanded(task={"@seqpipe_tasks": "acme.Counts.v1"})
    del expansion["components"]["task"]
    config = Config(expansion, is_interpolated=False).interpolate()
    assert config["corpora"]["dev"]["task"] == {"@seqpipe_tasks": "acme.Counts.v1"}


def test_settings_of_plugins_parts_are_read_from_their_signatures():
    # acme's encoder takes a cell, and has a default width of its own.
    config = expanded(
        encoder={"@seqpipe_encoders": "acme.Unroll.v1"}, head={"@seqpipe_heads": "acme.Classes.v1"}
    )
    encoder = config["components"]["tok2vec"]["model"]["encoder"]
    assert encoder["cell"] == {"@seqpipe_cells": "seqpipe.LSTM.v1"} and encoder["width"] == 128


def find_with(kind, factory):
    """Return a function that finds a part of one's own, and all else as usual."""

    def find(asked, name):
        return (
            Part(kind, name, factory, Owner("acme", "1.0"))
            if asked == kind
            else HOST.find(asked, name)
        )

    return find


class Kinds(TokenClassifier):
    """A plugin's head, with a task of its own."""

    @classmethod
    def task(cls, settings):
        return "acme.Kinds.v1"


OF_WORDS = {
    "trained_width": 32,
    "trained_features": ["norm", "prefix", "suffix", "shape"],
    "characters": 30,
}


@pytest.mark.parametrize(
    ("head", "beside", "adversarial"),
    [(Kinds, OF_WORDS, 0.2), (TextClassifier, {}, None)],
)
def test_what_is_left_out_suits_words_if_a_head_scores_words(head, beside, adversarial):
    find = find_with("heads", head)
    config = expand({"data": READER}, Makes.HEAD, find)
    tok2vec = config["components"]["tok2vec"]["model"]
    assert {key: tok2vec[key] for key in OF_WORDS if key in tok2vec} == beside
    assert config["training"].get("adversarial") == adversarial
    # It says nothing of the length of the training, and a file may say something else.
    given = {"data": READER, "training": {"max_epochs": 3}}
    assert expand(given, Makes.HEAD, find)["training"].get("adversarial") == adversarial
    given["training"] = {"adversarial": 0.0}
    assert expand(given, Makes.HEAD, find)["training"]["adversarial"] == 0.0
    given["encoder"] = {"@seqpipe_encoders": "seqpipe.Recurrent.v1"}
    del given["training"]
    assert "adversarial" not in expand(given, Makes.HEAD, find)["training"]


def test_encoder_without_a_cell_gets_none():
    def encoder(input_width, *, width: int = 12):
        raise AssertionError("called")

    config = expand({"data": READER}, Makes.HEAD, find_with("encoders", encoder))
    assert "cell" not in config["components"]["tok2vec"]["model"]["encoder"]
    assert config["components"]["textcat"]["model"]["tok2vec"]["width"] == 12


def test_encoder_without_a_width_is_refused_by_name():
    def encoder(input_width, *, size: int = 12):
        raise AssertionError("called")

    with pytest.raises(PluginError, match=r"seqpipe\.Recurrent\.v1 of acme 1\.0.*`width`"):
        expand({"data": READER}, Makes.HEAD, find_with("encoders", encoder))


def test_width_without_a_default_may_be_given_in_the_file():
    def encoder(input_width, *, width: int):
        raise AssertionError("called")

    find = find_with("encoders", encoder)
    config = expand({"data": READER, "encoder": {"width": 9}}, Makes.HEAD, find)
    assert config["components"]["textcat"]["model"]["tok2vec"]["width"] == 9
    with pytest.raises(PluginError, match="`width`"):
        expand({"data": READER}, Makes.HEAD, find)


def test_head_that_names_no_component_is_refused_by_name():
    def head(input_width, output_width):
        raise AssertionError("called")

    with pytest.raises(PluginError, match=r"seqpipe\.TextClassifier\.v2 of acme 1\.0.*component"):
        expand({"data": READER}, Makes.HEAD, find_with("heads", head))


@pytest.mark.parametrize(
    ("section", "component"), [({}, "textcat_multilabel"), ({"exclusive": True}, "textcat")]
)
def test_head_that_is_bound_in_part_serves_what_its_settings_say(section, component):
    head = functools.partial(TextClassifier, exclusive=False)
    config = expand({"data": READER, "head": section}, Makes.HEAD, find_with("heads", head))
    assert config["nlp"]["pipeline"] == ["tok2vec", component, "wide"]
    assert config["components"]["wide"]["classifier"]["exclusive"] == (component == "textcat")


def test_encoder_that_is_bound_in_part_has_the_width_that_is_bound():
    def encoder(input_width, *, width: int = 12):
        raise AssertionError("called")

    find = find_with("encoders", functools.partial(encoder, width=7))
    config = expand({"data": READER}, Makes.HEAD, find)
    assert config["components"]["textcat"]["model"]["tok2vec"]["width"] == 7


def test_unknown_part_is_refused():
    with pytest.raises(PluginError, match="did you mean"):
        expanded(encoder={"@seqpipe_encoders": "seqpipe.Recurent.v1"})


@pytest.mark.parametrize("lang", OWN_TOKENIZERS)
def test_language_that_no_rules_split_has_its_own_tokenizer(lang):
    expected = spacy.util.get_lang_class(lang).Defaults.config["nlp"]["tokenizer"]
    for makes, more in (
        (Makes.HEAD, {}),
        (Makes.CLASSIFIER, {"classifier": {}}),
        (Makes.EMBEDDING, {"embedder": {}}),
    ):
        sections = {"pipeline": {"lang": lang}, "data": READER, **more}
        assert expand(sections, makes, HOST.find)["nlp"]["tokenizer"] == expected
    rules = {"@seqpipe_tokenizers": "seqpipe.SpacyRules.v1"}
    given = expand({**sections, "tokenizer": rules}, Makes.HEAD, HOST.find)
    assert given["nlp"]["tokenizer"] == {"@tokenizers": "spacy.Tokenizer.v1"}


def expanded_with(*options):
    """Expand a file of two sections with options on the command line."""
    text = f"""
[data]
@readers = "{READER["@readers"]}"
path = "texts"

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v2"
"""
    file = read_text(text, overrides=options)
    return expand(file.sections, file.makes, HOST.find, file.written)


def test_option_changes_one_setting_of_what_is_left_out():
    config = expanded_with("--encoder.width", "64", "--embedder.epochs", "3")
    assert config["components"]["tok2vec"]["model"]["encoder"] == {
        **LEFT_OUT["encoder"],
        "width": 64,
        "cell": {"@seqpipe_cells": "seqpipe.LSTM.v1"},
    }
    assert config["nlp"]["vectors"]["embedder"] == {**LEFT_OUT["embedder"], "epochs": 3}
    assert config["nlp"]["pipeline"][-1] == "wide"


def test_option_that_names_another_part_leaves_it_its_own_defaults():
    config = expanded_with("--embedder.@seqpipe_embedders", "seqpipe.Word2Vec.v1")
    assert config["nlp"]["vectors"]["embedder"] == {"@seqpipe_embedders": "seqpipe.Word2Vec.v1"}
    assert config["nlp"]["pipeline"][-1] == "wide"
