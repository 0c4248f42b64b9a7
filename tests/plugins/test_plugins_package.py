"""A part's package is on record, and the message says what to install if it's missing."""

import pytest

from seqpipe.errors import PluginError
from seqpipe.plugins import Owner
from seqpipe.plugins._package import absent, check_package

NAME = "acme.Cell.v1"
GONE = PluginError("no installed plugin is called 'acme'")


@pytest.mark.parametrize(
    ("record", "owner"),
    [
        ("acme-parts 1.2.3", "acme-parts 1.2.3"),
        ("acme-parts 1.2.3", "acme-parts 1.9"),
        ("acme-parts 1.9", "acme-parts 1.2.3"),
        ("acme-parts 0.1", "acme-parts 0.2"),
        ("Acme_Parts 1.0", "acme-parts 1.1"),
        ("acme-parts 1.0+cu118", "acme-parts 1.0.post1"),
        ("acme-parts", "acme-parts 7.0"),
        ("acme-parts", "acme-parts not.a.version"),
    ],
)
def test_same_package_in_the_same_major_version_will_do(record, owner):
    check_package(record, NAME, Owner(*owner.split(" ", 1)))


@pytest.mark.parametrize(
    ("record", "owner", "command"),
    [
        ("acme-parts 1.2.3", "acme-parts 2.0", 'pip install "acme-parts>=1.2.3,<2"'),
        ("acme-parts 1.2.3", "acme-parts 2.0rc1", 'pip install "acme-parts>=1.2.3,<2"'),
        ("acme-parts 2.0", "acme-parts 1.9", 'pip install "acme-parts>=2.0,<3"'),
        ("acme-parts 0.9", "acme-parts 1.0", 'pip install "acme-parts>=0.9,<1"'),
        ("acme-parts 1.0+cu118", "acme-parts 2.0", 'pip install "acme-parts>=1.0,<2"'),
        ("acme-parts 1.0", "acme-parts not.a.version", 'pip install "acme-parts>=1.0,<2"'),
        (
            "acme-parts 1.0",
            "other 1.0",
            'pip uninstall other, and then pip install "acme-parts>=1.0,<2"',
        ),
        ("acme-parts", "other 1.0", "pip uninstall other, and then pip install acme-parts"),
    ],
)
def test_another_major_version_or_package_will_not(record, owner, command):
    with pytest.raises(PluginError) as caught:
        check_package(record, NAME, Owner(*owner.split(" ", 1)))
    assert str(caught.value) == (
        f"acme.Cell.v1 needs {record}, as its `package` says, but {owner} is installed: {command}"
    )


@pytest.mark.parametrize(
    "record",
    [
        "",
        " ",
        "acme-parts 1.0 2.0",
        "acme-parts==1.0",
        "acme-parts one",
        "--index-url=https://example.org x",
        "https://example.org/acme.zip",
        "acme-parts 1.0; rm",
        "\x1b[31macme 1.0",
        "acmé 1.0",
    ],
)
def test_record_that_is_none_is_refused_as_that(record):
    with pytest.raises(PluginError) as caught:
        check_package(record, NAME, Owner("acme-parts", "1.0"))
    for error in (caught.value, absent(NAME, record, GONE, [])):
        assert f"the `package` of acme.Cell.v1 is {record!r}" in str(error)
        assert "pip install" not in str(error) and "such as seqpipe-chinese 1.2.0" in str(error)


def test_absent_part_says_what_to_install():
    assert str(absent(NAME, "acme-parts 1.2.3", GONE, [])) == (
        "acme.Cell.v1 needs acme-parts 1.2.3, as its `package` says, and can't be loaded: no installed "
        "plugin is called 'acme'\n  pip install \"acme-parts>=1.2.3,<2\""
    )


@pytest.mark.parametrize(
    ("owner", "is_enough"),
    [
        ("acme-parts 1.2.3", True),
        ("acme-parts 1.3", True),
        ("acme-parts 1.2.2", False),  # the part may be newer than that
        ("acme-parts 2.0", False),
        ("acme-parts not.a.version", False),
        ("other 1.2.3", False),
    ],
)
def test_what_is_installed_and_broken_has_a_fix_of_its_own(owner, is_enough):
    broken = PluginError("the plugin 'acme' can't be imported; pip install torch")
    message = str(absent(NAME, "acme-parts 1.2.3", broken, [Owner(*owner.split(" ", 1))]))
    assert "pip install torch" in message
    assert ('pip install "acme-parts>=1.2.3,<2"' not in message) is is_enough


def test_record_without_a_version_is_met_by_any():
    broken = PluginError("the plugin 'acme' can't be imported")
    message = str(absent(NAME, "acme-parts", broken, [Owner("acme-parts", "9.0")]))
    assert message.endswith("can't be imported")
    assert str(absent(NAME, "acme-parts", GONE, [])).endswith("\n  pip install acme-parts")
