"""The contract of cells."""

import functools
from typing import cast

import torch
from torch import Tensor

from seqpipe.parts.cells import LSTM, Cell, GatedCell, State
from seqpipe.parts.encoders import unroll, usable_engines
from seqpipe.testing._cases import CELLS, Case, describe_difference, has_rows, is_wide, same
from seqpipe.testing._check import BrokenError, Check, Factory, NotApplicable, make_check
from seqpipe.testing._making import can_be_made, is_documented
from seqpipe.testing._modules import DEVICES, module_checks
from seqpipe.testing._smallest import at, hold
from seqpipe.testing._speed import compare, task_of


def cell_checks() -> list[Check]:
    """Return the checks of a cell."""
    made = make_check(can_be_made, "cells", Cell, _make)
    states = make_check(states_have_their_shape, needs=(made,))
    leaves = make_check(leaves_its_input_alone, needs=(states,))
    common = module_checks(CELLS, (states,), leaves)
    keeps = common["keeps_nothing_between_calls"]
    alone = common["same_alone_as_beside_others"]
    elementwise = make_check(step_is_elementwise, needs=(alone, leaves))
    engines = make_check(every_engine_equals_the_plain_loop, needs=(keeps, elementwise))
    moved = (common["follows_the_dtype"], common["follows_the_device"])
    return [
        made,
        make_check(is_documented, needs=(made,)),
        states,
        leaves,
        *common.values(),
        make_check(states_follow_the_input, needs=moved),
        make_check(steps_in_an_empty_batch, needs=(keeps,)),
        elementwise,
        engines,
        make_check(speed, needs=(engines,)),
    ]


def _make(factory: Factory) -> Cell:
    case = CELLS.case(factory, 1)
    cell: Cell = factory(case.input_width, case.width)
    if isinstance(cell, Cell) and (cell.input_width, cell.width) != (case.input_width, case.width):
        raise BrokenError("`input_width` and `width` aren't the sizes that it was made with")
    return cell


def _step(factory: Factory, case: Case) -> tuple[Cell, Tensor, State]:
    """Return a cell, an input with a row for each sequence, and a state after a step."""
    cell = CELLS.make(factory, case)
    assert isinstance(cell, Cell)
    batch = len(case.lengths)
    inputs = case.draw(batch, case.input_width)
    with torch.no_grad():
        _, state = cell(inputs.clone(), cell.initial_state(batch, inputs))
    return cell, inputs, state


def states_have_their_shape(factory: Factory) -> None:
    """A state is a tuple of tensors with a row for each sequence, and a step returns one of the same shapes."""

    def verify(case: Case) -> None:
        cell = CELLS.make(factory, case)
        assert isinstance(cell, Cell)
        batch = len(case.lengths)
        inputs = case.draw(batch, case.input_width)
        before = _shapes(cell.initial_state(batch, inputs), batch, "initial_state")
        with torch.no_grad():
            stepped = cell(inputs, cell.initial_state(batch, inputs))
        if not (isinstance(stepped, tuple) and len(stepped) == 2):
            raise BrokenError(f"a step returns {_form(stepped)} rather than an output and a state")
        after = _shapes(stepped[1], batch, "a step")
        if before != after:
            raise BrokenError(f"initial_state returns {before}, and a step returns {after}")

    hold(verify, CELLS.cases(factory))


def _shapes(state: object, batch: int, who: str) -> list[list[int]]:
    if not (isinstance(state, tuple) and state and all(isinstance(s, Tensor) for s in state)):
        raise BrokenError(f"{who} returns {_form(state)} rather than a tuple of tensors")
    shapes = [list(each.shape) for each in state]
    if any(len(shape) != 2 or shape[0] != batch for shape in shapes):
        raise BrokenError(f"{who} returns {shapes} for {batch} sequences, and should [{batch}, n]")
    return shapes


