"""Runs a cell over ragged sequences: in a plain loop, or in torch's own kernel where it has one."""

from collections.abc import Callable

import torch
from torch import Tensor

from seqpipe.parts.cells import GRU, LSTM, RNN, Cell, GatedCell
from seqpipe.kernels._packing import group, pack

_KERNELS: dict[type[Cell], Callable[..., tuple[Tensor, ...]]] = {
    RNN: torch.rnn_tanh,
    LSTM: torch.lstm,
    GRU: torch.gru,
}


def unroll(cell: Cell, inputs: Tensor, lengths: Tensor, *, reverse: bool = False) -> Tensor:
    """Run a cell over a batch of sequences and return its outputs.

    Args:
        cell: Any cell. torch's own kernels run `RNN`, `LSTM` and `GRU`; a plain loop the others.
        inputs: `[N, input_width]`, the sequences one behind the other.
        lengths: `[B]`, int64, on the CPU; 0 is allowed.
        reverse: Whether to run from each sequence's end to its beginning. The output stays in the
            order of the input.

    Returns:
        `[N, width]`
    """
    if isinstance(cell, GatedCell) and type(cell) in _KERNELS:
        return _unroll_in_kernel(cell, inputs, lengths, reverse=reverse)
    return unroll_plain(cell, inputs, lengths, reverse=reverse)


def unroll_plain(cell: Cell, inputs: Tensor, lengths: Tensor, *, reverse: bool = False) -> Tensor:
    """Do what `unroll` does in a loop of calls of the cell: the truth that kernels are tested against."""
    if not len(inputs):
        return inputs.new_zeros(0, cell.width)
    packing = pack(lengths, reverse=reverse)
    state = cell.initial_state(packing.sizes[0], inputs)
    outputs = []
    for size, step in zip(
        packing.sizes, torch.split(inputs[packing.order], packing.sizes), strict=True
    ):
        output, state = cell(step, tuple(s[:size] for s in state))
        outputs.append(output)
    return torch.cat(outputs)[packing.inverse]


def _unroll_in_kernel(cell: GatedCell, inputs: Tensor, lengths: Tensor, *, reverse: bool) -> Tensor:
    # torch's kernels for packed sequences took 2 to 10 times as long on a CPU as those for padded
    # ones of nearly equal length. Padding stands behind a sequence's last step, so it's never seen.
    outputs = inputs.new_zeros(len(inputs), cell.width)
    for part in group(lengths, reverse=reverse):
        rows, slots = part.rows.to(inputs.device), part.slots.to(inputs.device)
        block = inputs.new_zeros(part.steps * part.count, cell.input_width)
        block = block.index_copy(0, slots, inputs[rows])
        computed = _run_kernel(cell, block.view(part.steps, part.count, cell.input_width))
        outputs = outputs.index_copy(0, rows, computed.flatten(0, 1)[slots])
    return outputs


def _run_kernel(cell: GatedCell, block: Tensor) -> Tensor:
    """Run torch's kernel on a block `[T, B, input_width]`; return `[T, B, width]`."""
    # torch has two biases throughout; a second one of zeros changes nothing.
    zeros = torch.zeros_like(cell.bias)
    recurrent_bias = zeros if cell.recurrent_bias is None else cell.recurrent_bias
    weights = [cell.input_weight, cell.recurrent_weight, cell.bias, recurrent_bias]
    first = [state.unsqueeze(0) for state in cell.initial_state(block.shape[1], block)]
    state = first if len(first) > 1 else first[0]
    # By position: has_biases, num_layers, dropout, train, bidirectional, batch_first.
    return _KERNELS[type(cell)](block, state, weights, True, 1, 0.0, cell.training, False, False)[0]
