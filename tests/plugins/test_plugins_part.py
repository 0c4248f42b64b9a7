"""What a part takes, and what a configuration gets for it."""

import contextlib
import functools
import inspect
import itertools
import sys
from typing import Any, Literal

import catalogue
import pytest
from confection import ConfigValidationError, registry

from seqpipe.errors import PluginError
from seqpipe.plugins import Owner, Part, bind, unwrap

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


def test_partials_are_unwrapped_and_the_outermost_setting_counts():
    class Partial(functools.partial):
        """Python joins partials of plain ones into one."""

    inner = Partial(Cell, bias=1.0, mode="one")
    assert unwrap(Partial(inner, bias=2.0)) == (Cell, {"bias": 2.0, "mode": "one"})
    assert unwrap(functools.partial(function)) == (function, {})
    assert unwrap(Cell) == (Cell, {})


class Head:
    def __init__(self, input_width, output_width, *, pool: str = "mean"):
        pass

    @classmethod
    def component(cls, settings):
        return f"component_of_{settings.get('pool', 'nothing')}"


def test_head_names_its_component_with_settings_of_partials_below_the_given_ones():
    assert part(Head, "heads").component({}) == "component_of_nothing"
    bound = part(functools.partial(Head, pool="last"), "heads")
    assert bound.component({}) == "component_of_last"
    assert bound.component({"pool": "max"}) == "component_of_max"


@pytest.mark.parametrize("factory", [Cell, functools.partial(Cell, bias=2.0)])
def test_head_that_names_no_component_is_refused(factory):
    with pytest.raises(PluginError, match=r"acme\.Thing\.v1 of acme-cells 1\.2 doesn't say"):
        part(factory, "heads").component({})


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


def test_bound_function_has_a_name_and_a_docstring():
    make = bind(part(Cell))
    assert make.__name__ == "acme.Thing.v1" and make.__doc__ == "Doubles."
    parameters = inspect.signature(make).parameters.values()
    assert [(p.name, p.default, p.kind) for p in parameters] == [
        ("bias", 1.0, inspect.Parameter.KEYWORD_ONLY),
        ("mode", "one", inspect.Parameter.KEYWORD_ONLY),
        ("package", "acme-cells 1.2", inspect.Parameter.KEYWORD_ONLY),
    ]


@contextlib.contextmanager
def registered(function):
    """Let blocks name a function as "thing" in the registry "things"."""
    functions = catalogue.Registry(("seqpipe-test", "things"))
    functions.register("thing", func=function)
    registry.things = functions
    try:
        yield
    finally:
        del registry.things


@pytest.fixture
def resolve():
    """Return a function that resolves a block of settings for a part."""

    def resolve_block(factory, **settings):
        kind = {Embedder: "embedders"}.get(factory)
        with registered(bind(part(factory, kind))):
            return registry.resolve({"block": {"@things": "thing", **settings}})["block"]

    return resolve_block


def test_confection_sees_defaults_types_and_names(resolve):
    assert resolve(Cell, bias=2.0)(1, 2).all == (1, 2, 2.0, "one")
    assert resolve(Embedder, width=3).all == (3, 0.5)
    for wrong in ({"bias": "much"}, {"mode": "three"}, {"bais": 1.0}, {"width": 1}):
        with pytest.raises(ConfigValidationError, match=next(iter(wrong))):
            resolve(Cell, **wrong)
    with pytest.raises(ConfigValidationError, match="width"):
        resolve(Embedder)


# References.


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return a function from a text to the name of a module that has it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = itertools.count()
    written = []

    def write(text):
        written.append(f"parts_of_a_test_{next(names)}")
        (tmp_path / f"{written[-1]}.py").write_text(text, encoding="utf-8")
        return written[-1]

    yield write
    for name in written:
        sys.modules.pop(name, None)


CELL = """
class Cell:
    def __init__(self, input_width: int, width: int, *, bias: float = 1.0):
        self.all = (input_width, width, bias)

class Outer:
    Cell = Cell

nothing = None
"""


@pytest.mark.parametrize("name", ["Cell", "Outer.Cell"])
def test_reference_is_followed_when_the_part_is_used(module, name):
    where = module(CELL)
    referred = part(f"{where}:{name}")
    assert where not in sys.modules
    assert list(referred.settings) == ["bias"] and referred.takes_sizes
    assert bind(referred)(bias=2.0)(3, 4).all == (3, 4, 2.0)
    assert referred.factory is referred.factory


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("{}:Missing", "has no attribute 'Missing'"),
        ("{}:nothing", "is None and can't be called"),
        ("missing_module_of_a_test:Cell", "No module named 'missing_module_of_a_test'"),
        ("{}.more:Cell", "files of it are missing"),
        ("a..b:Cell", "a..b"),
    ],
)
def test_reference_that_leads_nowhere_is_named(module, reference, said):
    reference = reference.format(module(CELL))
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            bind(part(reference))
        message = str(caught.value)
        assert "acme.Thing.v1 of acme-cells 1.2" in message and reference in message
        assert said in message and "; " in message