def _form(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def leaves_its_input_alone(factory: Factory) -> None:
    """A step changes neither its input nor the state that it's given."""

    def verify(case: Case) -> None:
        cell, inputs, state = _step(factory, case)
        before = [each.clone() for each in (inputs, *state)]
        with torch.no_grad():
            cell(inputs, state)
        names = ["input", *(f"state {i}" for i in range(len(state)))]
        for name, old, new in zip(names, before, (inputs, *state), strict=True):
            if not same(old, new):
                raise BrokenError(f"the {name} is changed: {describe_difference(old, new)}")

    hold(verify, CELLS.cases(factory))


def states_follow_the_input(factory: Factory) -> None:
    """States are of the dtype and the device of the input, before the first step and after each."""

    def verify(case: Case) -> None:
        cell = CELLS.make(factory, case)
        assert isinstance(cell, Cell)
        for dtype in (torch.float64, torch.bfloat16):
            like = case.draw(2, case.input_width, dtype=dtype)
            _expect_like(cell.initial_state(2, like), like, "the initial state")
        for device in DEVICES:
            like = case.draw(2, case.input_width).to(device)
            _expect_like(cell.initial_state(2, like), like, "the initial state")
        inputs = case.draw(2, case.input_width, dtype=torch.float64)
        _, after = cell.double()(inputs, cell.initial_state(2, inputs))
        _expect_like(after, inputs, "the state after a step")

    at(verify, CELLS.case(factory))


def _expect_like(state: State, like: Tensor, which: str) -> None:
    for each in state:
        if (each.dtype, each.device.type) != (like.dtype, like.device.type):
            raise BrokenError(
                f"for {like.dtype} on {like.device.type!r}, {which} is {each.dtype} on "
                f"{each.device.type!r}"
            )


def steps_in_an_empty_batch(factory: Factory) -> None:
    """A step takes an input and a state of no rows."""

    def verify(case: Case) -> None:
        _, _, state = _step(factory, case)
        if any(len(each) for each in state):
            raise BrokenError(f"the state is {[list(each.shape) for each in state]}")

    at(verify, CELLS.case(factory))


def step_is_elementwise(factory: Factory) -> None:
    """In a `GatedCell`, column k of the next states depends on column k of products and states only."""
    if not isinstance(CELLS.make(factory, CELLS.case(factory)), GatedCell):
        raise NotApplicable("it's no GatedCell")

    def verify(case: Case) -> None:
        cell, _, _ = _step(factory, case)
        assert isinstance(cell, GatedCell)
        given = [case.draw(len(case.lengths), case.width, more=i) for i in range(_places(cell))]
        with torch.no_grad():
            before = _call_step(cell, given)
            for place, values in enumerate(given):
                changed = values.clone()
                changed[:, 0] += 1
                after = _call_step(cell, [*given[:place], changed, *given[place + 1 :]])
                if not same(before[..., 1:], after[..., 1:]):
                    raise BrokenError(
                        f"a change in column 0 of {_name(cell, place)} reaches other columns: "
                        + describe_difference(before[..., 1:], after[..., 1:])
                    )

    hold(verify, CELLS.cases(factory, such=is_wide))


def _places(cell: GatedCell) -> int:
    return len(cell.gates) + len(cell.recurrent_gates) + len(cell.states)


def _call_step(cell: GatedCell, given: list[Tensor]) -> Tensor:
    """Call a step with x and h of each gate and with each state; return the states, `[S, B, width]`."""
    x, rest = given[: len(cell.gates)], given[len(cell.gates) :]
    h, state = rest[: len(cell.recurrent_gates)], rest[len(cell.recurrent_gates) :]
    after = cell.step(
        dict(zip(cell.gates, x, strict=True)),
        dict(zip(cell.recurrent_gates, h, strict=True)),
        dict(zip(cell.states, state, strict=True)),
    )
    return torch.stack(list(after))


def _name(cell: GatedCell, place: int) -> str:
    products = [f'x["{gate}"]' for gate in cell.gates]
    products += [f'h["{gate}"]' for gate in cell.recurrent_gates]
    return [*products, *(f'state["{state}"]' for state in cell.states)][place]


def every_engine_equals_the_plain_loop(factory: Factory) -> None:
    """What runs a cell faster gives the outputs and gradients of the loop that calls it step by step."""

    def verify(case: Case) -> None:
        cell = CELLS.make(factory, case)
        assert isinstance(cell, Cell)
        for reverse in (False, True):
            slow = _outputs_and_gradients(cell, case, "plain", reverse=reverse)
            for engine in usable_engines(cell, case.inputs())[1:]:
                fast = _outputs_and_gradients(cell, case, engine, reverse=reverse)
                for (name, left), (_, right) in zip(fast, slow, strict=True):
                    if not same(left, right):
                        way = "backwards" if reverse else "forwards"
                        raise BrokenError(
                            f"{name} by the engine {engine!r}, reading {way}: {describe_difference(left, right)}"
                        )

    hold(verify, CELLS.cases(factory, shortest=0, such=has_rows), most=15)


def _outputs_and_gradients(
    cell: Cell, case: Case, engine: str, *, reverse: bool
) -> list[tuple[str, Tensor]]:
    inputs = case.inputs().requires_grad_()
    outputs, state = unroll(cell, inputs, case.batch(), reverse=reverse, engine=engine)
    learnt = [(name, p) for name, p in cell.named_parameters() if p.requires_grad]
    named = [("the input", inputs), *learnt]
    gradients = torch.autograd.grad(
        (outputs * case.draw(*outputs.shape, more=1)).sum() + sum(s.sin().sum() for s in state),
        [value for _, value in named],
        allow_unused=True,
        materialize_grads=True,
    )
    return [
        ("the output", outputs.detach()),
        *((f"state {i} at the end", each.detach()) for i, each in enumerate(state)),
        *((f"the gradient of {name}", g) for (name, _), g in zip(named, gradients, strict=True)),
    ]


def speed(factory: Factory) -> str:
    """How long a cell takes beside the built-in LSTM; reported, not checked."""
    case = CELLS.large_case(factory)
    mine, theirs = (
        task_of(functools.partial(_outputs, cast(Cell, CELLS.make(each, case))), case)
        for each in (factory, LSTM)
    )
    return compare(mine, theirs, "the built-in LSTM", "32 sequences of 32 steps")


def _outputs(cell: Cell, inputs: Tensor, lengths: Tensor) -> Tensor:
    return unroll(cell, inputs, lengths)[0]
