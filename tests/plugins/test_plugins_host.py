"""The host loads plugins one by one, and says whose fault it is when that fails."""

import importlib
import importlib.metadata
import sys
import threading

import pytest

from seqpipe.errors import PluginError
from seqpipe.hookspecs import KINDS
from seqpipe.plugins import Host, _host, find_part, host

GOOD = """
@hookimpl
def seqpipe_cells():
    return {"acme.Cell.v1": dict, "acme.Cell.v2": list}

@hookimpl
def seqpipe_tokenizers():
    return {"acme.Words.v1": str.split}
"""
REPORTS = "import sys\nsys.events_of_a_test.append('NAME')\n"
BROKEN = "raise RuntimeError('no such drive')\n"


def good(name):
    return GOOD.replace("acme.", f"{name}.")


def test_plugin_is_loaded_with_its_owner(plugin):
    loaded = Host([plugin("acme", GOOD, owner="acme-cells")]).load("acme")
    assert (loaded.name, str(loaded.owner), loaded.state) == ("acme", "acme-cells 1.2", "loaded")
    assert list(loaded.parts) == list(KINDS) and loaded.trouble is None


def test_part_is_found_by_its_name(plugin):
    found = Host([plugin("acme", GOOD)]).find("cells", "acme.Cell.v2")
    assert found.factory is list


def test_only_the_plugin_that_is_used_is_imported(plugin):
    wanted = plugin("acme", GOOD)
    other = plugin("other", "raise AssertionError('imported')")
    host = Host([wanted, other])
    assert host.plugin_names == ["acme", "other"]
    assert wanted.module not in sys.modules
    host.find("cells", "acme.Cell.v1")
    assert [loaded.name for loaded in host.loaded] == ["acme"]
    assert other.module not in sys.modules


@pytest.mark.parametrize("text", [REPORTS + GOOD, REPORTS + BROKEN])
def test_plugin_is_imported_once_whatever_comes_of_it(plugin, events, text):
    host = Host([plugin("acme", text)])
    assert host.survey() == host.survey()
    for _ in range(2):
        try:
            assert host.load("acme") is host.survey()[0]
        except PluginError as error:
            assert "no such drive" in str(error)
    assert len(events) == 1


def test_broken_plugin_leaves_the_others_alone(plugin):
    host = Host([plugin("broken", "raise RuntimeError"), plugin("acme", GOOD)])
    for _ in range(2):
        with pytest.raises(PluginError, match="'broken'"):
            host.load("broken")
    assert host.find("cells", "acme.Cell.v1")
    assert [loaded.name for loaded in host.loaded] == ["acme"]


@pytest.mark.parametrize("where", ["import", "hook"])
def test_after_ctrl_c_a_plugin_can_be_loaded(plugin, events, where):
    stop = "sys.events_of_a_test or (sys.events_of_a_test.append('stopped'), _stop())\n"
    text = "import sys\ndef _stop():\n    raise KeyboardInterrupt\n"
    if where == "import":
        text += stop + GOOD
    else:
        text += GOOD.replace("    return", f"    {stop}    return")
    host = Host([plugin("acme", text)])
    with pytest.raises(KeyboardInterrupt):
        host.load("acme")
    assert host.loaded == []
    assert host.load("acme").state == "loaded" and events == ["stopped"]


def test_ctrl_c_stops_a_survey_which_can_go_on(plugin, events):
    stop = "import sys\nif not sys.events_of_a_test:\n    sys.events_of_a_test.append(1)\n    raise KeyboardInterrupt\n"
    host = Host([plugin("a", good("a")), plugin("b", stop + good("b"))])
    with pytest.raises(KeyboardInterrupt):
        host.survey()
    assert [plugin.state for plugin in host.survey()] == ["loaded", "loaded"]


def test_survey_returns_the_state_of_each(plugin):
    host = Host(
        [
            plugin(
                "slow", "import time\ntime.sleep(0.03)\n" + good("slow"), owner="slow-parts 3.0"
            ),
            plugin("broken", BROKEN, owner="broken-parts 0.1"),
            plugin("acme", GOOD, owner="acme-one"),
            plugin("acme", GOOD, owner="acme-two"),
            plugin("later", good("later"), owner="later-parts", requires=["seqpipe>=1000"]),
        ]
    )
    said = []
    found = host.survey(on_plugin=said.append)
    assert said == ["acme", "acme", "broken", "later", "slow"]
    assert [(p.name, str(p.owner), p.state) for p in found] == [
        ("acme", "acme-one 1.2", "quarantined"),
        ("acme", "acme-two 1.2", "quarantined"),
        ("broken", "broken-parts 0.1", "quarantined"),
        ("later", "later-parts 1.2", "quarantined"),
        ("slow", "slow-parts 3.0", "loaded"),
    ]
    for one in found[:4]:
        assert one.trouble.reason and one.trouble.fix
        assert not any(one.parts.values()) and list(one.parts) == list(KINDS)
    assert found[2].trouble.traceback.endswith("RuntimeError: no such drive")
    assert found[4].seconds >= 0.03 and found[0].seconds == 0


