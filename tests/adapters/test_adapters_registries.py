"""Parts stand in spaCy's registries, which are an index over the plugins."""

import copy
import importlib.metadata
import json
import sys
import types

import pytest
import spacy
from catalogue import RegistryError
from confection import Config, ConfigValidationError
from spacy.util import load_model_from_config
from thinc.api import Model

from seqpipe.adapters import _registries
from seqpipe.errors import PluginError
from seqpipe.hookspecs import KINDS, hookimpl
from seqpipe.plugins import Owner, Part, _host

CELL = {"@seqpipe_cells": "seqpipe.GRU.v1"}


def encoder(**settings):
    part = {"@seqpipe_encoders": "seqpipe.Recurrent.v1", "cell": CELL, **settings}
    return {"model": {"@architectures": "seqpipe.Encoder.v1", "encoder": part}}


def resolve(config):
    return spacy.registry.resolve(config)["model"]


def test_part_is_found_by_name():
    model = resolve(encoder(width=10))
    assert isinstance(model, Model) and model.get_dim("nO") == 10


def test_settings_left_out_are_filled_in():
    filled = spacy.registry.fill(encoder())["model"]["encoder"]
    assert filled["width"] == 128 and filled["bidirectional"] is True
    assert (
        CELL.items() <= filled["cell"].items() and filled["cell"]["recurrent_init"] == "orthogonal"
    )


@pytest.mark.parametrize(
    ("setting", "value"), [("widht", 3), ("width", "wide"), ("bidirectional", [1])]
)
def test_setting_that_cannot_be_is_named(setting, value):
    with pytest.raises(ConfigValidationError, match=setting) as caught:
        resolve(encoder(**{setting: value}))
    assert "seqpipe.Recurrent.v1" in str(caught.value)


def test_unknown_name_gets_a_suggestion():
    with pytest.raises(PluginError, match=r"did you mean \"seqpipe\.GRU\.v1\""):
        resolve(encoder(cell={"@seqpipe_cells": "seqpipe.GRUU.v1"}))


def test_unknown_plugin_is_named_with_those_there_are():
    with pytest.raises(PluginError, match=r"'acmee'.*installed: .*seqpipe"):
        resolve(encoder(cell={"@seqpipe_cells": "acmee.GRU.v1"}))


def test_part_of_another_kind_is_refused():
    with pytest.raises(PluginError, match="one of its cells, not of its encoders"):
        spacy.registry.get("seqpipe_encoders", "seqpipe.GRU.v1")(width=3)


@pytest.mark.parametrize("kind", KINDS)
def test_parts_cannot_be_registered_past_the_hooks(kind):
    registry = getattr(spacy.registry, f"seqpipe_{kind}")
    with pytest.raises(PluginError, match=f"hook seqpipe_{kind}"):
        registry.register("acme.Thing.v1", func=len)
    with pytest.raises(PluginError, match=f"hook seqpipe_{kind}"):

        @registry("acme.Thing.v1")
        def thing():
            pass


def test_functions_of_spacys_registry_still_work():
    names = spacy.registry.get_registry_names()
    assert {f"seqpipe_{kind}" for kind in KINDS} < set(names)
    for name in names:
        assert isinstance(getattr(spacy.registry, name).get_all(), dict)
    assert spacy.registry.has("seqpipe_cells", "seqpipe.GRU.v1")
    assert not spacy.registry.has("seqpipe_cells", "GRU")
    found = spacy.registry.find("seqpipe_cells", "seqpipe.GRU.v1")
    assert found["docstring"]


# Pipelines that were saved with a plugin's part.

