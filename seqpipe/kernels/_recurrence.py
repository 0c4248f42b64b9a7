"""What an engine knows of a cell: its step and the step's derivative, as programs."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from seqpipe.kernels._program import Program, Term, simplify
from seqpipe.kernels._save import choose_saved


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
