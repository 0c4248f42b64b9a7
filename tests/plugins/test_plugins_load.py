"""A plugin is loaded whole or not at all, and breaks its contract by itself."""

import sys
import types
import warnings

import pluggy
import pytest

from seqpipe import __version__
from seqpipe.hookspecs import KINDS
from seqpipe.plugins import _load
from seqpipe.plugins._load import load_parts
from seqpipe.plugins._owner import owner_of
from seqpipe.plugins._trouble import TroubleError

GOOD = """
@hookimpl
def seqpipe_cells():
    return {"acme.Cell.v1": dict, "acme.Cell.v2": list}

@hookimpl
def seqpipe_tokenizers():
    return {"acme.Words.v1": str.split}
"""


def load(entry_point):
    return load_parts(entry_point, owner_of(entry_point))


def trouble(entry_point):
    with pytest.raises(TroubleError) as caught:
        load(entry_point)
    return caught.value.trouble


def test_parts_are_returned_by_kind_and_name(plugin):
    parts = load(plugin("acme", GOOD, owner="acme-cells"))
    assert list(parts) == list(KINDS)
    assert list(parts["cells"]) == ["acme.Cell.v1", "acme.Cell.v2"]
    part = parts["tokenizers"]["acme.Words.v1"]
    assert (part.kind, part.name, str(part.owner)) == (
        "tokenizers",
        "acme.Words.v1",
        "acme-cells 1.2",
    )
    assert part.factory is str.split


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("raise RuntimeError('no such drive')", "RuntimeError: no such drive"),
        ("import missing_module_of_a_test", "missing_module_of_a_test"),
        ("import sys; sys.exit('licence expired')", "SystemExit: licence expired"),
        ("import pytest; pytest.skip('no GPU', allow_module_level=True)", "Skipped: no GPU"),
        ("raise BaseException('odd')", "BaseException: odd"),
        ("def broken(:", "SyntaxError"),
    ],
)
def test_plugin_that_cannot_be_imported_is_named(plugin, text, named):
    found = trouble(plugin("acme", text, owner="acme-cells"))
    assert f"the plugin 'acme' of acme-cells 1.2 can't be imported ({named}" in found.reason or (
        named in found.reason and "acme-cells 1.2" in found.reason
    )
    assert found.fix and found.traceback


def test_what_a_plugin_prints_and_warns_of_is_its_own_affair(plugin, capsys):
    text = "import warnings\nprint('hello')\nwarnings.warn('old', DeprecationWarning)\n" + GOOD
    with pytest.warns(DeprecationWarning, match="old"):
        assert load(plugin("acme", text))["cells"]
    assert capsys.readouterr().out == "hello\n"


def test_warning_that_is_an_error_to_its_reader_is_one_of_that_plugin(plugin):
    text = "import warnings\nwarnings.warn('old', DeprecationWarning)\n" + GOOD
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "(DeprecationWarning: old)" in trouble(plugin("acme", text)).reason


@pytest.mark.parametrize("name", ["acme-cells", "acme.cells", "", "a b"])
def test_name_that_cannot_begin_a_parts_name_is_refused(plugin, name):
    found = trouble(plugin(name, GOOD, owner="acme-cells"))
    assert f"{name!r} of acme-cells 1.2 isn't made of letters" in found.reason


@pytest.mark.parametrize("value", ["what is this", "acme_parts:", "", "acme-parts"])
def test_entry_point_that_names_no_module_is_refused(plugin, value):
    entry_point = plugin("acme", GOOD, owner="acme-cells")
    entry_point = type(entry_point)("acme", value, "seqpipe")._for(entry_point.dist)
    found = trouble(entry_point)
    assert repr(value) in found.reason and "acme-cells 1.2" in found.reason


def test_entry_point_must_name_a_module(plugin):
    found = trouble(plugin("acme", "thing = 1", owner="acme-cells", target=":thing"))
    assert "must name a module" in found.reason and "acme-cells" in found.fix


def test_attribute_that_is_not_there_is_reported(plugin):
    found = trouble(plugin("acme", "", owner="acme-cells", target=":thing"))
    assert "has no attribute 'thing'" in found.reason


