"""What docstrings say is found in every usual style, and no docstring is too odd."""

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.hookspecs import KINDS
from seqpipe.plugins import Documentation, Owner, Part, document, reference_to

GOOGLE = """One sentence
    on two lines.

    More of it::

        h' = tanh(W x)

    Args:
        width: The width,
            on two lines.
        depth (int): The depth.

    Note:
        Mind the gap.

    Raises:
        ConfigError: It's too wide.
    """

NUMPY = """One sentence on two lines.

    Parameters
    ----------
    width : int, default 3
        The width.

    Raises
    ------
    ConfigError
        It's too wide.
    """

SPHINX = """One sentence on two lines.

    :param width: The width.
    :type width: int
    :raises ConfigError: It's too wide.
    """


def documented(text):
    def factory():
        pass

    factory.__doc__ = text
    return document(factory)


def test_docstring_in_google_style_is_parsed():
    assert documented(GOOGLE) == Documentation(
        "One sentence on two lines.",
        "More of it::\n\n    h' = tanh(W x)",
        {"width": "The width,\non two lines.", "depth": "The depth."},
        {"Note": ["Mind the gap."], "Raises": ["ConfigError: It's too wide."]},
    )


@pytest.mark.parametrize("text", [NUMPY, SPHINX])
def test_other_styles_are_known(text):
    assert documented(text) == Documentation(
        "One sentence on two lines.",
        "",
        {"width": "The width."},
        {"Raises": ["ConfigError: It's too wide."]},
    )


def test_no_docstring_says_nothing():
    assert documented(None) == documented("") == documented(3) == Documentation()


class Base:
    """What all have in common.

    Args:
        width: The width of all.
        depth: The depth of all.
    """


class Silent(Base):
    def __init__(self, width, depth):
        """Make one.

        Args:
            depth: The depth of this.
        """


def test_class_that_says_nothing_has_only_its_arguments_from_elsewhere():
    arguments = {"width": "The width of all.", "depth": "The depth of this."}
    assert document(Silent) == Documentation(arguments=arguments)


def test_function_inside_of_a_partial_is_meant():
    assert document(functools.partial(Base)).summary == "What all have in common."


def test_docstring_that_cannot_be_read_says_nothing():
    class Meta(type):
        @property
        def __doc__(cls):
            raise RuntimeError

    class Odd(metaclass=Meta):
        pass

    assert document(Odd) == Documentation()


_LINES = st.sampled_from(
    ["Args:", "Raises:", "Example::", "Parameters", "------", "    x: y", "  x:", ":param x:", "-"]
)


@given(st.lists(_LINES | st.text(max_size=8)).map("\n".join))
def test_no_docstring_is_too_odd(text):
    found = documented(text)
    assert all(isinstance(each, str) for each in (found.summary, *found.arguments.values()))


class Callable:
    def __call__(self):
        pass


@pytest.mark.parametrize(
    ("offer", "reference"),
    [
        ("package.module:Name", "package.module:Name"),
        (Base, f"{__name__}:Base"),
        (documented, f"{__name__}:documented"),
        (functools.partial(Base), f"{__name__}:Base"),
        (Callable(), f"{__name__}:Callable"),
        (str.split, "builtins:str.split"),
    ],
)
def test_reference_says_where_the_code_is(offer, reference):
    assert reference_to(Part(KINDS[0], "acme.Words.v1", offer, Owner("acme", "1"))) == reference
