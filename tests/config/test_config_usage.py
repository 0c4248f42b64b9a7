"""How a part is used in a pipeline file: types in short, and sections that read as they were meant."""

import enum
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.config import read_text, section_of, settings_of
from seqpipe.config._describe import spell
from seqpipe.plugins import Owner, Part, find_part


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Thing:
    pass


@pytest.mark.parametrize(
    ("annotation", "spelt"),
    [
        (int, "int"),
        (float | None, "float | None"),
        (Optional[Literal["a", "b"]], '"a" | "b" | None'),  # noqa: UP045
        (None | int, "int | None"),
        (Literal["last", 3, True], '"last" | 3 | true'),
        (Colour, '"red" | "blue"'),
        (list[str], "list[str]"),
        (Sequence[float | str], "list[float | str]"),
        (tuple[int, ...], "list[int]"),
        (list, "list"),
        (Iterable[Any], "list[anything]"),
        (Mapping[str, float], "dict[str, float]"),
        (dict, "dict"),
        (Path, "path"),
        (Annotated[int, "positive"], "int"),
        (TypeVar("T"), "anything"),
        (Any, "anything"),
        ("a name", "anything"),
        (None, "None"),
    ],
)
def test_types_are_spelt_in_terms_of_files(annotation, spelt):
    assert spell(annotation) == spelt


def test_types_of_other_sorts_are_spelt_somehow():
    assert spell(Thing).endswith("Thing")
    assert "Callable" in spell(Callable[[int], Thing])


def part(factory, kind="tokenizers"):
    return Part(kind, "acme.Part.v1", factory, Owner("acme-parts", "1.2"))


def with_default(value, annotation=Any):
    def factory(*, setting=value):
        raise AssertionError("called")

    factory.__annotations__["setting"] = annotation
    return part(factory)


def read_default(of):
    return read_text(section_of(of, find_part)).sections["tokenizer"]["setting"]


_PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_VALUES = st.recursive(
    _PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)


@given(_VALUES)
def test_default_reads_back_the_same_or_is_in_a_comment(value):
    of = with_default(value)
    (setting,) = settings_of(of)
    if setting.is_writable:
        assert repr(read_default(of)) == repr(value)
    else:
        assert "setting" not in read_text(section_of(of, find_part)).sections["tokenizer"]


@given(_PLAIN)
def test_plain_default_is_always_writable(value):
    assert settings_of(with_default(value))[0].is_writable


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (math.inf, math.inf),
        (("a", "b"), ["a", "b"]),
        ({3, 1, 2}, [1, 2, 3]),
        (Path("a/b"), "a/b"),
        (Colour.BLUE, "blue"),
        ("costs 5 $", "costs 5 $"),
        ("${a.b}", "${a.b}"),
    ],
)
def test_default_that_files_write_otherwise_is_written_so(value, read):
    assert read_default(with_default(value)) == read


class Unshowable:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "annotation", "shown"),
    [
        (math.nan, float, "nan"),
        (len, Any, "len"),
        (b"x", Any, "b'x'"),
        (Unshowable(), Any, "an object of Unshowable"),
        ("seven", int, "'seven'"),
        ({"@x": 1}, Any, "{'@x': 1}"),
        ({1: 2}, Any, "{1: 2}"),
        (["a", len], Any, "['a', <built-in function len>]"),
    ],
)
def test_default_that_no_file_can_express_is_in_a_comment(value, annotation, shown):
    of = with_default(value, annotation)
    line = f"# setting is {shown} by default, which a file can't express"
    assert line in section_of(of, find_part).splitlines()


def test_annotation_that_cannot_be_checked_is_no_error():
    class Meta(type):
        def __instancecheck__(cls, instance):
            raise RuntimeError

    class Odd(metaclass=Meta):
        pass

    assert section_of(with_default(3, Odd), find_part)


def nested(*, cell: Any, encoder: Any = None, tokenizer: Any = len, size: int = 3):
    raise AssertionError("called")


def test_part_inside_is_the_one_that_pipelines_use_by_default():
    text = section_of(
        part(nested), lambda kind, name: Part(kind, name, nest_again, Owner("o", "1"))
    )
    assert text.splitlines() == [
        "[tokenizer]",
        '@seqpipe_tokenizers = "acme.Part.v1"',
        "encoder = null",
        "# tokenizer is len by default, which a file can't express",
        "size = 3",
        "",
        "[tokenizer.cell]",
        '@seqpipe_cells = "seqpipe.LSTM.v1"',
        "# cell = …   required: cell",
        "bias = 1.0",
    ]


def nest_again(input_width, width, *, cell: Any, bias: float = 1.0):
    raise AssertionError("called")
