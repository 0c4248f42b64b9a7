"""A recurrence in the intermediate representation: a step and its derivative, and what's saved in between."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

from seqpipe.kernels.ir._operations import OPERATIONS
from seqpipe.kernels.ir._program import Instruction, Program, Term, simplify

#: Identifies a value whatever it's called: equal for equal values of two programs (value numbering).
_ValueNumber: TypeAlias = int


def choose_saved(
    forward: Program, backward: Program, gates: int, name_of: Callable[[int], str]
) -> tuple[Program, Program]:
    """Add to a step's outputs what's saved of each gate, `k0`, ..., and let its derivative start from that.

    The backward pass would recompute activations. Where it uses a gate's product only for one costly
    function of it, such as its sigmoid, that function's value is saved instead of the product.

    Args:
        forward: The step.
        backward: Its derivative.
        gates: The number of gates.
        name_of: The name by which both call the product of a gate.
    """
    for gate in range(gates):
        name, saved = name_of(gate), f"k{gate}"
        result, shortened = _find(forward, backward, name, saved)
        forward = replace(forward, outputs={**forward.outputs, saved: result})
        backward = shortened
    return forward, backward


def _find(forward: Program, backward: Program, name: str, saved: str) -> tuple[Term, Program]:
    """Return what's saved for a product, and the derivative that starts from it."""
    table: dict[object, _ValueNumber] = {}
    known = _number_values(forward, table)
    # What's saved already has the value number of the step's output.
    known_inputs: dict[Term, _ValueNumber] = {
        each: known[forward.outputs[each]] for each in backward.inputs if each[0] == "k"
    }
    by_number = {
        number: term for term, number in _number_values(backward, table, known_inputs).items()
    }
    for each in forward.instructions:
        place = by_number.get(known[each.result])
        if OPERATIONS[each.operation].is_costly and isinstance(place, str):
            shortened = _start_from(backward, place, saved)
            if name in backward.used and name not in shortened.used:
                return each.result, _without(shortened, name)
    return name, _without(_start_from(backward, name, saved), name)


def _number_values(
    program: Program,
    table: dict[object, _ValueNumber],
    known_inputs: Mapping[Term, _ValueNumber] = MappingProxyType({}),
) -> dict[Term, _ValueNumber]:
    """Return the value number of each value; new ones are added to `table`."""

    def number_of(key: object) -> _ValueNumber:
        return table.setdefault(key, len(table))

    known: dict[Term, _ValueNumber] = {
        name: known_inputs[name] if name in known_inputs else number_of(name)
        for name in program.inputs
    }
    for each in program.instructions:
        arguments = tuple(known.get(a, number_of(("number", a))) for a in each.arguments)
        known[each.result] = number_of((each.operation, arguments))
    return known


def _start_from(program: Program, term: str, saved: str) -> Program:
    """Return a program that takes one of its values as an input under a new name."""

    def rename(other: Term) -> Term:
        return saved if other == term else other

    instructions = tuple(
        Instruction(i.result, i.operation, tuple(map(rename, i.arguments)))
        for i in program.instructions
        if i.result != term
    )
    outputs = {name: rename(other) for name, other in program.outputs.items()}
    return simplify(Program((*program.inputs, saved), instructions, outputs))


def _without(program: Program, name: str) -> Program:
    return replace(program, inputs=tuple(each for each in program.inputs if each != name))


@dataclass(frozen=True)
class Sizes:
    """The sizes of a step's interface: how many columns, each as wide as the cell, it has of what.

    Attributes:
        gates: How many products of the input there are.
        recurrent: For each product of the hidden state, the gate that it belongs to, ascending.
        states: How many states there are; the first is the hidden state.
        parameters: How many parameters per unit the step has.
        noises: How many values it takes at each time step that have no gradient.
    """

    gates: int
    recurrent: tuple[int, ...]
    states: int
    parameters: int = 0
    noises: int = 0


# Hashed by identity, since compiled kernels are looked up by it.
@dataclass(frozen=True, eq=False)
class Recurrence:
    """A traced step.

    Its programs use these names: `x0`, ... the products of the input by gate; `h0`, ... the products
    of the hidden state, also by gate; `s0`, ... the states; `p0`, ... the parameters;
    `n0`, ... the noises. For a gate whose two products are only ever added up, their sum `z0`, ... replaces
    both. The forward program also outputs what's saved of each gate for the backward pass, `k0`, ...; the
    backward program takes these, and `d0`, ..., the gradients of the next states.

    Attributes:
        sizes: How many of each there are.
        fused: The gates of which only the sum is used.
        forward: To `s0`, ..., the next states, and `k0`, ....
        backward: To the gradients, `x0` or `z0`, `h0`, `s0`, `p0`, named as what they're the gradients of.
        cache: What engines have compiled or found out for it, by keys of their own.
    """

    sizes: Sizes
    fused: tuple[int, ...]
    forward: Program
    backward: Program
    cache: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def separate(self) -> tuple[int, ...]:
        """The gates with a product of the hidden state of their own."""
        return tuple(g for g in self.sizes.recurrent if g not in self.fused)

    @property
    def shares_gradients(self) -> bool:
        """Whether the gradients of both kinds of products are equal."""
        return self.sizes.recurrent == tuple(range(self.sizes.gates)) and not self.separate

    def input_name(self, gate: int) -> str:
        """Return the name of a gate's product of the input, or of the sum that replaces it."""
        return f"z{gate}" if gate in self.fused else f"x{gate}"

    def recurrent_name(self, gate: int) -> str:
        """Return the name of a gate's product of the hidden state, or of the sum that replaces it."""
        return f"z{gate}" if gate in self.fused else f"h{gate}"


def fuse(sizes: Sizes, forward: Program, backward: Program) -> Recurrence:
    """Make a recurrence of a step and its derivative, and fuse products that are only ever added up."""
    fused = tuple(
        g for g in sizes.recurrent if _only_added(forward, g) and _only_added(backward, g)
    )
    for gate in fused:
        forward, backward = _with_sum(forward, gate), _with_sum(backward, gate)
    recurrence = Recurrence(sizes, fused, simplify(forward), simplify(backward))
    forward, backward = choose_saved(
        recurrence.forward, recurrence.backward, sizes.gates, recurrence.input_name
    )
    return replace(recurrence, forward=forward, backward=backward)


def _only_added(program: Program, gate: int) -> bool:
    """Say whether a gate's two products are used only as their sum, and have the same gradient."""
    pair = {f"x{gate}", f"h{gate}"}
    if program.outputs.get(f"x{gate}") != program.outputs.get(f"h{gate}"):
        return False
    users = [i for i in program.instructions if pair & set(i.arguments)]
    sums = all(i.operation == "add" and set(i.arguments) == pair for i in users)
    return sums and not pair & set(program.outputs.values())


def _with_sum(program: Program, gate: int) -> Program:
    x, h, z = f"x{gate}", f"h{gate}", f"z{gate}"
    sums = {i.result for i in program.instructions if x in i.arguments}

    def rename(term: Term) -> Term:
        return z if term in sums else term

    instructions = tuple(
        replace(i, arguments=tuple(rename(a) for a in i.arguments))
        for i in program.instructions
        if i.result not in sums
    )
    outputs = {name: rename(t) for name, t in program.outputs.items() if name != h}
    inputs = tuple(z if name == x else name for name in program.inputs if name != h)
    named = {z if name == x else name: term for name, term in outputs.items()}
    return Program(inputs, instructions, named)