def test_name_claimed_twice_is_refused_with_both_owners(plugin):
    claims = [plugin("acme", GOOD, owner=owner) for owner in ("acme-one", "acme-two")]
    host = Host(claims)
    with pytest.raises(PluginError, match=r"acme-one 1\.2 and acme-two 1\.2 both claim"):
        host.load("acme")
    assert not any(claim.module in sys.modules for claim in claims)
    assert [str(owner) for owner in host.owners_of("acme")] == ["acme-one 1.2", "acme-two 1.2"]


def test_distribution_that_is_found_twice_is_one_plugin(plugin):
    claim = plugin("acme", GOOD, owner="acme-cells 1.0")
    older = type(claim)(claim.name, claim.value, claim.group)
    older = older._for(type(claim.dist)(name="Acme_Cells", version="0.9", requires=None))
    (found,) = Host([claim, older]).survey()
    assert (found.state, str(found.owner)) == ("loaded", "acme-cells 1.0")


def test_our_own_parts_are_unaffected_by_a_claim_on_our_name(plugin):
    ours = type(plugin("x", ""))("seqpipe", "seqpipe.builtin", "seqpipe")
    thief = plugin("seqpipe", REPORTS + good("seqpipe"), owner="thief-parts")
    host = Host([thief, ours])
    assert host.find("cells", "seqpipe.LSTM.v1")
    assert thief.module not in sys.modules
    (stolen,) = [each for each in host.survey() if each.state == "quarantined"]
    assert "thief-parts 1.2 claims the plugin name 'seqpipe'" in stolen.trouble.reason


# The messages for unknown names.


def refusal(*entry_points, kind="cells", name="acme.Cell.v1"):
    host = Host(entry_points)
    with pytest.raises(PluginError) as caught:
        host.find(kind, name)
    return str(caught.value)


def test_unknown_part_gets_a_suggestion(plugin):
    acme = plugin("acme", GOOD, owner="acme-cells")
    message = refusal(acme, name="acme.Cel.v1")
    assert 'did you mean "acme.Cell.v1"' in message and "acme.Cell.v2" in message


def test_part_of_another_kind_is_refused_as_that(plugin):
    message = refusal(plugin("acme", GOOD, owner="acme-cells"), name="acme.Words.v1")
    assert "one of its tokenizers, not of its cells" in message


def test_plugin_that_offers_none_of_a_kind_says_so(plugin):
    message = refusal(plugin("acme", GOOD), kind="heads")
    assert "cells, not of its heads" in message
    assert "it provides none" in refusal(plugin("acme", GOOD), kind="heads", name="acme.Head.v1")


@pytest.mark.parametrize(
    "name", ["acmee.Cell.v1", "Cell", "", "acme-cells.Cell.v1", "ACME.Cell.v1"]
)
def test_unknown_plugin_is_refused_with_those_installed(plugin, name):
    message = refusal(plugin("acme", GOOD), plugin("other", GOOD), name=name)
    assert "installed: acme, other" in message


def test_near_name_of_a_plugin_is_suggested(plugin):
    assert 'did you mean "acme"' in refusal(plugin("acme", GOOD), name="acmee.Cell.v1")


def test_broken_plugin_is_reported_with_a_fix(plugin):
    message = refusal(plugin("acme", "import missing_of_a_test", owner="acme-cells"))
    assert "the plugin 'acme' of acme-cells 1.2 can't be imported" in message
    assert "pip install acme-cells" in message


# Plugins that ask for parts while they're imported.

ASKS = "from seqpipe.plugins import _host\n_host.host().find('cells', {!r})\n"


