"""Cells and batches that the tests of diagnostics share."""

import torch
from torch import nn

from seqpipe.parts.cells import Cell, GatedCell


class Linear(GatedCell):
    """h' = W x + b + U h: its Jacobian is U."""

    gates = ("hidden",)
    states = ("hidden",)

    def step(self, x, h, state):
        return (x["hidden"] + h["hidden"],)


class Plain(Cell):
    """A cell that's not gated, whose output isn't its state, and whose second state is another width."""

    def __init__(self, input_width, width):
        super().__init__()
        self.input_width, self.width = input_width, width
        self.inner = nn.Linear(input_width + width + 2, width + 2)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(0.5)

    def initial_state(self, batch_size, like):
        return like.new_zeros(batch_size, self.width), like.new_zeros(batch_size, 2)

    def forward(self, input, state):
        both = self.inner(torch.cat([input, *state], dim=1))
        hidden, more = both[:, : self.width].tanh(), torch.sigmoid(both[:, self.width :])
        return self.out(self.dropout(hidden)), (hidden, more)


class Forgetful(Cell):
    """A cell without any memory."""

    def __init__(self, input_width, width):
        super().__init__()
        self.input_width, self.width = input_width, width
        self.inner = nn.Linear(input_width, width)

    def initial_state(self, batch_size, like):
        return (like.new_zeros(batch_size, self.width),)

    def forward(self, input, state):
        output = self.inner(input)
        return output, (output,)


def batch(cell, *lengths, seed=0):
    """Return inputs of a cell, of its dtype, and the lengths."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(sum(lengths), cell.input_width, generator=generator)
    return drawn.to(next(cell.parameters()).dtype), torch.tensor(lengths, dtype=torch.int64)
