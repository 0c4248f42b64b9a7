"""Traces a step in plain torch, and its derivative, into programs."""

import contextlib
import functools
import logging
import math
import operator
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias, cast

import torch
from torch import Tensor
from torch._decomp import core_aten_decompositions, decomposition_table
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from seqpipe.errors import ConfigError
from seqpipe.kernels.ir._operations import OPERATIONS
from seqpipe.kernels.ir._program import Instruction, Program, Term, simplify
from seqpipe.kernels.ir._recurrence import Recurrence, Sizes, fuse


class UnknownOperation(Exception):
    """An operation that isn't elementwise, or that no kernel supports."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


# Activations that torch treats as primitive, though they can be decomposed.
_COMPOSITE: Final = (
    *("silu", "gelu", "elu", "celu", "selu", "leaky_relu", "hardtanh", "hardsigmoid"),
    *("hardswish", "relu6", "softplus", "mish", "log_sigmoid_forward", "addcmul"),
    *("addcdiv", "lerp", "rsub", "masked_fill"),
    *("sigmoid_backward", "tanh_backward", "silu_backward", "gelu_backward"),
    *("elu_backward", "leaky_relu_backward", "hardtanh_backward", "hardsigmoid_backward"),
    *("hardswish_backward", "softplus_backward", "log_sigmoid_backward", "mish_backward"),
    "threshold_backward",
)


@functools.cache
def decompositions() -> dict[Any, Callable[..., Any]]:
    """Return the decompositions of torch's operations into simpler ones."""
    table = dict(core_aten_decompositions())
    for name in _COMPOSITE:
        packet = getattr(torch.ops.aten, name)
        overloads = (getattr(packet, each) for each in packet.overloads())
        table |= {
            each: decomposition_table[each] for each in overloads if each in decomposition_table
        }
    return table


#: Our names of torch's operations.
_OPERATION_NAMES: Final = {
    **{name: name for name in OPERATIONS},
    "logical_and": "and",
    "bitwise_and": "and",
    "logical_or": "or",
    "bitwise_or": "or",
    "logical_not": "not",
    "bitwise_not": "not",
}

#: What arithmetic does on masks.
_ON_MASKS: Final = {"add": "or", "mul": "and", "maximum": "or", "minimum": "and"}

#: Operations that return a constant, and the position of its value among their arguments.
_CONSTANTS: Final = {"scalar_tensor": 0, "full": 1, "full_like": 1}

#: Operations that don't change a value.
_IDENTITIES: Final = frozenset({"clone", "alias", "detach", "lift_fresh_copy", "view_of"})

_COMPARISONS: Final = frozenset(n for n, operation in OPERATIONS.items() if operation.is_mask)


def translate(
    graph: GraphModule, inputs: list[str], results: list[str], *, in_place: bool = False
) -> Program:
    """Translate a graph into a program.

    Args:
        graph: As `make_fx` made it, on tensors of one shape.
        inputs: A name for each of its placeholders.
        results: A name for each of its outputs.
        in_place: Whether it may change tensors in place, as torch's derivatives do with new ones.

    Raises:
        UnknownOperation: It has an operation that can't be expressed in `OPERATIONS`.
    """
    return _Translator(graph, inputs, in_place).program(results)