ENCODER = {"@seqpipe_encoders": "seqpipe.Recurrent.v1", "width": 8}
PIPELINE = {
    "nlp": {
        "lang": "en",
        "pipeline": ["tok2vec", "textcat", "task", "classifier"],
        "tokenizer": {
            "@tokenizers": "seqpipe.Tokenizer.v1",
            "tokenizer": {"@seqpipe_tokenizers": "seqpipe.Whitespace.v1"},
        },
        "vectors": {
            "@vectors": "seqpipe.Vectors.v1",
            "embedder": {"@seqpipe_embedders": "seqpipe.FastText.v1", "width": 4},
        },
    },
    "components": {
        "tok2vec": {
            "factory": "tok2vec",
            "model": {
                "@architectures": "seqpipe.Encoder.v1",
                "encoder": {**ENCODER, "cell": {"@seqpipe_cells": "seqpipe.LSTM.v1"}},
            },
        },
        "textcat": {
            "factory": "textcat",
            "model": {
                "@architectures": "seqpipe.Classifier.v1",
                "tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 8},
                "head": {"@seqpipe_heads": "seqpipe.TextClassifier.v1"},
            },
        },
        "task": {
            "factory": "seqpipe_task",
            "task": {"@seqpipe_tasks": "seqpipe.TextClasses.v1"},
            "model": {"@architectures": "seqpipe.Head.v1"},
        },
        "classifier": {
            "factory": "seqpipe_classifier",
            "classifier": {"@seqpipe_classifiers": "seqpipe.FastTextClassifier.v1"},
        },
    },
}
SLOTS = {
    "tokenizers": ("nlp", "tokenizer", "tokenizer"),
    "embedders": ("nlp", "vectors", "embedder"),
    "cells": ("components", "tok2vec", "model", "encoder", "cell"),
    "encoders": ("components", "tok2vec", "model", "encoder"),
    "heads": ("components", "textcat", "model", "head"),
    "tasks": ("components", "task", "task"),
    "classifiers": ("components", "classifier", "classifier"),
}
#: Since version 1, a setting came and the others went.
OF_VERSION_2 = {
    "tokenizers": lambda *, length: None,
    "embedders": lambda *, length: None,
    "cells": lambda input_width, width, *, length: None,
    "encoders": lambda input_width, *, length: None,
    "heads": lambda input_width, output_width, *, length: None,
    "tasks": lambda *, length: None,
    "classifiers": lambda *, length: None,
}
BLOCK = {"size": 3, "name": "a", "self": ["b"], "package": "acme-parts 1.2.3"}


def pipeline_with(kind, block):
    """Return the configuration of a pipeline that has a part of acme's in the slot of a kind."""
    config = copy.deepcopy(PIPELINE)
    *path, last = SLOTS[kind]
    node = config
    for step in path:
        node = node[step]
    node[last] = {f"@seqpipe_{kind}": "acme.Thing.v1", **block}
    return Config(config)


def from_disk(config, folder):
    """Load a pipeline as it was saved."""
    complete = Config(spacy.blank("en").config).merge(config)
    complete.to_disk(folder / "config.cfg")
    meta = spacy.blank("en").meta
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return spacy.load(folder)


def from_config(config, folder=None):
    return load_model_from_config(config, auto_fill=True)


def unchecked(config, folder):
    return load_model_from_config(config, auto_fill=True, validate=False)


@pytest.fixture
def acme(monkeypatch):
    """Return a function that installs the plugin "acme", which offers the same for each kind."""

    def install(offers, *, version="2.0.1", name="acme-parts", requires=None):
        module = types.ModuleType("acme_parts_of_a_test")
        for kind in KINDS:
            setattr(module, f"seqpipe_{kind}", hookimpl(lambda: offers))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        ours = importlib.metadata.EntryPoint("seqpipe", "seqpipe.builtin", "seqpipe")
        theirs = importlib.metadata.EntryPoint("acme", module.__name__, "seqpipe")
        dist = types.SimpleNamespace(name=name, version=version, requires=requires)
        claims = [ours, theirs._for(dist)]
        monkeypatch.setattr(_host, "installed_entry_points", lambda group: (claims, {}))
        _host._installed.cache_clear()

    yield install
    _host._installed.cache_clear()


def test_pipeline_without_parts_of_others_can_be_built():
    assert from_config(Config(PIPELINE)).pipe_names == PIPELINE["nlp"]["pipeline"]


@pytest.mark.parametrize("load", [from_disk, from_config, unchecked])
@pytest.mark.parametrize("kind", KINDS)
def test_pipeline_whose_plugin_is_missing_says_which_package_to_install(kind, load, tmp_path):
    with pytest.raises(PluginError) as caught:
        load(pipeline_with(kind, BLOCK), tmp_path)
    message = str(caught.value)
    assert message.startswith(
        "acme.Thing.v1 needs acme-parts 1.2.3, as its `package` says, and can't"
    )
    assert "no installed plugin is called 'acme'" in message
    assert message.endswith('\n  pip install "acme-parts>=1.2.3,<2"')


@pytest.mark.parametrize("kind", KINDS)
def test_pipeline_that_records_no_package_says_which_plugin_is_missing(kind, tmp_path):
    with pytest.raises(PluginError, match=r"^no installed plugin is called 'acme'"):
        from_disk(pipeline_with(kind, {"size": 3}), tmp_path)