def test_plugin_for_another_release_is_refused_before_its_import(plugin):
    entry_point = plugin("acme", GOOD, owner="acme-cells", requires=["seqpipe>=1000,<1001"])
    found = trouble(entry_point)
    assert f"requires seqpipe<1001,>=1000, but this is seqpipe {__version__}" in found.reason
    assert found.fix == 'pip install "seqpipe<1001,>=1000", or another version of acme-cells'
    assert entry_point.module not in sys.modules


def test_misspelt_hook_is_refused(plugin):
    text = "@hookimpl\ndef seqpipe_cell():\n    return {}\n"
    found = trouble(plugin("acme", GOOD + text, owner="acme-cells"))
    assert found.reason == (
        "the plugin 'acme' of acme-cells 1.2 has an unknown hook seqpipe_cell; did you mean "
        '"seqpipe_cells"?'
    )


def test_hook_like_no_other_is_refused_with_all_there_are(plugin):
    found = trouble(plugin("acme", "@hookimpl\ndef add_layers(): pass\n"))
    assert all(f"seqpipe_{kind}" in found.reason for kind in KINDS)


def test_hook_of_another_release_may_be_marked_as_optional(plugin):
    text = "@hookimpl(optionalhook=True)\ndef seqpipe_readers():\n    return {}\n"
    assert load(plugin("acme", GOOD + text))["cells"]


def test_hook_with_an_argument_that_is_not_given_is_refused(plugin):
    text = "@hookimpl\ndef seqpipe_cells(size):\n    return {}\n"
    assert "size" in trouble(plugin("acme", text, owner="acme-cells")).reason


def test_module_without_hooks_is_refused(plugin):
    found = trouble(plugin("acme", "", owner="acme-cells"))
    assert "implements no hook" in found.reason and "acme-cells" in found.reason


@pytest.mark.parametrize("more", ["", GOOD.replace("seqpipe_cells", "seqpipe_heads")])
def test_hook_without_its_marker_is_refused(plugin, more):
    text = f"{more}\ndef seqpipe_cells():\n    return {{}}\n"
    found = trouble(plugin("acme", text, owner="acme-cells"))
    assert "seqpipe_cells of acme-cells 1.2 isn't marked: put @hookimpl before it" in found.reason


@pytest.mark.parametrize(
    "raised", ["OSError('gone')", "SystemExit('gone')", "BaseException('gone')"]
)
def test_hook_that_raises_loses_all_parts_of_its_plugin(plugin, raised):
    text = f"{GOOD}\n@hookimpl\ndef seqpipe_heads():\n    raise {raised}\n"
    found = trouble(plugin("acme", text, owner="acme-cells"))
    assert found.reason.startswith("seqpipe_heads of acme-cells 1.2 raised ")
    assert "gone" in found.reason and "plugin_of_a_test" in found.traceback


@pytest.mark.parametrize(
    "returned", ["[dict]", "'acme.Cell.v1'", "None", "()", "types.MappingProxyType({})"]
)
def test_hook_must_return_a_dictionary(cell_plugin, returned):
    found = trouble(cell_plugin(returned, "import types"))
    assert "seqpipe_cells of acme-cells 1.2 must return a dictionary, not" in found.reason


def test_dictionary_may_be_of_a_class_of_its_own(cell_plugin):
    ordered = "collections.OrderedDict({'acme.Cell.v1': dict})"
    assert list(load(cell_plugin(ordered, "import collections"))["cells"]) == ["acme.Cell.v1"]


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
    found = trouble(cell_plugin({name: 1}))
    assert repr(name) in found.reason and "acme.<Name>.v<N>" in found.reason


@pytest.mark.parametrize("name", ["1", "None", "b'acme.Cell.v1'", "('acme.Cell.v1',)"])
def test_name_that_is_no_text_is_refused(cell_plugin, name):
    assert f"provides {name}: names are" in trouble(cell_plugin(f"{{{name}: dict}}")).reason


def test_part_of_ours_cannot_be_replaced(cell_plugin):
    found = trouble(cell_plugin("{'seqpipe.LSTM.v1': dict}"))
    assert "provides 'seqpipe.LSTM.v1': names are acme.<Name>.v<N>" in found.reason


def test_factory_must_be_callable(cell_plugin):
    found = trouble(cell_plugin("{'acme.Cell.v1': 17}"))
    assert "17 as acme.Cell.v1, which can't be called" in found.reason