class _Translator:
    def __init__(self, graph: GraphModule, inputs: list[str], in_place: bool) -> None:
        self.graph = graph
        self.inputs = inputs
        self.in_place = in_place
        self.terms: dict[Node, Term] = {}
        self.instructions: list[Instruction] = []
        self.masks: set[Term] = set()

    def program(self, results: list[str]) -> Program:
        self.graph.graph.eliminate_dead_code()
        names = iter(self.inputs)
        for node in self.graph.graph.nodes:
            if node.op == "placeholder":
                self.terms[node] = next(names)
            elif node.op == "get_attr":
                self.terms[node] = self._constant(node)
            elif node.op == "call_function":
                self.terms[node] = self._call(node)
        (outputs,) = self.graph.graph.output_node().args
        terms = [self._number(self._term(each)) for each in outputs]  # type: ignore[union-attr]
        named = dict(zip(results, terms, strict=True))
        return Program(tuple(self.inputs), tuple(self.instructions), named)

    def _constant(self, node: Node) -> float:
        value = operator.attrgetter(str(node.target))(self.graph)
        if value.numel() != 1 or isinstance(value, torch.nn.Parameter):
            # A larger constant would have to be split by unit like a parameter, so it must be one.
            raise UnknownOperation("a tensor that isn't one number for each unit, `[width]`")
        return float(value)

    def _term(self, argument: Any) -> Term:
        if isinstance(argument, Node):
            return self.terms[argument]
        if argument is None:
            return 0.0
        return float(argument)

    def _call(self, node: Node) -> Term:
        name = str(getattr(node.target, "overloadpacket", node.target)).rpartition(".")[2]
        arguments = list(node.args)
        if name in _IDENTITIES:
            return self._term(arguments[0])
        if name in _CONSTANTS:
            return self._term(arguments[_CONSTANTS[name]])
        if name == "_to_copy":
            return self._convert(self._term(arguments[0]), node.kwargs.get("dtype"))
        if self.in_place and name == "empty_permuted":
            return math.nan  # Uninitialised: it's about to be overwritten.
        if self.in_place and name == "copy_":
            return self._term(arguments[1])
        if self.in_place:
            name = name.removesuffix("_")
        special = getattr(self, f"_{name}", None) if name in _SPECIAL else None
        if special is not None:
            return special(*arguments, **node.kwargs)  # type: ignore[no-any-return]
        if name not in _OPERATION_NAMES or "rounding_mode" in node.kwargs:
            raise UnknownOperation(str(node.target) if name in _OPERATION_NAMES else name)
        if node.kwargs.get("alpha", 1) != 1:
            factor = self._term(node.kwargs["alpha"])
            scaled = self._add("mul", self._term(arguments[1]), factor)
            return self._add(_OPERATION_NAMES[name], self._term(arguments[0]), scaled)
        terms = [self._term(each) for each in arguments]
        if name.startswith("logical"):
            terms = [self._mask(term) for term in terms]
        if self.masks.issuperset(terms):
            # On masks, torch's sum is "or".
            return self._add(_ON_MASKS.get(name, _OPERATION_NAMES[name]), *terms)
        if name.startswith("bitwise"):
            raise UnknownOperation(name)
        return self._add(_OPERATION_NAMES[name], *terms)

    def _add(self, operation: str, *terms: Term) -> Term:
        """Add an instruction and return the name of its result."""
        if operation not in _COMPARISONS and operation != "number":
            first = 1 if operation == "where" else 0
            terms = (*terms[:first], *(self._number(term) for term in terms[first:]))
        result = f"v{len(self.instructions)}"
        self.instructions.append(Instruction(result, operation, terms))
        if operation in _COMPARISONS:
            self.masks.add(result)
        return result

    def _number(self, term: Term) -> Term:
        return self._add("number", term) if term in self.masks else term

    def _mask(self, term: Term) -> Term:
        """Convert a term to a mask: a number is true unless it's 0."""
        return term if term in self.masks else self._add("ne", term, 0.0)

    def _convert(self, term: Term, dtype: Any) -> Term:
        if term not in self.masks and dtype is not None and not dtype.is_floating_point:
            # It would truncate to an integer.
            raise UnknownOperation("_to_copy")
        return self._number(term)

    def _relu(self, x: Any) -> Term:
        # As a `maximum`, it propagates NaN.
        return self._add("maximum", self._term(x), 0.0)

    def _clamp(self, x: Any, low: Any = None, high: Any = None, **named: Any) -> Term:
        low, high = named.get("min", low), named.get("max", high)
        term = self._term(x)
        term = term if low is None else self._add("maximum", term, self._term(low))
        return term if high is None else self._add("minimum", term, self._term(high))

    def _clamp_min(self, x: Any, low: Any) -> Term:
        return self._clamp(x, low)

    def _clamp_max(self, x: Any, high: Any) -> Term:
        return self._clamp(x, None, high)

    def _reciprocal(self, x: Any) -> Term:
        return self._add("div", 1.0, self._term(x))

    def _rsqrt(self, x: Any) -> Term:
        return self._add("div", 1.0, self._add("sqrt", self._term(x)))

    def _pow(self, base: Any, exponent: Any) -> Term:
        term = self._term(base)
        # As torch does.
        if exponent == 0.5:
            return self._add("sqrt", term)
        if exponent in (2, 3):
            square = self._add("mul", term, term)
            return square if exponent == 2 else self._add("mul", square, term)
        return self._add("pow", term, self._term(exponent))


_SPECIAL: Final = frozenset(
    {"relu", "clamp", "clamp_min", "clamp_max", "reciprocal", "rsqrt", "pow"}
)


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
_OURS: Final = str(Path(__file__).parents[1])


class DependsOnBatch(ConfigError):
    """A step whose arithmetic is another for another number of rows or another dtype."""


class _Example(NamedTuple):
    """What tensors a step is traced with."""

    rows: int
    width: int
    dtype: torch.dtype

    def tensor(self) -> Tensor:
        return torch.full((self.rows, self.width), 0.5, dtype=self.dtype)

    def __str__(self) -> str:
        return f"{self.rows}x{self.width}"


def trace(step: Step, sizes: Sizes, width: int = 3) -> Recurrence:
    """Trace a step and its derivative.

    Args:
        step: The elementwise part of a cell. Its `h` has an entry for each of `sizes.recurrent`.
        sizes: How many of each it takes.
        width: The number of units, which the step may read from the shape of a tensor. Then the trace is
            right for that width alone.

    Raises:
        ConfigError: It does something other than elementwise maths. The message names the operation
            and the line.
        DependsOnBatch: It computes something else for another number of rows or another dtype.
    """
    # In a thread of its own, where none of the caller's torch modes apply: inference mode, mixed precision,
    # another default device, hooks on saved tensors.
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(_trace_watched, step, sizes, width).result()


