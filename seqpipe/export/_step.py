"""The traced step of a gated cell as nodes of a graph."""

from collections.abc import Callable, Mapping
from typing import Final

from seqpipe.errors import ExportError
from seqpipe.export._graph import Graph
from seqpipe.kernels.ir import Program, Recurrence, Term

#: The operations that ONNX has under another name, or the same.
_NAMES: Final = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "neg": "Neg",
    "abs": "Abs",
    "sign": "Sign",
    "sqrt": "Sqrt",
    "exp": "Exp",
    "log": "Log",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "erf": "Erf",
    "pow": "Pow",
    "minimum": "Min",
    "maximum": "Max",
    "where": "Where",
    "eq": "Equal",
    "lt": "Less",
    "le": "LessOrEqual",
    "gt": "Greater",
    "ge": "GreaterOrEqual",
    "and": "And",
    "or": "Or",
    "not": "Not",
}


def _ne(graph: Graph, left: str, right: str) -> str:
    return graph.add("Not", graph.add("Equal", left, right))


def _expm1(graph: Graph, value: str) -> str:
    return graph.add("Sub", graph.add("Exp", value), graph.constant(1.0))


def _log1p(graph: Graph, value: str) -> str:
    return graph.add("Log", graph.add("Add", value, graph.constant(1.0)))


def _number(graph: Graph, mask: str) -> str:
    from onnx import TensorProto

    return graph.add("Cast", mask, to=TensorProto.FLOAT)


#: What ONNX has no operation for.
_COMPOSED: Final[dict[str, Callable[..., str]]] = {
    "ne": _ne,
    "expm1": _expm1,
    "log1p": _log1p,
    "number": _number,
}


def add_operation(graph: Graph, operation: str, *values: str) -> str:
    """Add an elementwise operation, one of `seqpipe.kernels.ir`.

    Raises:
        ExportError: ONNX hasn't got it.
    """
    if operation in _COMPOSED:
        return _COMPOSED[operation](graph, *values)
    if operation not in _NAMES:
        raise ExportError(f"ONNX has no operation `{operation}`")
    return graph.add(_NAMES[operation], *values)


def add_step(graph: Graph, recurrence: Recurrence, values: Mapping[str, str]) -> list[str]:
    """Add a step, and return the next states.

    Args:
        graph: The graph.
        recurrence: The step.
        values: By the names that the recurrence has for them: products, sums of products, states, parameters.
    """
    known = dict(values)
    program: Program = recurrence.forward

    def value(term: Term) -> str:
        return known[term] if isinstance(term, str) else graph.constant(term)

    states = [program.outputs[f"s{number}"] for number in range(recurrence.sizes.states)]
    needed = _needed(program, states)
    for each in program.instructions:
        if each.result in needed:
            given = map(value, each.arguments)
            known[each.result] = add_operation(graph, each.operation, *given)
    # A state may be a number.
    return [
        value(term)
        if isinstance(term, str)
        else graph.add("Expand", value(term), graph.add("Shape", known[f"s{number}"]))
        for number, term in enumerate(states)
    ]


def _needed(program: Program, terms: list[Term]) -> set[Term]:
    """Return what some results depend on: the program also saves what gradients need."""
    needed = set(terms)
    for each in reversed(program.instructions):
        if each.result in needed:
            needed.update(each.arguments)
    return needed
