"""Chooses the engine that runs a cell's recurrence."""

import logging
import weakref
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

import torch
from torch import Tensor, nn

from seqpipe.compilers import BuildError
from seqpipe.errors import ConfigError
from seqpipe.kernels import (
    Compiled,
    DependsOnBatch,
    Eager,
    Engine,
    Recurrence,
    Triton,
    find_fault,
    find_transform,
    is_dispatched,
    supports,
)
from seqpipe.parts.cells import Cell, GatedCell
from seqpipe.parts.recurrence._gated import (
    PRODUCTS,
    StepChangesCell,
    step_tensors,
    trace_cell,
    why_untraced,
)
from seqpipe.parts.recurrence._noise import Zoneout
from seqpipe.parts.recurrence._snapshot import Snapshot, has_hooks

#: What runs a recurrence: a loop of calls under autograd; torch's operations one by one, with a derivative that's
#: traced once; C compiled for the cell; a Triton kernel generated for the cell.
EngineName: TypeAlias = Literal["plain", "eager", "compiled", "triton"]

ENGINES: Final[tuple[str, ...]] = ("plain", "eager", "compiled", "triton")

_LOG = logging.getLogger("seqpipe")


def check_engine(wanted: str | None) -> None:
    """Check an engine's name.

    Raises:
        ConfigError: There's none of that name.
    """
    if wanted is not None and wanted not in ENGINES:
        raise ConfigError(f"`engine` is {wanted!r}; it must be one of {', '.join(ENGINES)}")


class Choice(NamedTuple):
    """What runs a cell's recurrence.

    Attributes:
        engine: The engine.
        recurrence: The traced step.
        units: The cell's tensors that the step uses beside its arguments, as `step_tensors` names them.
    """

    engine: Engine
    recurrence: Recurrence
    units: tuple[Tensor, ...]


class _Made(NamedTuple):
    """A choice, what it was made for, and the cell as it was then."""

    case: tuple[Any, ...]
    snapshot: Snapshot
    choice: Choice


#: The last choice for each cell, as making it anew takes as long as running a short sequence.
_MADE: Final[weakref.WeakKeyDictionary[Cell, _Made]] = weakref.WeakKeyDictionary()


def choose_engine(
    cell: Cell, like: Tensor, wanted: str | None = None, *, zoneout: tuple[Zoneout, ...] = ()
) -> Choice | None:
    """Choose what runs a cell's recurrence.

    Args:
        cell: Any cell.
        like: A tensor of the input's dtype and device.
        wanted: The engine's name, or None for the fastest that there is.
        zoneout: How much each state keeps, which becomes a part of the step.

    Returns:
        The choice, or None for the plain loop.

    Raises:
        ConfigError: There's no such engine, or it can't do this. The message says why.
    """
    check_engine(wanted)
    if wanted == "plain" or (wanted is None and like.is_meta):
        return None
    reason = find_transform()
    if reason is None:
        found = _choose_kernel(cell, like, wanted, zoneout)
        if isinstance(found, Choice):
            return found
        reason = found
    if wanted is None:
        return None
    raise ConfigError(f"`engine` is {wanted!r}, but {reason}; only 'plain' runs it")


def _choose_kernel(
    cell: Cell, like: Tensor, wanted: str | None, zoneout: tuple[Zoneout, ...]
) -> Choice | str:
    """Choose an engine's kernel, or say why only the plain loop runs a cell."""
    kinds = tuple("drawn" if isinstance(each, Tensor) else each for each in zoneout)
    case = wanted, like.dtype, like.device, type(like), kinds
    made = _MADE.get(cell)
    if made is not None and made.case == case and made.snapshot.holds():
        return made.choice
    reason = _why_plain(cell)
    if reason is not None:
        return reason
    assert isinstance(cell, GatedCell)
    if wanted != "eager" and (reason := _why_unreadable(cell, like)):
        return reason
    # Before the trace, so that changes made meanwhile are noticed.
    snapshot = Snapshot(cell)
    try:
        recurrence = trace_cell(cell, zoneout)
    except (StepChangesCell, DependsOnBatch) as error:
        _warn_once(f"the plain loop runs {type(cell).__name__}, which is slow: {error}")
        return str(error)
    choice = _choose(cell, like, wanted, recurrence)
    _MADE[cell] = _Made(case, snapshot, choice)
    return choice


def _choose(cell: GatedCell, like: Tensor, wanted: str | None, recurrence: Recurrence) -> Choice:
    units = tuple(step_tensors(cell).values())
    if wanted is not None:
        reason = _WHY_NOT[wanted](recurrence, like, cell.width)
        if reason:
            raise ConfigError(f"`engine` is {wanted!r}, which can't run here: {reason}")
        return Choice(_MAKE[wanted], recurrence, units)
    fastest = next(
        name for name in _best_first(like) if _usable(name, recurrence, like, cell.width)
    )
    return Choice(_MAKE[fastest], recurrence, units)


