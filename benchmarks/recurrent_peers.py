"""The peers: each runs a task in its own way, with the weights of the task's cell.

A peer that's for sequences of equal length gets them as it likes them best, time before sequence, outside
the time measured. From ragged sequences each has to make what it needs, and has to give flat outputs
back; that's measured, as a user has to do it too.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch
from recurrent_cases import Task
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence, pad_sequence

from seqpipe.parts.cells import Cell
from seqpipe.parts.encoders import unroll

#: How results call these peers.
SEQPIPE: Final = "seqpipe"
PLAIN: Final = "plain loop"
PADDED: Final = "torch.nn, padded"
PACKED: Final = "torch.nn, packed"


class Unavailable(Exception):
    """A peer can't run a task; says why."""


@dataclass(frozen=True)
class Job:
    """A peer that's ready to run a task.

    Attributes:
        forward: Computes the outputs.
        leaves: What gradients are for, under the names that the task's cell has for them; "a+b" is
            one that has two of the cell's, concatenated.
        gradient: That of the outputs, laid out as they are.
        train: Whether gradients are taken.
        flatten: Lays out outputs and the gradient of the inputs as the task does.
        equal: Whether the results should be those of the task's cell. Otherwise it's a yardstick.
    """

    forward: Callable[[], Tensor]
    leaves: dict[str, Tensor]
    gradient: Tensor
    train: bool
    flatten: Callable[[Tensor], Tensor]
    equal: bool = True

    def run(self) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the outputs and, in training, the gradients."""
        if not self.train:
            with torch.no_grad():
                return self.forward(), ()
        outputs = self.forward()
        return outputs, torch.autograd.grad(outputs, list(self.leaves.values()), self.gradient)

    def results(self) -> dict[str, Tensor]:
        """Run once; return outputs and gradients by name, laid out as the task has them."""
        outputs, gradients = self.run()
        outputs = outputs.detach()
        named: dict[str, Tensor] = {}
        for names, gradient in zip(self.leaves, gradients, strict=False):
            each = names.split("+")
            named.update(zip(each, gradient.chunk(len(each)), strict=True))
        if "inputs" in named:
            named["inputs"] = self.flatten(named["inputs"])
        return {"outputs": self.flatten(outputs), **named}


def _keep(tensor: Tensor) -> Tensor:
    return tensor


def _flat_job(task: Task, weights: Mapping[str, Tensor], forward: Any, **more: Any) -> Job:
    """Make a job from a function of the flat inputs."""
    train = task.case.mode == "train"
    leaf = task.inputs.clone().requires_grad_(train)
    return Job(
        partial(forward, leaf), {"inputs": leaf, **weights}, task.gradient, train, _keep, **more
    )


def _block_job(task: Task, weights: Mapping[str, Tensor], forward: Any, **more: Any) -> Job:
    """Make a job from a function of inputs `[T, B, n]`; of even sequences only."""
    batch, train = task.case.shape.batch, task.case.mode == "train"

    def block(flat: Tensor) -> Tensor:
        return flat.view(batch, -1, flat.shape[1]).transpose(0, 1).contiguous()

    def flatten(tensor: Tensor) -> Tensor:
        return tensor.transpose(0, 1).flatten(0, 1)

    leaf = block(task.inputs).requires_grad_(train)
    leaves = {"inputs": leaf, **weights}
    return Job(partial(forward, leaf), leaves, block(task.gradient), train, flatten, **more)


def run_engine(cell: Cell, inputs: Tensor, lengths: Tensor, engine: str | None) -> Tensor:
    """Call `unroll` with an engine; return the outputs."""
    outputs, _ = unroll(cell, inputs, lengths, engine=engine)
    return outputs


def seqpipe(task: Task, engine: str | None) -> Job:
    """Run one of the engines, or the one that seqpipe picks."""

    def forward(flat: Tensor) -> Tensor:
        return run_engine(task.cell, flat, task.lengths, engine)

    return _flat_job(task, dict(task.cell.named_parameters()), forward)


def double_reference(task: Task) -> dict[str, Tensor]:
    """Return the results of the plain loop in 64 bits: what all others are held to."""
    exact = Task(
        task.case,
        deepcopy(task.cell).double(),
        task.inputs.double(),
        task.lengths,
        task.gradient.double(),
    )
    return seqpipe(exact, "plain").results()


_KINDS: Final[dict[str, Callable[[int, int], nn.RNNBase]]] = {
    "rnn": nn.RNN,
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}


def _torch_module(task: Task) -> tuple[nn.RNNBase, dict[str, Tensor]]:
    """Return torch's module for the cell, with its weights, or else an LSTM with its own."""
    shape, cell = task.case.shape, task.cell
    module = _KINDS.get(task.case.cell, nn.LSTM)(shape.input_width, shape.width)
    module = module.to(task.inputs).train(task.case.mode == "train")
    names = ("input_weight", "recurrent_weight", "bias", "recurrent_bias")
    weights = dict(zip(names, module.parameters(), strict=True))
    if task.case.cell in _KINDS:
        copy_weights(weights, dict(cell.named_parameters()))
    return module, dict(weights)


