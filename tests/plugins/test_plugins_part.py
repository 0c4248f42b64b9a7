"""What a part takes, and what a configuration gets for it."""

import functools
import inspect
from typing import Any, Literal

import pytest
from confection import ConfigValidationError, registry

from seqpipe.errors import PluginError
from seqpipe.plugins import Owner, Part, bind

OWNER = Owner("acme-cells", "1.2")


def part(factory, kind=None):
    kind = kind or ("encoders" if factory is function else "cells")
    return Part(kind, "acme.Thing.v1", factory, OWNER)


class Cell:
    """Doubles."""

    def __init__(self, input_width: int, width: int, *, bias: float = 1.0, mode: "Mode" = "one"):
        self.all = (input_width, width, bias, mode)


Mode = Literal["one", "two"]


class Embedder:
    def __init__(self, *, width: int, rate=0.5):
        self.all = (width, rate)


def function(input_width, *, depth: int = 2) -> Any:
    return (input_width, depth)


def test_settings_are_the_keyword_only_parameters():
    settings = part(Cell).settings
    assert list(settings) == ["bias", "mode"]
    assert settings["bias"].annotation is float and settings["bias"].default == 1.0
    assert settings["mode"].annotation == Mode
    assert list(part(function).settings) == ["depth"]


def test_setting_without_annotation_takes_anything():
    settings = part(Embedder, "embedders").settings
    assert settings["rate"].annotation is Any
    assert settings["width"].default is inspect.Parameter.empty


@pytest.mark.parametrize(("factory", "takes"), [(Cell, True), (function, True), (Embedder, False)])
def test_sizes_are_positional(factory, takes):
    kind = {Embedder: "embedders"}.get(factory)
    assert part(factory, kind).takes_sizes is takes


def test_class_without_a_constructor_has_no_settings():
    class Plain:
        pass

    plain = part(Plain, "tokenizers")
    assert plain.settings == {} and not plain.takes_sizes


def test_factory_that_is_bound_in_part_is_fine():
    bound = part(functools.partial(Cell, bias=2.0))
    assert list(bound.settings) == ["bias", "mode"]
    assert bound.settings["bias"].default == 2.0
    assert bind(bound)(mode="two")(1, 2).all == (1, 2, 2.0, "two")


def any_positional(*args):
    pass


def any_keyword(width, **settings):
    pass


@pytest.mark.parametrize(
    ("factory", "taken"), [(any_positional, r"\*args"), (any_keyword, r"\*\*s")]
)
def test_factory_that_takes_anything_is_refused(factory, taken):
    for ask in (lambda p: p.settings, lambda p: p.takes_sizes, bind):
        with pytest.raises(PluginError, match=f"acme.Thing.v1 of acme-cells 1.2 takes {taken}"):
            ask(part(factory))


def unknown_name(*, width: "Unknown" = 1):  # noqa: F821
    pass


def unknown_attribute(*, width: "functools.Unknown" = 1):
    pass


def no_expression(*, width: "1 +" = 1):  # noqa: F722
    pass


class Unreadable:
    __signature__ = "none"


@pytest.mark.parametrize("factory", [unknown_name, unknown_attribute, no_expression, Unreadable])
def test_signature_that_cannot_be_read_is_refused(factory):
    with pytest.raises(PluginError, match=r"acme\.Thing\.v1 of acme-cells 1\.2"):
        _ = part(factory, "embedders").settings


@pytest.mark.parametrize(
    ("kind", "factory"),
    [
        ("tokenizers", lambda lower: str.split),
        ("embedders", lambda width=100: None),
        ("cells", lambda width: None),
        ("encoders", Cell),
        ("heads", lambda input_width, output_width, pool, *, dropout=0.1: None),
    ],
)
def test_setting_without_a_star_before_it_is_refused(kind, factory):
    with pytest.raises(PluginError, match=r"by position.*put `\*` before them"):
        _ = part(factory, kind).settings


def test_part_with_sizes_becomes_a_factory():
    make = bind(part(Cell))(bias=3.0)
    assert make(5, 7).all == (5, 7, 3.0, "one")


def test_part_without_sizes_is_made_at_once():
    assert bind(part(Embedder, "embedders"))(width=4).all == (4, 0.5)


def test_sizes_cannot_be_given_as_settings():
    with pytest.raises(TypeError):
        bind(part(Embedder, "embedders"))(4)
    assert "width" not in inspect.signature(bind(part(Cell))).parameters


def test_bound_function_tells_what_it_is():
    make = bind(part(Cell))
    assert make.__name__ == "acme.Thing.v1" and make.__doc__ == "Doubles."
    parameters = inspect.signature(make).parameters.values()
    assert [(p.name, p.default, p.kind) for p in parameters] == [
        ("bias", 1.0, inspect.Parameter.KEYWORD_ONLY),
        ("mode", "one", inspect.Parameter.KEYWORD_ONLY),
        ("package", "acme-cells 1.2", inspect.Parameter.KEYWORD_ONLY),
    ]


@pytest.fixture
def resolve(monkeypatch):
    """Return a function that resolves a block of settings for a part."""
    import catalogue

    def resolve_block(factory, **settings):
        functions = catalogue.Registry(("seqpipe-test", "things"))
        kind = {Embedder: "embedders"}.get(factory)
        functions.register("thing", func=bind(part(factory, kind)))
        monkeypatch.setattr(registry, "things", functions, raising=False)
        block = {"block": {"@things": "thing", **settings}}
        return registry.resolve(block)["block"]

    return resolve_block


def test_confection_sees_defaults_types_and_names(resolve):
    assert resolve(Cell, bias=2.0)(1, 2).all == (1, 2, 2.0, "one")
    assert resolve(Embedder, width=3).all == (3, 0.5)
    for wrong in ({"bias": "much"}, {"mode": "three"}, {"bais": 1.0}, {"width": 1}):
        with pytest.raises(ConfigValidationError, match=next(iter(wrong))):
            resolve(Cell, **wrong)
    with pytest.raises(ConfigValidationError, match="width"):
        resolve(Embedder)
