"""From torch's graph of operations to a program."""

import functools
import math
import operator
from collections.abc import Callable
from typing import Any, Final

import torch
from torch._decomp import core_aten_decompositions, decomposition_table
from torch.fx import GraphModule, Node

from seqpipe.kernels._operations import OPERATIONS
from seqpipe.kernels._program import Instruction, Program, Term


class UnknownOperation(Exception):
    """An operation that isn't elementwise maths, or that no kernel knows."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


# Activations that torch counts among its basic operations, though they're made of others.
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
    """Return how torch's operations are made of simpler ones."""
    table = dict(core_aten_decompositions())
    for name in _COMPOSITE:
        packet = getattr(torch.ops.aten, name)
        overloads = (getattr(packet, each) for each in packet.overloads())
        table |= {
            each: decomposition_table[each] for each in overloads if each in decomposition_table
        }
    return table


#: Operations of torch that are ours by another name.
_SAME: Final = {
    **{name: name for name in OPERATIONS},
    "logical_and": "and",
    "bitwise_and": "and",
    "logical_or": "or",
    "bitwise_or": "or",
    "logical_not": "not",
    "bitwise_not": "not",
}

#: What operations on numbers are on masks.
_OF_MASKS: Final = {"add": "or", "mul": "and", "maximum": "or", "minimum": "and"}

#: Operations that return a tensor of one number, and where in their arguments it stands.
_CONSTANTS: Final = {"scalar_tensor": 0, "full": 1, "full_like": 1}

#: Operations that change nothing here.
_IDENTITIES: Final = frozenset({"clone", "alias", "detach", "lift_fresh_copy", "view_of"})

_COMPARISONS: Final = frozenset(n for n, operation in OPERATIONS.items() if operation.is_mask)


def translate(
    graph: GraphModule, inputs: list[str], results: list[str], *, in_place: bool = False
) -> Program:
    """Turn a graph into a program.

    Args:
        graph: As `make_fx` made it, on tensors of one shape.
        inputs: A name for each of its placeholders.
        results: A name for each of its outputs.
        in_place: Whether it may change tensors in place, as torch's derivatives do with new ones.

    Raises:
        UnknownOperation: It has an operation that isn't one of `OPERATIONS` or made of them.
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
            # A table of numbers would have to be cut up like a parameter, so it must be one.
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
            return math.nan  # It's about to be overwritten.
        if self.in_place and name == "copy_":
            return self._term(arguments[1])
        if self.in_place:
            name = name.removesuffix("_")
        special = getattr(self, f"_{name}", None) if name in _SPECIAL else None
        if special is not None:
            return special(*arguments, **node.kwargs)  # type: ignore[no-any-return]
        if name not in _SAME or "rounding_mode" in node.kwargs:
            raise UnknownOperation(str(node.target) if name in _SAME else name)
        if node.kwargs.get("alpha", 1) != 1:
            factor = self._term(node.kwargs["alpha"])
            scaled = self._add("mul", self._term(arguments[1]), factor)
            return self._add(_SAME[name], self._term(arguments[0]), scaled)
        terms = [self._term(each) for each in arguments]
        if name.startswith("logical"):
            terms = [self._mask(term) for term in terms]
        if self.masks.issuperset(terms):
            # On masks, torch's sum is "or".
            return self._add(_OF_MASKS.get(name, _SAME[name]), *terms)
        if name.startswith("bitwise"):
            raise UnknownOperation(name)
        return self._add(_SAME[name], *terms)

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
        """Return whether a term is true: a number is but for 0."""
        return term if term in self.masks else self._add("ne", term, 0.0)

    def _convert(self, term: Term, dtype: Any) -> Term:
        if term not in self.masks and dtype is not None and not dtype.is_floating_point:
            # It would cut off what's behind the point.
            raise UnknownOperation("_to_copy")
        return self._number(term)

    def _relu(self, x: Any) -> Term:
        # As `maximum`, it lets a NaN through.
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