@pytest.mark.parametrize("reference", ["acme_parts", "acme_parts:", ":Cell", "a b:C", "a:B:C"])
def test_reference_must_have_its_form(cell_plugin, reference):
    found = trouble(cell_plugin({"acme.Cell.v1": reference}))
    assert repr(reference) in found.reason and '"package.module:Name"' in found.reason


def test_reference_is_not_followed_yet(cell_plugin):
    parts = load(cell_plugin({"acme.Cell.v1": "missing_module_of_a_test:Cell"}))
    assert parts["cells"]["acme.Cell.v1"].offer == "missing_module_of_a_test:Cell"


MORE = """
@hookimpl(specname="seqpipe_cells")
def more_cells():
    return {"acme.Cell.v2": tuple, "acme.Cell.v3": tuple}
"""


def test_two_functions_may_implement_one_hook(plugin):
    parts = load(plugin("acme", GOOD + MORE.replace('"acme.Cell.v2": tuple, ', "")))
    assert set(parts["cells"]) == {"acme.Cell.v1", "acme.Cell.v2", "acme.Cell.v3"}


def test_two_functions_may_not_offer_the_same_name(plugin):
    found = trouble(plugin("acme", GOOD + MORE, owner="acme-cells"))
    assert "seqpipe_cells of acme-cells 1.2 provides acme.Cell.v2 more than once" in found.reason


def test_one_of_two_functions_may_not_return_nothing(plugin):
    text = GOOD + MORE.replace("return", "_ =")
    assert "must return a dictionary, not None" in trouble(plugin("acme", text)).reason


def test_parts_of_different_kinds_may_share_a_name(plugin):
    parts = load(plugin("acme", GOOD + GOOD.replace("seqpipe_cells", "seqpipe_heads")))
    assert "acme.Cell.v1" in parts["cells"] and "acme.Cell.v1" in parts["heads"]


@pytest.mark.parametrize(
    "text",
    [
        # What's looked at may run code, which may raise anything.
        "class Odd:\n    def __repr__(self):\n        raise OSError('gone')\n"
        "@hookimpl\ndef seqpipe_cells():\n    return Odd()\n",
        "class Odd(dict):\n    def items(self):\n        raise SystemExit('gone')\n"
        "@hookimpl\ndef seqpipe_cells():\n    return Odd()\n",
        f"{GOOD}\ndef __getattr__(name):\n    raise OSError('gone')\n",
    ],
)
def test_plugin_that_cannot_even_be_looked_at_is_refused(plugin, text):
    found = trouble(plugin("acme", text, owner="acme-cells"))
    assert "the plugin 'acme' of acme-cells 1.2 can't be read" in found.reason
    assert "gone" in found.reason and "report it to the authors of acme-cells" in found.fix


def test_ctrl_c_is_no_fault_of_a_plugin(plugin):
    text = "@hookimpl\ndef seqpipe_cells():\n    raise KeyboardInterrupt\n"
    with pytest.raises(KeyboardInterrupt):
        load(plugin("acme", text))


@pytest.fixture
def later_release(monkeypatch):
    """Let the hook for cells have an argument, as a later release might."""
    hookspec = pluggy.HookspecMarker("seqpipe")
    specs = types.ModuleType("later_hookspecs")

    def seqpipe_cells(device):
        pass

    specs.seqpipe_cells = hookspec(seqpipe_cells)
    for kind in KINDS:
        if kind != "cells":
            setattr(specs, f"seqpipe_{kind}", getattr(_load.hookspecs, f"seqpipe_{kind}"))
    specs.KINDS = KINDS
    monkeypatch.setattr(_load, "hookspecs", specs)
    monkeypatch.setattr(_load, "_ARGUMENTS", {"device": "cpu"})


@pytest.mark.usefixtures("later_release")
def test_hook_that_gains_an_argument_breaks_no_older_plugin(plugin):
    old = load(plugin("acme", GOOD))
    assert set(old["cells"]) == {"acme.Cell.v1", "acme.Cell.v2"} and old["tokenizers"]
    new = load(
        plugin(
            "new", "@hookimpl\ndef seqpipe_cells(device):\n    return {f'new.{device}.v1': dict}\n"
        )
    )
    assert list(new["cells"]) == ["new.cpu.v1"]
