"""One call of a cell that isn't gated, or does more than its step, as nodes of a graph."""

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx

from seqpipe.errors import ExportError
from seqpipe.export._graph import Graph
from seqpipe.export._step import add_operation
from seqpipe.parts.cells import Cell

#: Rows of the example, which no width of a state or an input should be mistaken for.
_ROWS: Final = 23


def add_call(graph: Graph, cell: Cell, input: str, state: Sequence[str]) -> tuple[str, list[str]]:
    """Add a call of a cell.

    Args:
        graph: The graph.
        cell: The cell, in evaluation mode.
        input: Its input, `[P, input_width]`.
        state: The state before, `[P, n]` each.

    Returns:
        The output and the next state; the output is the same value as the first state where the cell has it so.

    Raises:
        ExportError: It does something that isn't known here.
    """
    traced = _trace(cell)
    translator = _Translator(graph, traced)
    try:
        output, *after = translator.run([input, *state])
    except _UnknownOperation as error:
        raise ExportError(
            f"the cell {type(cell).__name__} can't be exported: it uses `{error}`, which isn't translated to ONNX"
        ) from error
    return output, after


def _trace(cell: Cell) -> GraphModule:
    like = next(cell.parameters(), torch.zeros(1))
    input = torch.full((_ROWS, cell.input_width), 0.5, dtype=like.dtype)
    state = cell.initial_state(_ROWS, input)

    def call(input: torch.Tensor, *state: torch.Tensor) -> list[torch.Tensor]:
        output, after = cell(input, state)
        return [output, *after]

    try:
        # Fake tensors have no values, so a branch on values is noticed.
        with torch.no_grad():
            traced: GraphModule = make_fx(call, tracing_mode="fake", _allow_non_fake_inputs=True)(
                input, *state
            )
    except Exception as error:
        raise ExportError(
            f"the cell {type(cell).__name__} can't be exported: a call of it can't be traced ({_first_line(error)})"
        ) from error
    return traced


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


class _UnknownOperation(Exception):
    """An operation that isn't translated."""


#: torch's operations that are one of ours.
_ELEMENTWISE: Final = {
    **{name: name for name in ("add", "sub", "mul", "div", "neg", "abs", "sign", "sqrt", "exp")},
    **{name: name for name in ("expm1", "log", "log1p", "sigmoid", "tanh", "erf", "pow")},
    **{name: name for name in ("minimum", "maximum", "where", "eq", "ne", "lt", "le", "gt", "ge")},
    "logical_and": "and",
    "logical_or": "or",
    "logical_not": "not",
}
_IDENTITIES: Final = frozenset({"clone", "alias", "detach", "lift_fresh_copy"})


