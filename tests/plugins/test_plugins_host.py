"""The host loads plugins one by one, and says whose fault it is when that fails."""

import sys
import threading

import pytest

from seqpipe.errors import PluginError
from seqpipe.hookspecs import KINDS
from seqpipe.plugins import Host, find_part, host

GOOD = """
@hookimpl
def seqpipe_cells():
    return {"acme.Cell.v1": dict, "acme.Cell.v2": list}

@hookimpl
def seqpipe_tokenizers():
    return {"acme.Words.v1": str.split}
"""


def test_good_plugin_is_loaded_with_its_owner(plugin):
    loaded = Host([plugin("acme", GOOD, owner="acme-cells")]).load("acme")
    assert (loaded.name, str(loaded.owner)) == ("acme", "acme-cells 1.2")
    assert list(loaded.parts) == list(KINDS)
    assert list(loaded.parts["cells"]) == ["acme.Cell.v1", "acme.Cell.v2"]
    part = loaded.parts["tokenizers"]["acme.Words.v1"]
    assert (part.kind, part.name, str(part.owner)) == (
        "tokenizers",
        "acme.Words.v1",
        "acme-cells 1.2",
    )
    assert part.factory is str.split


def test_part_is_found_by_its_name(plugin):
    found = Host([plugin("acme", GOOD)]).find("cells", "acme.Cell.v2")
    assert found.factory is list


def test_only_the_plugin_that_is_asked_for_is_imported(plugin):
    wanted = plugin("acme", GOOD)
    other = plugin("other", "raise AssertionError('imported')")
    host = Host([wanted, other])
    assert host.plugin_names == ["acme", "other"]
    assert wanted.module not in sys.modules
    host.find("cells", "acme.Cell.v1")
    assert [loaded.name for loaded in host.loaded] == ["acme"]
    assert other.module not in sys.modules


def test_plugin_is_loaded_once(plugin):
    host = Host([plugin("acme", "print('imported')\n" + GOOD)])
    assert host.load("acme") is host.load("acme")
    assert len(host.loaded) == 1


def test_threads_share_one_load(plugin):
    # Slow enough at import that all threads ask meanwhile.
    host = Host([plugin("acme", "import time\ntime.sleep(0.05)\n" + GOOD)])
    start, loaded = threading.Barrier(4), []

    def load():
        start.wait()
        loaded.append(host.load("acme"))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 4 and all(each is loaded[0] for each in loaded)


def refusal(*entry_points, kind="cells", name="acme.Cell.v1"):
    host = Host(entry_points)
    with pytest.raises(PluginError) as caught:
        host.find(kind, name)
    assert host.loaded == [] or host.load("acme")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("raise RuntimeError('no such drive')", "RuntimeError: no such drive"),
        ("import missing_module_of_a_test", "missing_module_of_a_test"),
        ("import sys; sys.exit('licence expired')", "licence expired"),
        ("def broken(:", "SyntaxError"),
    ],
)
def test_plugin_that_cannot_be_imported_is_named(plugin, text, named):
    message = refusal(plugin("acme", text, owner="acme-cells"))
    assert named in message and "acme-cells 1.2" in message and "; " in message


def test_broken_plugin_leaves_the_others_alone(plugin):
    broken = plugin("broken", "raise RuntimeError")
    host = Host([broken, plugin("acme", GOOD)])
    for _ in range(2):
        with pytest.raises(PluginError, match="'broken'"):
            host.load("broken")
    assert host.find("cells", "acme.Cell.v1")


def test_ctrl_c_during_an_import_is_no_fault_of_the_plugin(plugin):
    with pytest.raises(KeyboardInterrupt):
        Host([plugin("acme", "raise KeyboardInterrupt")]).load("acme")


def test_entry_point_must_name_a_module(plugin):
    message = refusal(plugin("acme", "thing = 1", owner="acme-cells", target=":thing"))
    assert "must name a module" in message and "acme-cells" in message


def test_misspelt_hook_is_refused(plugin):
    text = "@hookimpl\ndef seqpipe_cell():\n    return {}\n"
    message = refusal(plugin("acme", GOOD + text, owner="acme-cells"))
    assert "acme-cells 1.2 has an unknown hook seqpipe_cell; did you mean seqpipe_cells?" in message


def test_hook_with_an_argument_that_is_not_given_is_refused(plugin):
    text = "@hookimpl\ndef seqpipe_cells(size):\n    return {}\n"
    assert "size" in refusal(plugin("acme", text, owner="acme-cells"))


