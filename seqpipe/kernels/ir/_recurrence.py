"""What the way back is given of each gate: its products, or better what was costly to compute of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

from seqpipe.kernels.ir._operations import OPERATIONS
from seqpipe.kernels.ir._program import Instruction, Program, Term, simplify

#: What a value is, whatever it's called: equal for equal values of two programs.
_Meaning: TypeAlias = int


def choose_saved(
    forward: Program, backward: Program, gates: int, name_of: Callable[[int], str]
) -> tuple[Program, Program]:
    """Let a step also give what's saved of each gate, `k0`, ..., and its derivative start from that.

    The way back would compute activations again. Where it needs a gate's product for nothing but one
    costly result of it, such as its sigmoid, that's saved in the product's place.

    Args:
        forward: The step.
        backward: Its derivative.
        gates: The number of gates.
        name_of: The name by which both call the product of a gate.
    """
    for gate in range(gates):
        name, saved = name_of(gate), f"k{gate}"
        result, shorter = _find(forward, backward, name, saved)
        forward = replace(forward, outputs={**forward.outputs, saved: result})
        backward = shorter
    return forward, backward


def _find(forward: Program, backward: Program, name: str, saved: str) -> tuple[Term, Program]:
    """Return what's saved for a product, and the derivative that starts from it."""
    meanings: dict[object, _Meaning] = {}
    known = _meanings(forward, meanings)
    # What's saved already means what the step computes it from.
    met: dict[Term, _Meaning] = {
        each: known[forward.outputs[each]] for each in backward.inputs if each[0] == "k"
    }
    there = {meaning: term for term, meaning in _meanings(backward, meanings, met).items()}
    for each in forward.instructions:
        place = there.get(known[each.result])
        if OPERATIONS[each.operation].is_costly and isinstance(place, str):
            shorter = _start_from(backward, place, saved)
            if name in backward.used and name not in shorter.used:
                return each.result, _without(shorter, name)
    return name, _without(_start_from(backward, name, saved), name)


def _meanings(
    program: Program,
    meanings: dict[object, _Meaning],
    met: Mapping[Term, _Meaning] = MappingProxyType({}),
) -> dict[Term, _Meaning]:
    """Return the meaning of each value; those met for the first time are added to `meanings`."""

    def meaning(key: object) -> _Meaning:
        return meanings.setdefault(key, len(meanings))

    known: dict[Term, _Meaning] = {
        name: met[name] if name in met else meaning(name) for name in program.inputs
    }
    for each in program.instructions:
        arguments = tuple(known.get(a, meaning(("number", a))) for a in each.arguments)
        known[each.result] = meaning((each.operation, arguments))
    return known


def _start_from(program: Program, term: str, saved: str) -> Program:
    """Return a program that's given one of its values under a new name."""

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


# What an engine knows of a cell: its step and the step's derivative, as programs.


@dataclass(frozen=True)
class Sizes:
    """How many of what a step takes; each is a column of numbers as wide as the cell.

    Attributes:
        gates: How many products of the input there are.
        recurrent: For each product of the hidden state, the gate that it belongs to, ascending.
        states: How many states there are; the first is the hidden state.
        parameters: How many parameters per unit the step has.
        noises: How many values it's given at each step that nothing is learnt from.
    """

    gates: int
    recurrent: tuple[int, ...]
    states: int
    parameters: int = 0
    noises: int = 0


# By identity, as what's compiled for it is found by it.
@dataclass(frozen=True, eq=False)
class Recurrence:
    """A traced step.

    Its programs know these values: `x0`, ... the products of the input by gate; `h0`, ... the products
    of the hidden state, by the number of their gate too; `s0`, ... the states; `p0`, ... the parameters;
    `n0`, ... the noises. For a gate whose two products are only ever added up, their sum `z0`, ... stands
    for both. The forward program also gives what's saved of each gate for the way back, `k0`, ...; the
    backward program gets these, and `d0`, ..., the gradients of the next states.

    Attributes:
        sizes: How many of each there are.
        fused: The gates of which only the sum is known.
        forward: To `s0`, ..., the next states, and `k0`, ....
        backward: To the gradients, `x0` or `z0`, `h0`, `s0`, `p0`, named as what they're the gradients of.
        made: What engines have made for it, by what they call it.
    """

    sizes: Sizes
    fused: tuple[int, ...]
    forward: Program
    backward: Program
    made: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def separate(self) -> tuple[int, ...]:
        """The gates with a product of the hidden state of their own."""
        return tuple(g for g in self.sizes.recurrent if g not in self.fused)

    @property
    def shares_gradients(self) -> bool:
        """Whether the gradients of both kinds of products are the same numbers."""
        return self.sizes.recurrent == tuple(range(self.sizes.gates)) and not self.separate

    def input_name(self, gate: int) -> str:
        """Return the name of a gate's product of the input, or of the sum that stands for it."""
        return f"z{gate}" if gate in self.fused else f"x{gate}"

    def recurrent_name(self, gate: int) -> str:
        """Return the name of a gate's product of the hidden state, or of the sum that stands for it."""
        return f"z{gate}" if gate in self.fused else f"h{gate}"


def fuse(sizes: Sizes, forward: Program, backward: Program) -> Recurrence:
    """Put a step and its derivative together, with the sum in place of products that are only added up."""
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
    """Say whether two products appear in nothing but their sum, and have the same gradient."""
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
