"""Unrolls a cell over ragged sequences: whole, or in windows for truncated backpropagation through time."""

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from seqpipe.kernels import break_graph, find_transform, is_dispatched
from seqpipe.parts.cells import Cell, GatedCell, State
from seqpipe.parts.recurrence._check import check_batch, check_bounds, check_state
from seqpipe.parts.recurrence._engines import Choice, choose_engine
from seqpipe.parts.recurrence._gated import multiply_inputs, unroll_gated
from seqpipe.parts.recurrence._noise import NO_NOISE, Noise
from seqpipe.parts.recurrence._plain import unroll_plain


class Windows:
    """The windows of a batch: all sequences' first steps, then all sequences' next ones, and so on.

    Args:
        lengths: `[B]`, int64, on the CPU.
        steps: The steps in a window.
        reverse: Whether a sequence's first steps are its last rows.

    Attributes:
        lengths: For each window, how many rows of it each sequence has: `[B]`.
        sizes: How many rows each window has.
        rows: `[N]`, the rows of the batch, window by window, and sequence by sequence in each.
    """

    def __init__(self, lengths: Tensor, steps: int, *, reverse: bool) -> None:
        starts = lengths.cumsum(0) - lengths
        before = range(0, int(lengths.max()), steps)
        self.lengths = [(lengths - done).clamp(0, steps) for done in before]
        self.sizes = [int(each.sum()) for each in self.lengths]
        firsts = (
            starts + (lengths - done - count if reverse else done)
            for done, count in zip(before, self.lengths, strict=True)
        )
        self.rows = torch.cat(list(map(_ranges, firsts, self.lengths)))


def _ranges(firsts: Tensor, counts: Tensor) -> Tensor:
    """Return concatenated ranges: `counts[i]` integers from `firsts[i]` on."""
    starts = counts.cumsum(0) - counts
    return (firsts - starts).repeat_interleave(counts) + torch.arange(
        int(counts.sum()), device="cpu"
    )


#: Runs sequences whole: what's given, lengths, state, noise to outputs and state. Engines take None for zeros.
_Run: TypeAlias = Callable[["_Given", Tensor, Any, Noise], tuple[Tensor, State]]

#: Returns memory for so many rows of outputs, `[rows, width]`, from the outputs of some of them.
Allocate: TypeAlias = Callable[[Tensor, int], Tensor]

# Without gradients nothing is saved. This many rows are enough to be fast, and few enough that memory beside
# input and output doesn't matter.
_MAX_ROWS = 2**16
# So many sequences at once keep a processor busy at each step.
_MIN_SEQUENCES = 256