def test_module_without_hooks_is_refused(plugin):
    message = refusal(plugin("acme", "", owner="acme-cells"))
    assert "implements no hook" in message and "acme-cells" in message


@pytest.mark.parametrize("more", ["", GOOD.replace("seqpipe_cells", "seqpipe_heads")])
def test_hook_without_its_marker_is_refused(plugin, more):
    text = f"{more}\ndef seqpipe_cells():\n    return {{}}\n"
    message = refusal(plugin("acme", text, owner="acme-cells"))
    assert "seqpipe_cells of acme-cells 1.2 isn't marked: put @hookimpl before it" in message


@pytest.mark.parametrize("before", ["raise OSError('gone')", "raise SystemExit('gone')"])
def test_hook_that_raises_is_named(plugin, before):
    text = f"@hookimpl\ndef seqpipe_cells():\n    {before}\n"
    message = refusal(plugin("acme", text, owner="acme-cells"))
    assert "seqpipe_cells of acme-cells 1.2" in message and "gone" in message


@pytest.mark.parametrize("returned", ["[dict]", "'acme.Cell.v1'", "None", "()"])
def test_hook_must_return_a_dictionary(cell_plugin, returned):
    message = refusal(cell_plugin(returned))
    assert "seqpipe_cells of acme-cells 1.2 must return a dictionary" in message


@pytest.mark.parametrize(
    "name",
    [
        "other.Cell.v1",
        "acme.Cell",
        "acme.Cell.1",
        "acme.My.Cell.v1",
        "acme.Cell.v1 ",
        "Cell.v1",
        "",
    ],
)
def test_names_follow_the_pattern(cell_plugin, name):
    message = refusal(cell_plugin({name: 1}))
    assert repr(name) in message and "acme.<Name>.v<N>" in message


def test_name_that_is_no_text_is_refused(cell_plugin):
    assert "offers 1" in refusal(cell_plugin("{1: dict}"))


def test_factory_must_be_callable(cell_plugin):
    message = refusal(cell_plugin("{'acme.Cell.v1': 17}"))
    assert "17 as acme.Cell.v1, which can't be called" in message


def test_name_claimed_twice_is_refused_with_both_owners(plugin):
    claims = [plugin("acme", GOOD, owner=owner) for owner in ("acme-one", "acme-two")]
    message = refusal(*claims)
    assert "acme-one 1.2 and acme-two 1.2 both claim the plugin name 'acme'" in message
    assert not any(claim.module in sys.modules for claim in claims)


def test_unknown_part_gets_a_suggestion(plugin):
    acme = plugin("acme", GOOD, owner="acme-cells")
    message = refusal(acme, name="acme.Cel.v1")
    assert "did you mean 'acme.Cell.v1'" in message and "acme.Cell.v2" in message


def test_part_of_another_kind_is_refused_as_that(plugin):
    message = refusal(plugin("acme", GOOD, owner="acme-cells"), name="acme.Words.v1")
    assert "one of its tokenizers, not of its cells" in message


def test_plugin_that_offers_none_of_a_kind_says_so(plugin):
    message = refusal(plugin("acme", GOOD), kind="heads")
    assert "cells, not of its heads" in message
    assert "it offers none" in refusal(plugin("acme", GOOD), kind="heads", name="acme.Head.v1")


@pytest.mark.parametrize("name", ["acmee.Cell.v1", "Cell", "", "acme-cells.Cell.v1"])
def test_unknown_plugin_is_refused_with_those_installed(plugin, name):
    message = refusal(plugin("acme", GOOD), plugin("other", GOOD), name=name)
    assert "installed: acme, other" in message


def test_near_name_of_a_plugin_is_suggested(plugin):
    assert "did you mean 'acme'" in refusal(plugin("acme", GOOD), name="acmee.Cell.v1")


def test_our_own_parts_come_through_the_same_hooks():
    assert "seqpipe" in host().plugin_names
    assert host().load("seqpipe").owner.is_seqpipe
    found = {kind: set(host().load("seqpipe").parts[kind]) for kind in KINDS}
    assert found["cells"] == {"seqpipe.RNN.v1", "seqpipe.LSTM.v1", "seqpipe.GRU.v1"}
    assert all(found.values())
    assert find_part("cells", "seqpipe.GRU.v1").kind == "cells"


@pytest.mark.parametrize("kind", KINDS)
def test_our_own_parts_can_all_be_bound(kind):
    for part in host().load("seqpipe").parts[kind].values():
        assert all(setting.kind is setting.KEYWORD_ONLY for setting in part.settings.values())
        assert part.takes_sizes == (kind in ("cells", "encoders", "heads"))