class _Translator:
    """Translates a traced call: elementwise operations, products, cuts, concatenations and layer normalisation."""

    def __init__(self, graph: Graph, traced: GraphModule) -> None:
        self.graph = graph
        self.traced = traced
        self.values: dict[Node, Any] = {}

    def run(self, inputs: list[str]) -> list[str]:
        """Add the nodes, and return the results."""
        given = iter(inputs)
        self.traced.graph.eliminate_dead_code()
        for node in self.traced.graph.nodes:
            if node.op == "placeholder":
                self.values[node] = next(given)
            elif node.op == "get_attr":
                found = operator.attrgetter(str(node.target))(self.traced)
                self.values[node] = self.graph.constant(found.detach().cpu().numpy())
            elif node.op == "call_function":
                self.values[node] = self._call(node)
        (results,) = self.traced.graph.output_node().args
        return [self.values[each] for each in results]  # type: ignore[index,union-attr]

    def _call(self, node: Node) -> Any:
        if node.target is operator.getitem:
            source, place = node.args
            return self.values[source][place]  # type: ignore[index]
        name = str(getattr(node.target, "overloadpacket", node.target)).rpartition(".")[2]
        if name in _IDENTITIES:
            return self.values[node.args[0]]  # type: ignore[index]
        special: Callable[..., Any] | None = getattr(self, f"_{name}", None)
        if special is not None:
            values = [self._value(each) for each in node.args]
            try:
                bound = inspect.signature(special).bind(*values, **node.kwargs)
            # With arguments that its translation doesn't know.
            except TypeError:
                raise _UnknownOperation(name) from None
            return special(*bound.args, **bound.kwargs)
        if name not in _ELEMENTWISE or set(node.kwargs) - {"alpha"}:
            raise _UnknownOperation(name)
        values = [self._value(each) for each in node.args]
        if "alpha" in node.kwargs:
            values[1] = self.graph.add("Mul", values[1], self._value(node.kwargs["alpha"]))
        return add_operation(self.graph, _ELEMENTWISE[name], *values)

    def _value(self, argument: Any) -> Any:
        """Return the name of a value or of a number; a list of values; or an integer that says where as it is."""
        if isinstance(argument, Node):
            return self.values[argument]
        if isinstance(argument, list | tuple):
            return [self.values[each] if isinstance(each, Node) else each for each in argument]
        if isinstance(argument, bool) or not isinstance(argument, int | float):
            return argument
        return _Number(self.graph.constant(float(argument)), argument)

    def _relu(self, value: str) -> str:
        return self.graph.add("Relu", value)

    def _rsub(self, value: str, other: str) -> str:
        return self.graph.add("Sub", other, value)

    def _reciprocal(self, value: str) -> str:
        return self.graph.add("Reciprocal", value)

    def _softplus(self, value: str) -> str:
        return self.graph.add("Softplus", value)

    def _t(self, value: str) -> str:
        return self.graph.add("Transpose", value, perm=[1, 0])

    def _permute(self, value: str, axes: list[int]) -> str:
        return self.graph.add("Transpose", value, perm=axes)

    def _mm(self, left: str, right: str) -> str:
        return self.graph.add("MatMul", left, right)

    def _addmm(self, bias: str, left: str, right: str) -> str:
        return self.graph.add("Gemm", left, right, bias)

    def _cat(self, values: list[str], axis: "_Number | None" = None) -> str:
        return self.graph.add("Concat", *values, axis=axis.number if axis else 0)

    def _split(self, value: str, size: "_Number", axis: "_Number | None" = None) -> "_Cut":
        return _Cut(self.graph, value, size.number, axis.number if axis else 0)

    def _slice(
        self,
        value: str,
        axis: "_Number | None" = None,
        start: "_Number | None" = None,
        end: "_Number | None" = None,
    ) -> str:
        first = start.number if start else 0
        last = end.number if end else 2**62
        numbers = [self.graph.integers(int(n)) for n in (first, last, axis.number if axis else 0)]
        return self.graph.add("Slice", value, *numbers)

    def _native_layer_norm(
        self, value: str, shape: list[int], weight: str, bias: str, epsilon: "_Number"
    ) -> list[str]:
        if len(shape) != 1 or weight is None:
            raise _UnknownOperation("native_layer_norm")
        given = [value, weight, *([] if bias is None else [bias])]
        return [self.graph.add("LayerNormalization", *given, axis=-1, epsilon=epsilon.number)]


class _Number(str):
    """The name of a constant that knows its value, since that may be a place rather than something to compute with."""

    number: Any

    def __new__(cls, name: str, number: Any) -> "_Number":
        """Make one of a name and a number."""
        made = super().__new__(cls, name)
        made.number = number
        return made


class _Cut:
    """A value cut into parts of equal sizes, each of which is taken when it's asked for."""

    def __init__(self, graph: Graph, value: str, size: int, axis: int) -> None:
        self._graph = graph
        self._value = value
        self._size = size
        self._axis = axis

    def __getitem__(self, place: int) -> str:
        """Return a part."""
        bounds = (place * self._size, (place + 1) * self._size, self._axis)
        numbers = [self._graph.integers(each) for each in bounds]
        return self._graph.add("Slice", self._value, *numbers)
