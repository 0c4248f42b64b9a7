"""From a step in plain torch to programs, for it and for its derivative."""

import contextlib
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias, cast

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
from torch.utils._python_dispatch import TorchDispatchMode

from seqpipe.errors import ConfigError
from seqpipe.kernels._program import Program, simplify
from seqpipe.kernels._recurrence import Recurrence, Sizes, fuse
from seqpipe.kernels._translate import UnknownOperation, decompositions, translate

#: A step: lists of x, h, states, parameters and noises, `[B, width]` each, to the next states.
Step: TypeAlias = Callable[
    [list[Tensor], list[Tensor], list[Tensor], list[Tensor], list[Tensor]], Sequence[Tensor]
]

_ADVICE = (
    "A `step` may use add, sub, mul, div, neg, sigmoid, tanh, relu, exp, log, softplus, where, clamp, "
    "minimum, maximum, pow, sqrt, abs, erf, comparisons, numbers, and parameters of the cell with one "
    "number per unit. For anything else, derive the cell from `Cell` rather than from `GatedCell`."
)

_TORCH: Final = str(Path(torch.__file__).parent)
_OURS: Final = str(Path(__file__).parent)

# Two unlike sizes, so that a result of another shape shows.
_SHAPE = (2, 3)


def trace(step: Step, sizes: Sizes) -> Recurrence:
    """Trace a step and its derivative.

    Args:
        step: The elementwise part of a cell. Its `h` has an entry for each of `sizes.recurrent`.
        sizes: How many of what it takes.

    Raises:
        ConfigError: It does something else than elementwise maths. The message names the operation
            and the line.
    """
    # In a thread of its own, where torch is in none of the modes that the caller may be in: inference,
    # mixed precision, another default device, hooks on what's kept for the way back.
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(_trace, step, sizes).result()


def _trace(step: Step, sizes: Sizes) -> Recurrence:
    names = _names(sizes)
    downstream = [f"d{i}" for i in range(sizes.states)]
    learnt = len(names) - sizes.noises

    def forward(*values: Tensor) -> list[Tensor]:
        return _call(step, sizes, values)

    def backward(*values: Tensor) -> Sequence[Tensor]:
        fixed = values[learnt : len(names)]
        _, pull = torch.func.vjp(  # type: ignore[misc]
            lambda *v: _call(step, sizes, (*v, *fixed)), *values[:learnt]
        )
        pulled: Sequence[Tensor] = pull(list(values[len(names) :]))
        return pulled

    results = [f"s{i}" for i in range(sizes.states)]
    return fuse(
        sizes,
        _program(forward, names, results, step, sizes),
        _program(backward, names + downstream, names[:learnt], step, sizes, derivative=True),
    )


def _names(sizes: Sizes) -> list[str]:
    return [
        *(f"x{i}" for i in range(sizes.gates)),
        *(f"h{i}" for i in sizes.recurrent),
        *(f"s{i}" for i in range(sizes.states)),
        *(f"p{i}" for i in range(sizes.parameters)),
        *(f"n{i}" for i in range(sizes.noises)),
    ]


def _call(step: Step, sizes: Sizes, values: Sequence[Tensor]) -> list[Tensor]:
    rest = list(values)
    counts = [sizes.gates, len(sizes.recurrent), sizes.states, sizes.parameters, sizes.noises]
    parts = []
    for count in counts:
        parts.append(rest[:count])
        rest = rest[count:]
    after = list(step(*parts))
    if len(after) != sizes.states:
        raise ConfigError(f"the step returns {len(after)} states, and should return {sizes.states}")
    return after


def _program(
    function: Callable[..., Any],
    names: list[str],
    results: list[str],
    step: Step,
    sizes: Sizes,
    *,
    derivative: bool = False,
) -> Program:
    given = [torch.zeros(_SHAPE, dtype=torch.float64) for _ in names]
    try:
        # Fake tensors have no values, so that a branch on values is noticed.
        with _quiet(), _without_nan_checks():
            graph: GraphModule = make_fx(
                function, decompositions(), tracing_mode="fake", _allow_non_fake_inputs=True
            )(*given)
        # The step itself must not, and that has been seen before its derivative is traced.
        program = simplify(translate(graph, names, results, in_place=derivative))
    except ConfigError:
        raise
    except GuardOnDataDependentSymNode as error:
        _refuse("uses a branch on the values of a tensor", _place(error), error)
    except UnknownOperation as error:
        name, place = _find(error.name, step, sizes)
        _refuse(f"uses `{name}`", place, error)
    except Exception as error:
        shape = "x".join(map(str, _SHAPE))
        _refuse(f"fails on columns of shape {shape}: {error}", _place(error), error)
    _check_shapes(graph)
    return program


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch from printing a traceback of its own for what ends as one of our errors."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def _without_nan_checks() -> Iterator[None]:
    """Keep autograd's anomaly mode, which is on in all threads, from asking fake tensors whether they're NaN."""
    if not torch.is_anomaly_check_nan_enabled():
        yield
        return
    with torch.autograd.set_detect_anomaly(torch.is_anomaly_enabled(), check_nan=False):
        yield


def _check_shapes(graph: GraphModule) -> None:
    (outputs,) = graph.graph.output_node().args
    for each in cast(list[Node], outputs):
        shape = tuple(each.meta["val"].shape)
        if shape != _SHAPE:
            raise ConfigError(
                f"the step turns states of shape {'x'.join(map(str, _SHAPE))} into one of shape "
                f"{'x'.join(map(str, shape)) or '1'}; each state must keep its shape"
            )


def _refuse(what: str, place: str, error: Exception) -> NoReturn:
    raise ConfigError(f"the step of a gated cell {what}{place or '.'}\n{_ADVICE}") from error


class _Stop(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Raises when an operation is carried out, or one that's made of it, and names the latter then."""

    def __init__(self, name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.name = name

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function.overloadpacket.__name__ == self.name or self.name in str(function):
            raise UnknownOperation(self.name)
        simpler = decompositions().get(function)
        if simpler is not None:
            try:
                with self:
                    simpler(*args, **(kwargs or {}))
            except UnknownOperation as error:
                raise UnknownOperation(function.overloadpacket.__name__) from error
        return function(*args, **(kwargs or {}))


def _find(name: str, step: Step, sizes: Sizes) -> tuple[str, str]:
    """Return which call of a step is an operation or made of it, and where, as a sentence's end."""
    given = [torch.rand(_SHAPE, dtype=torch.float64) for _ in _names(sizes)]
    try:
        with _Stop(name), torch.no_grad():
            _call(step, sizes, given)
    except UnknownOperation as error:
        return error.name, _place(error)
    except Exception as error:
        return name, _place(error)
    return name, " (in its derivative)"


def _place(error: BaseException) -> str:
    """Return the innermost line of an error that's neither torch's nor ours, as the end of a sentence."""
    lines = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((_TORCH, _OURS)) and frame.line
    ]
    if not lines:
        return ""
    return f", in {lines[-1].filename}, line {lines[-1].lineno}:\n    {lines[-1].line}\n"
