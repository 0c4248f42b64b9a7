"""What the way back is given of each gate: its products, or better what was costly to compute of them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

from seqpipe.kernels._operations import OPERATIONS
from seqpipe.kernels._program import Instruction, Program, Term, simplify

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
