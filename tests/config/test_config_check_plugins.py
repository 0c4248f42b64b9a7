"""What's wrong with a plugin is reported where a file names its parts."""

import importlib.metadata
import sys
import types

import pytest

import seqpipe.plugins._host as plugin_host
from seqpipe.errors import PluginError
from seqpipe.hookspecs import hookimpl

INSTALL = 'pip install "acme-parts>=2.0,<3"'


def marked(problem):
    place = problem.place
    return place.text[place.column - 1 : place.column - 1 + place.length]


@pytest.fixture
def install(monkeypatch):
    """Return a function that installs the plugin "acme" of acme-parts 1.2, and one that's broken."""

    def take(**how):
        dist = types.SimpleNamespace(name="acme-parts", version="1.2", requires=None)
        acme = importlib.metadata.EntryPoint("acme", "acme_plugin", "seqpipe")._for(dist)
        broken = importlib.metadata.EntryPoint("broken", "acme_plugin:nothing", "seqpipe")
        host = plugin_host.Host([acme, broken], **how)
        monkeypatch.setattr(plugin_host, "host", lambda: host)
        monkeypatch.setattr("seqpipe.plugins.host", lambda: host)

    return take


@pytest.mark.usefixtures("acme")
def test_a_broken_plugin_is_not_said_to_be_missing(good, errors_of):
    (problem,) = errors_of(good.replace("acme.Simple.v1", "broken.Simple.v1"))
    assert problem.message == 'the cell "broken.Simple.v1" can\'t be used'
    assert marked(problem) == '"broken.Simple.v1"' and problem.label == ""
    assert "can't be imported" in problem.help[0] and len(problem.help) == 1


def test_a_reference_that_leads_nowhere_says_why_and_suggests_nothing(good, errors_of):
    offers = {"acme.Twofold.v1": len, "acme.Twofold.v2": "missing_module_of_a_test:Cell"}
    sys.modules["acme_plugin"].seqpipe_cells = hookimpl(lambda: offers)
    (problem,) = errors_of(good.replace("acme.Simple.v1", "acme.Twofold.v2"))
    assert problem.message == 'the cell "acme.Twofold.v2" can\'t be used'
    assert problem.label == "" and "No module named 'missing_module_of_a_test'" in problem.help[0]


def with_package(good, name, package):
    return good.replace('"acme.Simple.v1"', f'"{name}"\npackage = "{package}"')


@pytest.mark.parametrize("package", ["acme-parts 1.2", "acme-parts 1.0", "Acme_Parts"])
def test_the_package_on_record_may_be_in_the_file(good, errors_of, install, package):
    install()
    assert errors_of(with_package(good, "acme.Simple.v1", package)) == []


@pytest.mark.parametrize("name", ["acme.Simple.v1", "acme.Simple.v2", "gone.Simple.v1"])
def test_a_package_that_is_not_there_is_reported_with_what_to_install(
    good, errors_of, install, name
):
    install()
    (problem,) = errors_of(with_package(good, name, "acme-parts 2.0"))
    assert marked(problem) == f'"{name}"'
    if name != "acme.Simple.v2":
        assert f"{name} needs acme-parts 2.0, as its `package` says" in problem.help[0]
        assert INSTALL in problem.help[0]


def test_a_package_that_is_no_text_is_a_wrong_value(good, errors_of, install):
    install()
    (problem,) = errors_of(good.replace('"acme.Simple.v1"', '"acme.Simple.v1"\npackage = 5'))
    assert "expected a string" in problem.message


@pytest.mark.usefixtures("acme")
def test_a_part_without_a_package_takes_none(good, errors_of):
    (problem,) = errors_of(with_package(good, "acme.Simple.v1", "acme-parts 1.2"))
    assert problem.message == '[encoder.cell] (acme.Simple.v1) has no key "package"'


def test_a_misspelt_setting_is_not_taken_for_the_package(good, errors_of, install):
    install()
    (problem,) = errors_of(good.replace("forget_bias", "packages"))
    assert "package" not in problem.label and "package," not in "".join(problem.help)


def test_a_strict_host_is_reported_once_for_all(good, errors_of, install):
    install(strict=True)
    with pytest.raises(PluginError, match="SEQPIPE_STRICT_PLUGINS is set") as caught:
        errors_of(good)
    assert str(caught.value).count("\n") == 1


def test_a_setting_of_a_newer_version_is_named_with_it(good, errors_of):
    def first(input_width, width, *, forget_bias: float = 1.0): ...
    def third(input_width, width, *, forget_bias: float = 1.0, peepholes: bool = False): ...

    broken = "missing_module_of_a_test:Cell"
    offers = {"acme.Simple.v1": first, "acme.Simple.v2": broken, "acme.Simple.v3": third}
    sys.modules["acme_plugin"].seqpipe_cells = hookimpl(lambda: offers)
    (problem,) = errors_of(good.replace('"acme.Simple.v1"', '"acme.Simple.v1"\npeepholes = true'))
    assert problem.message == '[encoder.cell] (acme.Simple.v1) has no key "peepholes"'
    assert problem.help == ("acme.Simple.v3 has it: name that in place of acme.Simple.v1",)
    (problem,) = errors_of(good.replace('"acme.Simple.v1"', '"acme.Simple.v1"\nholes = true'))
    assert problem.help[0].startswith("it takes ")