def copy_weights(targets: Mapping[str, Tensor], sources: Mapping[str, Tensor]) -> None:
    """Copy by name; what the source hasn't is zero."""
    with torch.no_grad():
        for names, target in targets.items():
            each = names.split("+")
            for name, part in zip(each, target.chunk(len(each)), strict=True):
                part.copy_(sources.get(name, torch.zeros_like(part)))


def torch_padded(task: Task) -> Job:
    """Run `torch.nn.RNN`, `LSTM` or `GRU` on a padded block; for other cells, `LSTM`."""
    module, weights = _torch_module(task)
    equal = task.case.cell in _KINDS
    if not task.case.ragged:
        return _block_job(task, weights, lambda block: module(block)[0], equal=equal)
    return _flat_job(task, weights, _over_padding(module, task.lengths), equal=equal)


def _over_padding(module: nn.Module, lengths: Tensor) -> Callable[[Tensor], Tensor]:
    sizes = lengths.tolist()

    def forward(flat: Tensor) -> Tensor:
        return without_padding(module(pad_sequence(list(torch.split(flat, sizes))))[0], lengths)

    return forward


def without_padding(padded: Tensor, lengths: Tensor) -> Tensor:
    """Take the steps of all sequences out of a block `[T, B, n]`, one sequence behind the other."""
    # torch's own unpad_sequence turns its argument round in place, after which nn.LSTM has no backward
    # pass on a CPU (torch 2.13); and it takes a step for each sequence, where one will do.
    steps, batch = padded.shape[:2]
    places = torch.arange(batch).unsqueeze(1) + batch * torch.arange(steps)
    kept = places[torch.arange(steps) < lengths.unsqueeze(1)]
    return padded.flatten(0, 1).index_select(0, kept.to(padded.device))


def torch_packed(task: Task) -> Job:
    """Run the same on a `PackedSequence`."""
    module, weights = _torch_module(task)
    sizes = task.lengths.tolist()

    def forward(flat: Tensor) -> Tensor:
        packed = pack_sequence(list(torch.split(flat, sizes)), enforce_sorted=False)
        return without_padding(pad_packed_sequence(module(packed)[0])[0], task.lengths)

    return _flat_job(task, weights, forward, equal=task.case.cell in _KINDS)


def _loop(cell: Any, block: Tensor) -> Tensor:
    state = cell.initial_state(block.shape[1], block)
    outputs = []
    for step in block.unbind(0):
        output, state = cell(step, state)
        outputs.append(output)
    return torch.stack(outputs)


def compiled_step(task: Task) -> Job:
    """Run a plain loop over a cell that `torch.compile` has compiled."""
    compiled = torch.compile(_even_cell(task), fullgraph=True, dynamic=False)
    return _block_job(task, dict(task.cell.named_parameters()), partial(_loop, compiled))


def compiled_loop(task: Task, most_steps: int) -> Job:
    """Run a plain loop that `torch.compile` has compiled as a whole."""
    cell = _even_cell(task)
    if task.case.shape.steps > most_steps:
        raise Unavailable(f"over {most_steps} steps, see --compile-steps")
    compiled: Any = torch.compile(_loop, fullgraph=True, dynamic=False)
    return _block_job(task, dict(task.cell.named_parameters()), partial(compiled, cell))


def _even_cell(task: Task) -> Cell:
    if task.case.ragged:
        raise Unavailable("compiled for one shape at a time, and ragged batches differ")
    return task.cell


def torchrecurrent(task: Task) -> Job:
    """Run torchrecurrent's peephole LSTM, the one module of its that computes what a cell here does."""
    if task.case.cell != "peephole":
        raise Unavailable("has no such cell")
    try:
        package: Any = importlib.import_module("torchrecurrent")
    except ImportError:
        raise Unavailable("not installed") from None
    shape = task.case.shape
    module = package.PeepholeLSTM(shape.input_width, shape.width, recurrent_bias=False)
    module = module.to(task.inputs).train(task.case.mode == "train")
    weights = dict(zip(_PEEPHOLE, module.parameters(), strict=True))
    copy_weights(weights, dict(task.cell.named_parameters()))
    if task.case.ragged:
        return _flat_job(task, weights, _over_padding(module, task.lengths))
    return _block_job(task, weights, lambda block: module(block)[0])


_PEEPHOLE: Final = (
    "input_weight",
    "recurrent_weight",
    "peephole.input+peephole.forget+peephole.output",
    "bias",
)


def make_peers(
    engines: Sequence[str], *, compile_steps: int, with_compile: bool
) -> dict[str, Callable[[Task], Job]]:
    """Return the peers by name, those of seqpipe first; "auto" is the engine that seqpipe picks."""
    peers: dict[str, Callable[[Task], Job]] = {
        engine_name(engine): partial(seqpipe, engine=None if engine == "auto" else engine)
        for engine in engines
    }
    peers |= {PADDED: torch_padded, PACKED: torch_packed, "torchrecurrent": torchrecurrent}
    if with_compile:
        peers["torch.compile, step"] = compiled_step
        peers["torch.compile, loop"] = partial(compiled_loop, most_steps=compile_steps)
    return peers


def engine_name(engine: str) -> str:
    """Return what results call an engine that was asked for by name."""
    return {"auto": SEQPIPE, "plain": PLAIN}.get(engine, f"{SEQPIPE} {engine}")