def test_signature_of_what_cannot_be_imported_is_not_said_to_be_unreadable():
    with pytest.raises(PluginError) as caught:
        _ = part("missing_module_of_a_test:Cell").settings
    message = str(caught.value)
    assert "signature" not in message and message.count("can't be imported") == 1


@pytest.mark.parametrize(
    ("reference", "looked_up", "imported"),
    [
        ("{}:Cell", None, None),
        ("{}:Missing", None, "has no attribute 'Missing'"),
        ("{}:nothing", None, "can't be called"),
        (
            "missing_module_of_a_test:Cell",
            "No module named 'missing_module_of_a_test'",
            "No module",
        ),
        ("seqpipe.parts.missing.more:Cell", "No module named 'seqpipe.parts.missing'", "No module"),
        # Whether a package that isn't imported yet has a module shows when it is.
        ("wsgiref.missing:Cell", None, "No module named 'wsgiref.missing'"),
        ("sys.path:Cell", "No module named 'sys.path'", "'sys' is not a package"),
        ("a..b:Cell", "No module named 'a'", "a..b"),
    ],
)
def test_trouble_is_found_by_looking_or_by_importing(
    module, monkeypatch, reference, looked_up, imported
):
    import seqpipe.parts  # noqa: F401

    monkeypatch.delitem(sys.modules, "wsgiref", raising=False)
    reference = reference.format(module(CELL))
    for imports, said in ((False, looked_up), (True, imported)):
        before = set(sys.modules)
        trouble = part(reference).find_trouble(imports=imports)
        assert imports or set(sys.modules) == before
        assert (said in trouble.reason and trouble.fix) if said else trouble is None


def test_part_that_is_offered_itself_has_no_trouble():
    assert part(Cell).find_trouble(imports=False) is None
    assert part(Cell).find_trouble(imports=True) is None


def test_finder_that_raises_is_no_trouble_of_the_part(monkeypatch):
    class Finder:
        def find_spec(self, name, path, target=None):
            raise OSError("no network")

    monkeypatch.setattr(sys, "meta_path", [Finder()])
    assert part("missing_module_of_a_test:Cell").find_trouble(imports=False) is None


@pytest.mark.parametrize("raised", ["OSError('gone')", "SystemExit('gone')"])
def test_module_that_raises_loses_the_parts_in_it(module, raised):
    with pytest.raises(PluginError, match="gone"):
        _ = part(f"{module(f'raise {raised}')}:Cell").factory


def test_ctrl_c_while_a_reference_is_followed_passes_and_may_be_tried_again(module):
    stop = "import sys\nif not hasattr(sys, 'was_stopped_by_a_test'):\n    sys.was_stopped_by_a_test = 1\n    raise KeyboardInterrupt\n"
    referred = part(f"{module(stop + CELL)}:Cell")
    try:
        with pytest.raises(KeyboardInterrupt):
            _ = referred.factory
        assert callable(referred.factory)
    finally:
        del sys.was_stopped_by_a_test


# The package on record.


def test_third_partys_part_takes_its_package_too(resolve):
    block_settings = part(Cell).block_settings
    assert list(block_settings) == ["bias", "mode", "package"]
    assert block_settings["package"].default == "acme-cells 1.2"
    assert block_settings["package"].annotation is str
    assert "package" not in part(Cell).settings
    assert resolve(Cell, package="acme-cells 1.0")(1, 2).all == (1, 2, 1.0, "one")


@pytest.mark.parametrize("owner", [Owner("seqpipe", "0.1.0"), Owner("acme_parts", "")])
def test_ours_and_what_has_no_version_take_none(owner):
    assert "package" not in Part("cells", "acme.Thing.v1", Cell, owner).block_settings


def has_package(input_width, width, *, package: str = "a"):
    pass


def test_part_may_not_have_a_setting_of_that_name():
    with pytest.raises(PluginError, match="has a setting `package`"):
        _ = part(has_package).settings


def test_default_record_is_filled_in():
    with registered(bind(part(Cell))):
        filled = registry.fill({"block": {"@things": "thing"}})["block"]
    assert filled["package"] == "acme-cells 1.2"


@pytest.mark.parametrize(
    "settings", [{}, {"old_bias": 1.0}, {"bias": "much"}, {"bias": 1.0, "more": {"x": 1}}]
)
def test_other_version_is_reported_before_what_changed_in_it(resolve, settings):
    with pytest.raises(PluginError) as caught:
        resolve(Cell, **settings, package="acme-cells 0.9")
    assert str(caught.value) == (
        "acme.Thing.v1 needs acme-cells 0.9, as its `package` says, but acme-cells 1.2 is installed: "
        'pip install "acme-cells>=0.9,<1"'
    )


def test_other_version_is_reported_where_nothing_is_validated():
    with pytest.raises(PluginError, match=r"needs acme-cells 0\.9"):
        bind(part(Cell))(package="acme-cells 0.9")


@pytest.mark.parametrize("record", [5, ["acme-cells 1.2"], {"a": 1}])
def test_record_that_is_no_text_is_a_wrong_type(resolve, record):
    with pytest.raises(ConfigValidationError, match="package"):
        resolve(Cell, package=record)