@break_graph
def unroll(
    cell: Cell,
    inputs: Tensor,
    lengths: Tensor,
    *,
    places: Tensor | None = None,
    reverse: bool = False,
    state: State | None = None,
    tbptt: int | None = None,
    clip: float | None = None,
    noise: Noise = NO_NOISE,
    engine: str | None = None,
    allocate: Allocate | None = None,
) -> tuple[Tensor, State]:
    """Run a cell over a batch of sequences.

    Args:
        cell: Any cell. A `GatedCell` runs in a kernel made for it, another one in a plain loop.
        inputs: `[N, input_width]`, the sequences concatenated.
        lengths: `[B]`, int64, on the CPU; 0 is allowed.
        places: `[N]`, int64: the row of `inputs` at each step, where steps have rows in common. None where each has
            its own. Without gradients, a kernel then multiplies each row once.
        reverse: Whether to run from each sequence's end to its beginning. The output stays in the
            order of the input.
        state: The state before each sequence, `[B, n]` each; None for the cell's initial one.
        tbptt: The number of steps after which backpropagation stops, though the state goes on
            (truncated backpropagation through time). Activations are kept for one such window only; the
            forward pass of the others is repeated. None goes back to the beginning.
        clip: The bound of each element of the gradient that's passed from a step to the step before it
            (Graves 2013); None for none.
        noise: The noise, already drawn.
        engine: What runs it, "plain", "eager", "compiled" or "triton"; None for the fastest
            that there is.
        allocate: Returns the memory for the outputs of many sequences, which are run some at a time without gradients;
            None for new memory. Where all are run at once, it isn't called.

    Returns:
        The outputs, `[N, width]`, and each sequence's state after its last step, `[B, n]` each; that of
        an empty sequence is the one before it.

    Raises:
        ConfigError: The engine can't run this, or a gated cell's step isn't elementwise.
        DataError: The inputs, lengths or states don't fit together or don't fit the cell.
    """
    check_batch(cell, inputs, lengths, places)
    check_bounds(tbptt, clip)
    if isinstance(cell, GatedCell) and engine != "plain":
        inputs = inputs.to(cell.input_weight.dtype)
    rows = len(inputs if places is None else places)
    # The first state doesn't take part in the choice of an engine.
    fits = engine is not None or not any(map(is_dispatched, state or ()))
    chosen = choose_engine(cell, inputs, engine, zoneout=noise.zoneout) if rows and fits else None
    given = _given(cell, chosen, inputs, places)
    steps = tbptt if torch.is_grad_enabled() else max(1, _MAX_ROWS // max(1, len(lengths)))
    whole = steps is None or rows <= steps or int(lengths.max()) <= steps
    if whole and chosen and state is None and type(cell).initial_state is GatedCell.initial_state:
        # The kernel allocates the zero states itself, all at once.
        run = _runner(cell, chosen, reverse=reverse, clip=clip)
        return run(given, lengths, None, noise)
    first = cell.initial_state(len(lengths), inputs)
    if state is not None:
        check_state(cell, state, first)
        first = tuple(new.to(old) for new, old in zip(state, first, strict=True))
    if not rows:
        return inputs.new_zeros(0, cell.width), first
    run = _runner(cell, chosen, reverse=reverse, clip=clip)
    if whole:
        return run(given, lengths, first, noise)
    assert steps is not None
    groups = [] if torch.is_grad_enabled() or noise.hidden is not None else _groups(lengths)
    if groups:
        return _unroll_groups(run, given, groups, first, noise, allocate or _allocate)
    run_windows = _unroll_tbptt if torch.is_grad_enabled() else _unroll_without_gradients
    return run_windows(run, given, Windows(lengths, steps, reverse=reverse), first, noise)


@dataclass(frozen=True)
class _Given:
    """What a cell is given at each step: a row of a tensor.

    Attributes:
        rows: The inputs, one for each step; or with `places` the products of some inputs with a gated cell's input weight.
        places: The row of each step, `[N]`; None if each has its own.
    """

    rows: Tensor
    places: Tensor | None = None

    def at(self, steps: Tensor | slice) -> "_Given":
        """Return what some steps are given."""
        if self.places is None:
            return _Given(self.rows[steps])
        return _Given(self.rows, self.places[steps])


def _given(cell: Cell, chosen: Choice | None, inputs: Tensor, places: Tensor | None) -> _Given:
    if places is None:
        return _Given(inputs)
    # The products of more rows would take memory that windows don't.
    if chosen is None or torch.is_grad_enabled() or len(inputs) > _MAX_ROWS:
        return _Given(inputs[places])
    return _Given(multiply_inputs(chosen.engine, cast(GatedCell, cell), inputs), places)


def _runner(cell: Cell, chosen: Choice | None, *, reverse: bool, clip: float | None) -> _Run:
    if chosen is None:
        plain = functools.partial(unroll_plain, cell, reverse=reverse, clip=clip)
        return lambda given, lengths, state, noise: plain(
            given.rows, lengths, state=state, noise=noise
        )
    gated = functools.partial(
        unroll_gated, *chosen, cast(GatedCell, cell), reverse=reverse, clip=clip
    )
    return lambda given, lengths, state, noise: gated(
        given.rows, lengths, places=given.places, state=state, noise=noise
    )


def _unroll_tbptt(
    run: _Run, given: _Given, windows: Windows, state: State, noise: Noise
) -> tuple[Tensor, State]:
    """Truncated backpropagation through time: each window goes on from the last one's state, but not its gradient.

    Nothing is saved of a window but its inputs: the backward pass runs it once more.
    """
    rows = windows.rows.to(given.rows.device)
    # Tracing and transforms don't support checkpointing.
    run_window = _checkpointed if find_transform() is None else _plainly
    outputs: list[Tensor] = []
    noises = noise.rows(rows).split(windows.sizes)
    parts = torch.split(given.rows[rows], windows.sizes)
    for part, lengths, drawn in zip(parts, windows.lengths, noises, strict=True):
        before = tuple(each.detach() for each in state) if outputs else state
        output, after = run_window(run, _Given(part), lengths, before, drawn)
        outputs.append(output)
        state = _where_running(lengths, after, state)
    back = torch.empty_like(rows)
    back[rows] = torch.arange(len(rows), device=rows.device)
    return torch.cat(outputs)[back], state


def _checkpointed(run: _Run, *given: Any) -> Any:
    return checkpoint(run, *given, use_reentrant=False, preserve_rng_state=False)


def _plainly(run: _Run, *given: Any) -> Any:
    return run(*given)


def _groups(lengths: Tensor) -> list[Tensor]:
    """Return the lengths of runs of sequences of `_MAX_ROWS` rows at most; nothing if those would be of too few sequences."""
    if int(lengths.max()) * _MIN_SEQUENCES > _MAX_ROWS:
        return []
    group = (
        (lengths.cumsum(0) - 1)
        .clamp(min=0)
        .div(_MAX_ROWS - int(lengths.max()), rounding_mode="floor")
    )
    # A sequence that's longer than what's left of a group may pass over the next one.
    return list(torch.split(lengths, [count for count in group.bincount().tolist() if count]))


def _allocate(like: Tensor, rows: int) -> Tensor:
    return like.new_empty(rows, like.shape[1])


def _unroll_groups(
    run: _Run,
    given: _Given,
    groups: list[Tensor],
    first: State,
    noise: Noise,
    allocate: Allocate,
) -> tuple[Tensor, State]:
    """Run some sequences after others without gradients: as windows do, but no row has to be copied."""
    sizes = [int(lengths.sum()) for lengths in groups]
    rows = [
        slice(end - size, end) for size, end in zip(sizes, itertools.accumulate(sizes), strict=True)
    ]
    counts = [*itertools.accumulate(map(len, groups))]
    states = zip(*(each.tensor_split(counts[:-1]) for each in first), strict=True)
    parts = zip(rows, groups, states, noise.split(sizes), strict=True)
    outputs: Tensor | None = None
    last: list[State] = []
    for place, lengths, state, drawn in parts:
        output, after = run(given.at(place), lengths, state, drawn)
        if outputs is None:
            outputs = allocate(output, sum(sizes))
        outputs[place] = output
        last.append(after)
    assert outputs is not None
    return outputs, tuple(map(torch.cat, zip(*last, strict=True)))


def _unroll_without_gradients(
    run: _Run, given: _Given, windows: Windows, state: State, noise: Noise
) -> tuple[Tensor, State]:
    """Run window after window without gradients, so that memory holds little beside input and output."""
    outputs: Tensor | None = None
    for rows, lengths in zip(
        torch.split(windows.rows, windows.sizes), windows.lengths, strict=True
    ):
        there = rows.to(given.rows.device)
        output, after = run(given.at(there), lengths, state, noise.rows(there))
        if outputs is None:
            outputs = output.new_empty(len(windows.rows), output.shape[1])
        outputs[there] = output
        state = _where_running(lengths, after, state)
    assert outputs is not None
    return outputs, state


def _where_running(lengths: Tensor, after: State, before: State) -> State:
    """Return states after a window; a sequence that ended before it keeps its own, with its gradient."""
    if bool(lengths.all()):
        return after
    running = (lengths > 0).to(after[0].device)[:, None]
    return tuple(torch.where(running, new, old) for new, old in zip(after, before, strict=True))
