"""Straight-line elementwise programs: the intermediate representation of a traced step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from seqpipe.kernels.ir._operations import OPERATIONS

#: The name of a value, or a constant.
Term: TypeAlias = str | float


@dataclass(frozen=True)
class Instruction:
    """One operation: ``result = operation(*arguments)``."""

    result: str
    operation: str
    arguments: tuple[Term, ...]


@dataclass(frozen=True)
class Program:
    """A list of instructions, each on values computed before it.

    Attributes:
        inputs: The names of its inputs.
        instructions: In an order in which they can be executed.
        outputs: Its results, by name.
    """

    inputs: tuple[str, ...]
    instructions: tuple[Instruction, ...]
    outputs: Mapping[str, Term]

    @property
    def used(self) -> frozenset[str]:
        """The inputs that a result depends on."""
        terms = [term for each in self.instructions for term in each.arguments]
        return frozenset(self.inputs) & frozenset([*terms, *self.outputs.values()])

    def run(self, values: Mapping[str, Tensor]) -> dict[str, Tensor | float]:
        """Compute the outputs with torch, from a tensor for each input; all are of one shape."""
        known = dict(values)
        like = next(iter(values.values()))
        for each in self.instructions:
            arguments = [known[a] if isinstance(a, str) else a for a in each.arguments]
            known[each.result] = _compute(each.operation, arguments, like)
        return {
            name: known[term] if isinstance(term, str) else term
            for name, term in self.outputs.items()
        }


# These take tensors only. A comparison takes a scalar too, but not as its first argument.
_TENSORS_ONLY = frozenset({"minimum", "maximum"})


def _compute(operation: str, arguments: list[Tensor | float], like: Tensor) -> Tensor:
    first = isinstance(arguments[0], Tensor)
    if operation in _TENSORS_ONLY or (OPERATIONS[operation].is_mask and not first):
        arguments = [a if isinstance(a, Tensor) else like.new_tensor(a) for a in arguments]
    result: Tensor = OPERATIONS[operation].torch(*arguments)
    return result


def simplify(program: Program) -> Program:
    """Eliminate common subexpressions, fold constants, and remove dead code."""
    renamed: dict[Term, Term] = {}
    seen: dict[tuple[str, tuple[Term, ...]], str] = {}
    rest: list[Instruction] = []
    for each in program.instructions:
        arguments = tuple(renamed.get(a, a) for a in each.arguments)
        folded = _fold(each.operation, arguments)
        key = (each.operation, arguments)
        if folded is not None:
            renamed[each.result] = folded
        elif key in seen:
            renamed[each.result] = seen[key]
        else:
            seen[key] = each.result
            rest.append(Instruction(each.result, *key))
    outputs = {name: renamed.get(term, term) for name, term in program.outputs.items()}
    return Program(program.inputs, _without_dead_code(rest, outputs.values()), outputs)


def _fold(operation: str, arguments: tuple[Term, ...]) -> Term | None:
    """Return the simpler term that an operation's result always equals, or None."""
    if operation == "where" and arguments[1] == arguments[2]:
        return arguments[1]
    if operation == "mul" and 1.0 in arguments:
        return arguments[1 - arguments.index(1.0)]
    if operation == "pow" and arguments[1] == 1.0:
        return arguments[0]
    if all(isinstance(a, float) for a in arguments) and not OPERATIONS[operation].is_mask:
        given = [torch.tensor(a, dtype=torch.float64, device="cpu") for a in arguments]
        return float(OPERATIONS[operation].torch(*given))
    return None


def _without_dead_code(
    instructions: list[Instruction], outputs: Iterable[Term]
) -> tuple[Instruction, ...]:
    needed = set(outputs)
    live = []
    for each in reversed(instructions):
        if each.result in needed:
            live.append(each)
            needed.update(each.arguments)
    return tuple(reversed(live))