def usable_engines(cell: Cell, like: Tensor) -> list[str]:
    """Return the names of the engines that can run a cell's recurrence, including the plain loop's.

    Raises:
        ConfigError: A gated cell's step isn't elementwise maths.
    """
    if _why_plain(cell) is not None:
        return ["plain"]
    try:
        recurrence = trace_cell(cast(GatedCell, cell))
    except (StepChangesCell, DependsOnBatch):
        return ["plain"]
    return ["plain", *(name for name in _MAKE if not _WHY_NOT[name](recurrence, like, cell.width))]


def traced_step(
    cell: Cell, *, zoneout: tuple[Zoneout, ...] = ()
) -> tuple[Recurrence, tuple[Tensor, ...]] | None:
    """Return the traced step of a gated cell, and the tensors that it uses beside its arguments, `[width]` or one value each.

    Args:
        cell: Any cell.
        zoneout: As `choose_engine` has it.

    Returns:
        None for a cell that only the plain loop runs, since it isn't gated or is called by more than its step.

    Raises:
        ConfigError: The step does something other than elementwise maths, or isn't a function of its arguments.
    """
    if _why_plain(cell) is not None:
        return None
    gated = cast(GatedCell, cell)
    return trace_cell(gated, zoneout), tuple(step_tensors(gated).values())


def engine_names(
    module: nn.Module,
    like: Tensor,
    wanted: str | None = None,
    *,
    zoneout: tuple[Zoneout, ...] = (),
) -> dict[str, str]:
    """Return the engine of each cell in a module, by the cell's name in it; see `choose_engine`."""
    chosen = {}
    for name, part in module.named_modules():
        if isinstance(part, Cell):
            choice = choose_engine(part, like, wanted, zoneout=zoneout)
            chosen[name] = "plain" if choice is None else choice.engine.name
    return chosen


def _why_plain(cell: Cell) -> str | None:
    """Say why only the plain loop runs a cell, or return None."""
    kind = type(cell)
    # Another `forward`, of a class or of one cell, is meant to be called.
    is_gated = (
        isinstance(cell, GatedCell)
        and kind.forward is GatedCell.forward
        and type(cell).advance is GatedCell.advance
        and not {"forward", "advance"} & vars(cell).keys()
    )
    if not is_gated:
        return f"{kind.__name__} isn't a GatedCell with the step that engines need"
    if has_hooks(cell):
        return f"{kind.__name__} has hooks, which run where the cell is called at each step"
    if (reason := why_untraced(kind)) is not None:
        return reason
    if _is_replica(cell):
        return (
            f"this {kind.__name__} is a replica of DataParallel's, whose parameters aren't its own"
        )
    return None


def _why_unreadable(cell: GatedCell, like: Tensor) -> str | None:
    """Say which tensor has no memory that a kernel could read, or another dtype or device than the others."""
    known = cell.input_weight
    for name, each in (("input", like), *cell.named_parameters(), *cell.named_buffers()):
        if is_dispatched(each) or each.layout != torch.strided:
            return f"{name!r} is a tensor of a type or layout of its own, which no kernel can read"
        if name in PRODUCTS and (each.dtype, each.device) != (known.dtype, known.device):
            return (
                f"{name!r} is of {each.dtype} on {each.device}, and 'input_weight' of {known.dtype} on "
                f"{known.device}"
            )
    return None


def _is_replica(cell: Cell) -> bool:
    """Say whether tensors that a step uses are parameters no longer, so that they'd be taken for settings."""
    return any(
        vars(module).get("_former_parameters", {}).keys() - PRODUCTS for module in cell.modules()
    )


def _best_first(like: Tensor) -> tuple[str, ...]:
    return ("triton", "eager") if like.is_cuda else ("compiled", "eager")


def _usable(name: str, recurrence: Recurrence, like: Tensor, width: int) -> bool:
    reason = _WHY_NOT[name](recurrence, like, width)
    if reason:
        text = f"the engine {name!r} can't run here, so a slower one does, with the same results: {reason}"
        # A failing compiler may say something else of each cell.
        _warn_once(text, topic=f"{name} {reason.partition(' (')[0]}")
    return not reason


#: What has been warned of.
_WARNED: Final[set[str]] = set()


def _warn_once(text: str, *, topic: str = "") -> None:
    if (topic or text) not in _WARNED:
        _WARNED.add(topic or text)
        _LOG.warning(text)


def _why_not_eager(recurrence: Recurrence, like: Tensor, width: int) -> str | None:
    return None


def _why_not_compiled(recurrence: Recurrence, like: Tensor, width: int) -> str | None:
    if like.device.type != "cpu":
        return f"the input is on {like.device.type!r}"
    try:
        _COMPILED.prepare(recurrence, like.dtype)
    except BuildError as error:
        return str(error)
    return None


def _why_not_triton(recurrence: Recurrence, like: Tensor, width: int) -> str | None:
    reason = supports(like.dtype, like.device)
    return reason or find_fault(_TRITON, recurrence, width, like)


_COMPILED: Final = Compiled()
_TRITON: Final = Triton()
_MAKE: Final[dict[str, Engine]] = {"eager": Eager(), "compiled": _COMPILED, "triton": _TRITON}
_WHY_NOT: Final = {
    "eager": _why_not_eager,
    "compiled": _why_not_compiled,
    "triton": _why_not_triton,
}
