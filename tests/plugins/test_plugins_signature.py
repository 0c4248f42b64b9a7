"""What a part takes is the same when it's read back from JSON."""

import enum
import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, TypeVar

import pytest
from annotated_types import Ge, Lt

from seqpipe.config._describe import expects, spell
from seqpipe.config._types import misfit
from seqpipe.parts.cells import Cell
from seqpipe.plugins import (
    CannotWriteError,
    annotation_from_json,
    annotation_to_json,
    host,
    parameters_from_json,
    parameters_to_json,
)


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


Width = NewType("Width", int)
Bounded = TypeVar("Bounded", bound=int)
ANNOTATIONS = [
    *(Any, object, None, "Unresolved", inspect.Parameter.empty),
    *(bool, int, float, str, dict, list, tuple, Path, Width, Bounded, Mode, Cell),
    *(int | None, Literal["a", 1, None], list[str], list[list[int]], tuple[int, ...]),
    *(tuple[int, str], Sequence[float], Iterable[str] | str, dict[str, float], Mapping[str, Any]),
    *(Annotated[int, Ge(1)], Annotated[float, Ge(0), Lt(1)] | None, Annotated[str, "a note"]),
    *(Callable[[int, int], Cell], type[Cell], Cell | None, Literal["last"] | Sequence[str]),
]
VALUES = [
    *(None, True, 0, 1, -1, 0.5, 1.5, 2.0, "", "a", "last", "fast", [], [1], ["a"], [1, "a"]),
    *([[1]], {}, {"a": 1}, {"a": "b"}, {"@misc": "x"}, 10**30, float("nan"), "1"),
]


def again(annotation):
    return annotation_from_json(json.loads(json.dumps(annotation_to_json(annotation))))


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_annotation_read_back_takes_the_same_values_and_is_reported_in_the_same_words(annotation):
    read = again(annotation)
    assert expects(read) == expects(annotation)
    assert spell(read) == spell(annotation)
    for value in VALUES:
        assert misfit(value, read) == misfit(value, annotation), value


@pytest.mark.parametrize("annotation", [Literal[b"a"], Literal["a", b"a"] | None], ids=str)
def test_annotation_that_takes_plain_values_in_a_way_of_its_own_is_not_written(annotation):
    with pytest.raises(CannotWriteError):
        annotation_to_json(annotation)


@pytest.mark.parametrize(
    "default",
    [None, True, 3, 0.5, "x", [1, "a"], (1, (2,)), {"a": [None]}, Path("a"), float("inf")],
)
def test_default_is_the_same_object(default):
    parameter = inspect.Parameter("x", inspect.Parameter.KEYWORD_ONLY, default=default)
    written = json.loads(json.dumps(parameters_to_json({"x": parameter})))
    read = parameters_from_json(written)["x"].default
    assert read == default and type(read) is type(default)


def test_default_that_only_code_can_make_is_shown():
    parameter = inspect.Parameter("x", inspect.Parameter.KEYWORD_ONLY, default=Cell)
    read = parameters_from_json(parameters_to_json({"x": parameter}))["x"].default
    assert repr(read) == "Cell"


PARTS = [part for plugin in host().survey() for part in plugin.all_parts]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_installed_part_can_be_recorded(part):
    parameters = {**part.sizes, **part.settings}
    read = parameters_from_json(json.loads(json.dumps(parameters_to_json(parameters))))
    assert list(read) == list(parameters)
    for name, parameter in parameters.items():
        assert spell(read[name].annotation) == spell(parameter.annotation)
        assert expects(read[name].annotation) == expects(parameter.annotation)
        assert read[name].kind is parameter.kind
        assert repr(read[name].default) == repr(parameter.default) or callable(parameter.default)
