"""The names of a new plugin."""

import pytest

from seqpipe.errors import PluginError
from seqpipe.scaffold import new_plugin


@pytest.mark.parametrize(
    ("given", "plugin", "distribution", "module"),
    [
        ("acme", "acme", "seqpipe-acme", "seqpipe_acme"),
        ("seqpipe-acme", "acme", "seqpipe-acme", "seqpipe_acme"),
        ("Seqpipe_Acme", "acme", "seqpipe-acme", "seqpipe_acme"),
        ("my-cells", "my_cells", "seqpipe-my-cells", "seqpipe_my_cells"),
        ("My_Cells", "my_cells", "seqpipe-my-cells", "seqpipe_my_cells"),
        ("a--b__c", "a_b_c", "seqpipe-a-b-c", "seqpipe_a_b_c"),
        ("x2", "x2", "seqpipe-x2", "seqpipe_x2"),
        ("class", "class", "seqpipe-class", "seqpipe_class"),
        ("json", "json", "seqpipe-json", "seqpipe_json"),
        ("seqpipeline", "seqpipeline", "seqpipe-seqpipeline", "seqpipe_seqpipeline"),
    ],
)
def test_names_are_made_of_the_one_given(given, plugin, distribution, module, tmp_path):
    created = new_plugin(given, "cells", parent=tmp_path)
    assert (created.plugin, created.distribution, created.module) == (plugin, distribution, module)
    assert created.part == f"{plugin}.PeepholeLSTM.v1"
    assert created.folder == tmp_path / distribution
    assert (created.folder / "src" / module / "_cell.py").is_file()


@pytest.mark.parametrize(
    ("given", "suggested"),
    [
        ("9lives", "lives"),
        ("my cells", "my-cells"),
        ("acme.cells", "acme-cells"),
        ("-acme", "acme"),
        ("acme_", "acme"),
        ("../acme", "acme"),
        ("acme\n", "acme"),
        ("", "my-cells"),
        ("--", "my-cells"),
        ("été", "t"),
        ("\N{KELVIN SIGN}", "k"),
    ],
)
def test_bad_names_are_refused_with_a_good_one(given, suggested, tmp_path):
    with pytest.raises(PluginError, match=f"isn't a valid plugin name: .*, such as {suggested}$"):
        new_plugin(given, "cells", parent=tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("given", ["seqpipe", "SeqPipe", "seqpipe-", "seqpipe_seqpipe"])
def test_our_own_name_is_refused(given, tmp_path):
    with pytest.raises(PluginError, match="seqpipe's own name"):
        new_plugin(given, "cells", parent=tmp_path)
    assert not any(tmp_path.iterdir())


def test_unknown_kind_is_refused_with_the_near_one(tmp_path):
    with pytest.raises(ValueError, match=r"choose from tokenizers, .*; did you mean \"encoders\""):
        new_plugin("acme", "encoder", parent=tmp_path)
    assert not any(tmp_path.iterdir())
