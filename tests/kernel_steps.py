"""Single steps of a recurrence written in a test, by each engine."""

import torch
from torch import Tensor

from seqpipe.kernels import Compiled, Eager, Layout, Plan, Sizes, Weights, recur, trace

ENGINES = {"eager": Eager(), "compiled": Compiled()}


def trace_states(step, states):
    """Trace a step of the states alone: `step(*states)` to the next states."""
    sizes = Sizes(gates=1, recurrent=(), states=states)
    return trace(lambda x, h, s, p, n: step(*s), sizes)


def take_step(engine, recurrence, states: Tensor) -> Tensor:
    """Let an engine take one step from `[states, B, width]`, each sequence being one row."""
    _, count, width = states.shape
    plan = Plan(
        ENGINES[engine],
        recurrence,
        Layout(torch.ones(count, dtype=torch.int64), False),
        None,
        states.new_empty(count, 0),
        None,
    )
    weights = Weights(
        states.new_zeros(width, 1),
        states.new_zeros(width),
        states.new_zeros(0, width),
        None,
        states.new_zeros(0, width),
    )
    return recur(plan, states.new_zeros(count, 1), weights, states)[1]