@pytest.mark.parametrize("load", [from_disk, from_config])
@pytest.mark.parametrize("kind", KINDS)
def test_pipeline_whose_plugin_has_another_major_version_says_which_to_install(
    kind, load, acme, tmp_path
):
    acme({"acme.Thing.v1": OF_VERSION_2[kind]})
    with pytest.raises(PluginError) as caught:
        load(pipeline_with(kind, BLOCK), tmp_path)
    assert str(caught.value) == (
        "acme.Thing.v1 needs acme-parts 1.2.3, as its `package` says, but acme-parts 2.0.1 is "
        'installed: pip install "acme-parts>=1.2.3,<2"'
    )


def test_part_that_a_later_version_took_back_is_told_with_the_one_that_has_it(acme, tmp_path):
    acme({"acme.Thing.v2": dict})
    with pytest.raises(
        PluginError, match=r"acme-parts 2\.0\.1 has no 'acme\.Thing\.v1'.*"
    ) as caught:
        from_disk(pipeline_with("tokenizers", BLOCK), tmp_path)
    assert str(caught.value).endswith('\n  pip install "acme-parts>=1.2.3,<2"')


def test_plugin_that_is_broken_says_why_rather_than_what_is_there_anyway(acme, tmp_path):
    acme({"acme.Thing.v1": 17}, version="1.3")
    with pytest.raises(
        PluginError, match="which can't be called; report it to the authors"
    ) as caught:
        from_disk(pipeline_with("heads", BLOCK), tmp_path)
    assert "needs acme-parts 1.2.3" in str(caught.value) and "pip install" not in str(caught.value)


def pieces(*, size: int = 3):
    return str.split


def test_package_that_was_renamed_is_refused_and_can_be_overridden(acme, tmp_path):
    acme({"acme.Thing.v1": pieces}, version="1.2.3")
    tokenizer = pipeline_with("tokenizers", {})["nlp"]["tokenizer"]
    from_config(Config({"nlp": {"lang": "en", "tokenizer": tokenizer}})).to_disk(tmp_path)
    assert spacy.load(tmp_path).config["nlp"]["tokenizer"]["tokenizer"] == {
        "@seqpipe_tokenizers": "acme.Thing.v1",
        "size": 3,
        "package": "acme-parts 1.2.3",
    }
    acme({"acme.Thing.v1": pieces}, name="acme-renamed", version="1.3")
    with pytest.raises(PluginError, match=r"but acme-renamed 1\.3 is installed: pip uninstall"):
        spacy.load(tmp_path)
    package = {"nlp.tokenizer.tokenizer.package": "acme-renamed 1.3"}
    assert spacy.load(tmp_path, config=package).tokenizer.tokenize is str.split


def test_component_that_is_left_out_needs_no_plugin():
    config = Config(spacy.blank("en").config).merge(pipeline_with("heads", BLOCK))
    nlp = spacy.lang.en.English.from_config(config, exclude=["textcat"])
    assert nlp.pipe_names == ["tok2vec", "task", "classifier"]


@pytest.mark.parametrize("kind", ["cells", "encoders", "heads"])
def test_package_is_recorded_when_a_pipeline_is_built(kind, acme):
    builtin = {"cells": "LSTM", "encoders": "Recurrent", "heads": "TextClassifier"}[kind]
    factory = spacy.registry.get(f"seqpipe_{kind}", f"seqpipe.{builtin}.v1")
    assert "package" not in factory.__annotations__
    part = _host.find_part(kind, f"seqpipe.{builtin}.v1")
    acme({"acme.Thing.v1": part.offer}, version="1.4")
    block = (
        {"width": 8, "cell": {"@seqpipe_cells": "seqpipe.LSTM.v1"}} if kind == "encoders" else {}
    )
    config = from_config(pipeline_with(kind, block)).config
    for step in SLOTS[kind]:
        config = config[step]
    assert config["package"] == "acme-parts 1.4"


def test_part_is_found_where_it_is_defined():
    found = spacy.registry.find("seqpipe_encoders", "seqpipe.Recurrent.v1")
    assert found["file"].endswith("_recurrent.py") and found["line_no"] > 1
    with pytest.raises(RegistryError, match=r"seqpipe\.Recurent\.v1"):
        spacy.registry.find("seqpipe_encoders", "seqpipe.Recurent.v1")


class Factory:
    """What's called is an object."""

    def __call__(self):
        return object()


@pytest.mark.parametrize(("factory", "module"), [(Factory(), __name__), (len, "builtins")])
def test_part_without_source_is_found_too(factory, module, monkeypatch):
    part = Part("cells", "acme.Cell.v1", factory, Owner("acme-parts", "1.4"))
    monkeypatch.setattr(_registries, "find_part", lambda kind, name: part)
    found = spacy.registry.find("seqpipe_cells", "acme.Cell.v1")
    assert found["module"] == module and found["file"] is found["line_no"] is None