@pytest.fixture
def installed(monkeypatch):
    """Return a function that takes plugins as installed, beside those of ours, and returns the host."""
    monkeypatch.delenv("SEQPIPE_PLUGINS", raising=False)
    monkeypatch.delenv("SEQPIPE_STRICT_PLUGINS", raising=False)

    def take(*claims):
        ours = importlib.metadata.EntryPoint("seqpipe", "seqpipe.builtin", "seqpipe")
        monkeypatch.setattr(_host, "entry_points", lambda group: [ours, *claims])
        _host._installed.cache_clear()
        return host()

    yield take
    _host._installed.cache_clear()


def test_plugin_may_ask_for_anothers_part_on_import(plugin, installed):
    asking = plugin("asking", ASKS.format("acme.Cell.v1") + good("asking"))
    host = installed(asking, plugin("acme", GOOD))
    assert host.load("asking") and {p.name for p in host.loaded} == {"asking", "acme"}


def test_plugin_that_asks_for_itself_is_refused(plugin, installed):
    host = installed(plugin("acme", ASKS.format("acme.Cell.v1") + GOOD), plugin("b", good("b")))
    with pytest.raises(PluginError, match=r"'acme' of .* is requested while it's being imported"):
        host.load("acme")
    assert host.find("cells", "b.Cell.v1")
    assert [p.state for p in host.survey()] == ["quarantined", "loaded", "loaded"]


def test_plugin_that_can_do_without_itself_is_loaded(plugin, installed):
    asks = "".join(f"    {line}\n" for line in ASKS.format("acme.Cell.v1").splitlines())
    text = f"from seqpipe.errors import PluginError\ntry:\n{asks}except PluginError:\n    pass\n"
    assert installed(plugin("acme", text + GOOD)).find("cells", "acme.Cell.v1")


def test_of_plugins_that_ask_for_each_other_the_first_is_loaded(plugin, installed):
    asks = "from seqpipe.plugins import _host\ntry:\n    _host.host().load({!r})\nexcept Exception:\n    pass\n"
    a = plugin("a", asks.format("b") + good("a"))
    b = plugin("b", ASKS.format("a.Cell.v1") + good("b"))
    host = installed(a, b)
    assert host.find("cells", "a.Cell.v1")
    with pytest.raises(PluginError, match=r"'a' of .* is requested while it's being imported"):
        host.load("b")


def test_plugin_that_surveys_is_refused_and_the_rest_is_there(plugin, installed):
    surveys = "from seqpipe.plugins import host\nhost().survey()\n"
    host = installed(plugin("acme", surveys + GOOD), plugin("b", good("b")))
    assert [(p.name, p.state) for p in host.survey()] == [
        ("acme", "quarantined"),
        ("b", "loaded"),
        ("seqpipe", "loaded"),
    ]


# Threads.


