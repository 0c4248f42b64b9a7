"""Parts stand in spaCy's registries, which are an index over the plugins."""

import pytest
import spacy
from confection import ConfigValidationError
from thinc.api import Model

from seqpipe.errors import PluginError
from seqpipe.hookspecs import KINDS

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
    assert filled["cell"] == CELL


@pytest.mark.parametrize(
    ("setting", "value"), [("widht", 3), ("width", "wide"), ("bidirectional", [1])]
)
def test_setting_that_cannot_be_is_named(setting, value):
    with pytest.raises(ConfigValidationError, match=setting) as caught:
        resolve(encoder(**{setting: value}))
    assert "seqpipe.Recurrent.v1" in str(caught.value)


def test_unknown_name_gets_a_suggestion():
    with pytest.raises(PluginError, match=r"did you mean 'seqpipe\.GRU\.v1'"):
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