def _trace_watched(step: Step, sizes: Sizes, width: int) -> Recurrence:
    watch = _Watch()

    def watched(*parts: list[Tensor]) -> Sequence[Tensor]:
        with watch.of(parts[3]):
            return step(*parts)

    # The number of rows differs from the width, so that a transposed result is noticed.
    recurrence = _trace(watched, sizes, _Example(3 if width == 2 else 2, width, torch.float64))
    if watch.has_read:
        # To a trace, a number from a shape is a constant like any other; other shapes show it.
        other = _trace(step, sizes, _Example(7 if width == 5 else 5, width, torch.float32))
        if (other.forward, other.backward) != (recurrence.forward, recurrence.backward):
            raise DependsOnBatch(
                "the step of a gated cell computes something else for another number of rows, or another "
                "dtype, of its arguments; the number of units is `self.width`"
            )
    if watch.has_read_parameter:
        # While it's traced, a parameter has a row for each of the batch.
        raise DependsOnBatch(
            "the step of a gated cell reads the shape of a parameter or buffer; the number of units is "
            "`self.width`"
        )
    return recurrence


class _Watch(TorchFunctionMode):
    """Notices what a step reads of tensors apart from their values: shapes, dtypes and the like.

    Attributes:
        has_read: Whether it has read such a thing, or called a function with a derivative of its own, which may.
        has_read_parameter: Whether it has read the shape of a parameter.
    """

    def __init__(self) -> None:
        super().__init__()
        self.has_read = False
        self.has_read_parameter = False
        self._parameters: list[Tensor] = []

    def of(self, parameters: list[Tensor]) -> "_Watch":
        """Return itself, to watch a call with these parameters."""
        self._parameters = parameters
        return self

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = getattr(function, "__name__", "")
        if name == "__get__":
            name = getattr(function.__self__, "__name__", "")
            self.has_read = True
        elif name in _METHODS_OF_SHAPE or name in _OTHER_READS:
            self.has_read = True
        if name in ("shape", "ndim", *_METHODS_OF_SHAPE):
            given = (*args, *(kwargs or {}).values())
            self.has_read_parameter |= any(given[0] is each for each in self._parameters)
        return function(*args, **(kwargs or {}))


#: They tell the dtype, or what's done within isn't seen.
_OTHER_READS: Final = frozenset({"type", "result_type", "can_cast", "custom_function_call"})
_METHODS_OF_SHAPE: Final = frozenset(
    {"size", "dim", "ndimension", "numel", "nelement", "stride", "element_size", "__len__"}
)


def _trace(step: Step, sizes: Sizes, example: _Example) -> Recurrence:
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
    trace_program = functools.partial(_program, step=step, sizes=sizes, example=example)
    return fuse(
        sizes,
        trace_program(forward, names, results),
        trace_program(backward, names + downstream, names[:learnt], derivative=True),
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
    *,
    step: Step,
    sizes: Sizes,
    example: _Example,
    derivative: bool = False,
) -> Program:
    given = [example.tensor() for _ in names]
    try:
        # Fake tensors have no values, so a branch on values is noticed.
        with _quiet(), _without_nan_checks():
            graph: GraphModule = make_fx(
                function, decompositions(), tracing_mode="fake", _allow_non_fake_inputs=True
            )(*given)
        # In-place operations are allowed in the derivative only; the step is traced first without them.
        program = simplify(translate(graph, names, results, in_place=derivative))
    except ConfigError:
        raise
    except GuardOnDataDependentSymNode as error:
        _refuse("uses a branch on the values of a tensor", _place(error), error)
    except UnknownOperation as error:
        name, place = _find(error.name, step, sizes, example)
        _refuse(f"uses `{name}`", place, error)
    except Exception as error:
        _refuse(f"fails on columns of shape {example}: {error}", _place(error), error)
    _check_shapes(graph, example)
    return program


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch from logging a traceback of its own for what becomes one of our errors."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def _without_nan_checks() -> Iterator[None]:
    """Keep autograd's anomaly mode, which applies to all threads, from checking fake tensors for NaN."""
    if not torch.is_anomaly_check_nan_enabled():
        yield
        return
    with torch.autograd.set_detect_anomaly(torch.is_anomaly_enabled(), check_nan=False):
        yield


def _check_shapes(graph: GraphModule, example: _Example) -> None:
    (outputs,) = graph.graph.output_node().args
    for each in cast(list[Node], outputs):
        shape = tuple(each.meta["val"].shape)
        if shape != (example.rows, example.width):
            raise ConfigError(
                f"the step turns states of shape {example} into one of shape "
                f"{'x'.join(map(str, shape)) or '1'}; each state must keep its shape"
            )


def _refuse(what: str, place: str, error: Exception) -> NoReturn:
    raise ConfigError(f"the step of a gated cell {what}{place or '.'}\n{_ADVICE}") from error


class _StopAt(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Raises when an operation is called, or one that decomposes into it, which it names then."""

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


def _find(name: str, step: Step, sizes: Sizes, example: _Example) -> tuple[str, str]:
    """Return which call of a step is an operation or decomposes into it, and where, as the end of a sentence."""
    given = [example.tensor() for _ in _names(sizes)]
    try:
        with _StopAt(name), torch.no_grad():
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