def in_threads(*functions):
    """Call functions at once, a thread for each, and return what they return."""
    start, results = threading.Barrier(len(functions)), {}

    def call(number, function):
        start.wait(10)
        results[number] = function()

    threads = [
        threading.Thread(target=call, args=each, daemon=True) for each in enumerate(functions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads), "threads wait for each other"
    return [results.get(number) for number in range(len(functions))]


def test_threads_share_one_load(plugin, events):
    # Slow enough at import that all threads ask meanwhile.
    host = Host([plugin("acme", REPORTS + "import time\ntime.sleep(0.05)\n" + GOOD)])
    loaded = in_threads(*[lambda: host.load("acme")] * 8)
    assert all(each is loaded[0] for each in loaded) and len(events) == 1


def test_threads_share_one_refusal(plugin, events):
    host = Host([plugin("acme", REPORTS + "import time\ntime.sleep(0.05)\n" + BROKEN)])

    def load():
        with pytest.raises(PluginError, match="no such drive") as caught:
            host.load("acme")
        return str(caught.value)

    assert len(set(in_threads(*[load] * 8))) == 1 and len(events) == 1


def test_threads_share_one_host(installed, monkeypatch):
    installed()
    entry_points = _host.entry_points
    monkeypatch.setattr(
        _host, "entry_points", lambda group: threading.Event().wait(0.02) or entry_points(group)
    )
    _host._installed.cache_clear()
    hosts = in_threads(*[host] * 8)
    assert all(each is hosts[0] for each in hosts)


def test_plugins_that_import_each_other_are_loaded_by_two_threads(plugin, events):
    imports = "import importlib, sys, time\ntime.sleep(0.02)\nimportlib.import_module(sys.events_of_a_test[{}])\n"
    a = plugin("a", imports.format(1) + good("a"))
    b = plugin("b", imports.format(0) + good("b"))
    events += [a.module, b.module]
    host = Host([a, b])
    loaded = in_threads(lambda: host.load("a"), lambda: host.load("b"))
    assert [each.state for each in loaded] == ["loaded", "loaded"]


def test_module_that_a_thread_imports_by_itself_may_ask_for_what_is_loaded(
    plugin, installed, events
):
    # One thread holds the lock of the module, the other that of the host: each has what the other waits for.
    waits = "import sys\nsys.events_of_a_test[0].set()\nsys.events_of_a_test[1].wait(10)\n"
    shared = plugin("shared", waits + ASKS.format("seqpipe.LSTM.v1") + good("shared"))
    reports = "import sys\nsys.events_of_a_test[1].set()\n"
    acme = plugin("acme", f"{reports}import {shared.module}\n{GOOD}")
    host = installed(acme, shared)
    host.load("seqpipe")
    events += [threading.Event(), threading.Event()]

    def load():
        assert events[0].wait(10)
        return host.load("acme").state

    module, state = in_threads(lambda: importlib.import_module(shared.module), load)
    assert module and state == "loaded"


# Which plugins may be used, and what a strict host makes of the others.


def test_all_are_allowed_by_default(installed, plugin):
    assert installed(plugin("acme", GOOD)).load("acme") and host().missing == []


@pytest.mark.parametrize(
    ("allowed", "states"),
    [
        ("", {"acme": "not allowed", "b": "not allowed", "seqpipe": "loaded"}),
        (" , ", {"acme": "not allowed", "b": "not allowed", "seqpipe": "loaded"}),
        ("acme", {"acme": "loaded", "b": "not allowed", "seqpipe": "loaded"}),
        (" b , acme", {"acme": "loaded", "b": "loaded", "seqpipe": "loaded"}),
        ("ACME", {"acme": "not allowed", "b": "not allowed", "seqpipe": "loaded"}),
    ],
)
def test_environment_says_which_plugins_may_be_used(
    plugin, installed, monkeypatch, events, allowed, states
):
    claims = [plugin("acme", REPORTS + GOOD), plugin("b", REPORTS + good("b"))]
    host = installed(*claims)
    monkeypatch.setenv("SEQPIPE_PLUGINS", allowed)
    host = installed(*claims)
    assert {plugin.name: plugin.state for plugin in host.survey()} == states
    assert len(events) == sum(states[claim.name] == "loaded" for claim in claims)
    assert find_part("cells", "seqpipe.LSTM.v1")


def test_plugin_that_is_not_allowed_says_how_to_allow_it(plugin):
    host = Host([plugin("acme", GOOD, owner="acme-cells")], allowed=["b", "acmee"])
    with pytest.raises(PluginError) as caught:
        host.find("cells", "acme.Cell.v1")
    assert str(caught.value) == (
        "the plugin 'acme' of acme-cells 1.2 isn't allowed, as SEQPIPE_PLUGINS is 'acmee,b'; "
        "add acme to it, or unset it to allow all"
    )
    assert host.missing == ["acmee", "b"]


@pytest.mark.parametrize("name", ["good.Cell.v1", "broken.Cell.v1"])
def test_strict_host_lists_all_that_is_broken_at_the_first_use(plugin, events, name):
    host = Host(
        [
            plugin("good", REPORTS + good("good")),
            plugin("broken", REPORTS + BROKEN, owner="broken-parts"),
            plugin("acme", GOOD, owner="acme-one"),
            plugin("acme", GOOD, owner="acme-two"),
            plugin("fenced", "raise AssertionError"),
        ],
        allowed=["good", "broken", "acme", "godo"],
        strict=True,
    )
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            host.find("cells", name)
        message = str(caught.value)
        assert "SEQPIPE_STRICT_PLUGINS is set" in message
        assert "broken-parts 1.2 can't be imported (RuntimeError: no such drive)" in message
        assert "acme-one 1.2 and acme-two 1.2 both claim the plugin name 'acme'" in message
        assert "SEQPIPE_PLUGINS lists 'godo'" in message and 'did you mean "good"' in message
        assert "fenced" not in message.replace("installed: acme, broken, fenced, good", "")
    assert len(events) == 2, "each is imported once"


def test_strict_host_of_sound_plugins_is_like_any(plugin, installed, monkeypatch):
    asking = plugin("asking", ASKS.format("acme.Cell.v1") + good("asking"))
    claims = [asking, plugin("acme", GOOD)]
    installed(*claims)
    monkeypatch.setenv("SEQPIPE_STRICT_PLUGINS", "1")
    host = installed(*claims)
    assert host.is_strict and host.find("cells", "asking.Cell.v1")
    assert {plugin.name for plugin in host.loaded} == {"acme", "asking", "seqpipe"}


@pytest.mark.parametrize(("value", "is_strict"), [("1", True), ("true", True), ("0", False), ("", False), ("False", False)])  # fmt: skip
def test_environment_says_whether_the_host_is_strict(installed, monkeypatch, value, is_strict):
    monkeypatch.setenv("SEQPIPE_STRICT_PLUGINS", value)
    _host._installed.cache_clear()
    assert host().is_strict is is_strict


# The package that's on record.


def test_part_is_found_with_the_package_it_is_wanted_from(plugin, installed):
    installed(plugin("acme", GOOD, owner="acme-cells 1.2"))
    wanted = {"kind": "cells", "name": "acme.Cell.v1"}
    assert find_part(**wanted) is find_part(**wanted, package="acme-cells 1.0")
    with pytest.raises(
        PluginError, match=r"needs acme-cells 2\.0, .* acme-cells 1\.2 is installed"
    ):
        find_part(**wanted, package="acme-cells 2.0")
    with pytest.raises(PluginError, match=r"needs gone-cells 2\.0, .*\n  pip install"):
        find_part("cells", "gone.Cell.v1", package="gone-cells 2.0")
    with pytest.raises(PluginError, match=r"^no installed plugin is called 'gone'"):
        find_part("cells", "gone.Cell.v1")


def test_our_own_parts_are_from_no_package_on_record():
    assert find_part("cells", "seqpipe.LSTM.v1", package="other 9.0").owner.is_seqpipe


# Our own parts.


def test_our_own_parts_come_through_the_same_hooks():
    assert "seqpipe" in host().plugin_names
    assert host().load("seqpipe").owner.is_seqpipe
    found = {kind: set(host().load("seqpipe").parts[kind]) for kind in KINDS}
    assert {"seqpipe.RNN.v1", "seqpipe.LSTM.v1", "seqpipe.GRU.v1"} <= found["cells"]
    assert all(found.values())
    assert find_part("cells", "seqpipe.GRU.v1").kind == "cells"


@pytest.mark.parametrize("kind", KINDS)
def test_our_own_parts_can_all_be_bound(kind):
    for part in host().load("seqpipe").parts[kind].values():
        assert all(setting.kind is setting.KEYWORD_ONLY for setting in part.settings.values())
        assert part.takes_sizes == (kind in ("cells", "encoders", "heads"))


# Parts by reference.

REFERS = """
@hookimpl
def seqpipe_cells():
    return {"acme.Cell.v1": "NAME:OrderedDict", "acme.Typo.v1": "NAME:OrderdDict", "acme.Missing.v1": "NAME_not:Cell"}
from collections import OrderedDict
"""


def broken_parts(host):
    return [part.name for part, _ in host.broken_parts()]


def test_part_whose_module_does_not_exist_is_found_and_costs_itself_alone(plugin):
    host = Host([plugin("acme", REFERS)])
    assert broken_parts(host) == ["acme.Missing.v1"]
    assert host.find("cells", "acme.Cell.v1").factory
    assert host.survey()[0].state == "loaded"


def test_every_part_is_imported_by_a_strict_host_and_one_that_is_broken_is_an_error(plugin):
    host = Host(
        [plugin("acme", REFERS, owner="acme-cells"), plugin("other", good("other"))], strict=True
    )
    assert broken_parts(host) == ["acme.Missing.v1", "acme.Typo.v1"]
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            host.find("cells", "other.Cell.v1")
        lines = str(caught.value).splitlines()
        assert len(lines) == 3 and "acme.Missing.v1 of acme-cells 1.2" in lines[1]
        assert "OrderdDict" in lines[2]


def test_part_may_ask_a_strict_host_for_others_when_it_is_imported(plugin, events):
    asking = """
    import sys
    HOST = sys.events_of_a_test[0]
    found = HOST.find("cells", "other.Cell.v1").factory
    """
    module = plugin("unused", asking).module
    offers = f'@hookimpl\ndef seqpipe_cells():\n    return {{"acme.Cell.v1": "{module}:found"}}\n'
    host = Host([plugin("acme", offers), plugin("other", good("other"))], strict=True)
    events.append(host)
    host.check_strict()
    assert host.broken_parts() == []
    assert host.find("cells", "acme.Cell.v1").factory is dict
