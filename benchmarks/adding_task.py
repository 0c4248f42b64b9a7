"""The adding problem: its sequences, and cells that are trained on it.

From Hochreiter & Schmidhuber (1997), "Long short-term memory", in the form of Arjovsky, Shah & Bengio
(2016): each step has two numbers, a value drawn evenly from [0, 1] and a mark. The mark is 1 at one step
drawn evenly from the first half of the sequence and at one from the second, and 0 elsewhere. The target
is the sum of the two marked values, without scaling, and all sequences are equally long. Always
answering 1, the mean, has an error of 1/6, the variance.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from seqpipe.parts.cells import LSTM, RNN, Cell, PeepholeLSTM
from seqpipe.parts.encoders import unroll

#: Gradients are clipped to this norm, all parameters together.
CLIP: Final = 1.0


@dataclass(frozen=True)
class Settings:
    """What's the same for all cells.

    Attributes:
        steps: The length of a sequence.
        updates: Of the weights, in one training.
        width: The width of each cell.
        batch: Sequences per update.
        test: Fresh sequences to test on.
    """

    steps: int
    updates: int
    width: int
    batch: int
    test: int


def start_remembering(cell: LSTM | PeepholeLSTM, steps: int) -> Cell:
    """Initialise gates so that units forget after 1 to `steps` steps (Tallec & Ollivier 2018, "chrono")."""
    forget = torch.empty(cell.width).uniform_(1, steps - 1).log()
    cell.gate_bias("forget").copy_(forget)
    cell.gate_bias("input").copy_(-forget)
    return cell


#: Makes each cell from its width and the length of the sequences.
CELLS: Final[dict[str, Callable[[int, int], Cell]]] = {
    "LSTM": lambda width, steps: start_remembering(LSTM(2, width), steps),
    "peephole LSTM": lambda width, steps: start_remembering(PeepholeLSTM(2, width), steps),
    "tanh RNN": lambda width, _: RNN(2, width),
}
#: The learning rates that each cell tries on seed 0; it keeps the best for the other seeds.
RATES: Final[dict[str, tuple[float, ...]]] = {
    "LSTM": (0.02,),
    "peephole LSTM": (0.02,),
    "tanh RNN": (0.01, 0.003, 0.001, 0.0003),
}


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        cell: The cell's name.
        rate: The learning rate at the start.
        seed: Of weights and sequences.
        error: The mean squared error on the test sequences.
        losses: That on the sequences of each update, before the update.
        seconds: How long the training took.
    """

    cell: str
    rate: float
    seed: int
    error: float
    losses: list[float]
    seconds: float


def draw(count: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw sequences, `[count * steps, 2]` concatenated, and their targets, `[count]`."""
    values, marks = torch.rand(count, steps, generator=generator), torch.zeros(count, steps)
    first = torch.randint(steps // 2, (count,), generator=generator)
    second = torch.randint(steps // 2, steps, (count,), generator=generator)
    rows = torch.arange(count)
    marks[rows, first] = marks[rows, second] = 1
    return torch.stack([values, marks], dim=2).flatten(0, 1), (values * marks).sum(1)


class Adder(nn.Module):
    """A cell, and a linear map of its last output to one number."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell
        self.out = nn.Linear(cell.width, 1)

    def forward(self, inputs: Tensor, count: int) -> Tensor:
        """Answer `count` sequences of equal length, `[N, 2]`: `[count]`."""
        steps = len(inputs) // count
        outputs, _ = unroll(self.cell, inputs, torch.full((count,), steps))
        answers: Tensor = self.out(outputs[steps - 1 :: steps]).squeeze(1)
        return answers


def train(
    name: str,
    rate: float,
    seed: int,
    settings: Settings,
    *,
    make: Callable[[int, int], Cell] | None = None,
) -> Run:
    """Train one cell with Adam, its learning rate falling to 0 along a cosine, and test it.

    Args:
        name: The cell's.
        rate: The learning rate at the start.
        seed: Of weights and sequences.
        settings: What's the same for all cells.
        make: Makes the cell from its width and the length of the sequences; None for that of `CELLS`.
    """
    torch.manual_seed(seed)
    adder = Adder((make or CELLS[name])(settings.width, settings.steps))
    optimizer = torch.optim.Adam(adder.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.updates)
    generator = torch.Generator().manual_seed(1000 + seed)
    losses = []
    start = time.perf_counter()
    for _ in range(settings.updates):
        inputs, targets = draw(settings.batch, settings.steps, generator)
        loss = nn.functional.mse_loss(adder(inputs, settings.batch), targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(adder.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    seconds = time.perf_counter() - start
    return Run(name, rate, seed, test(adder, settings), losses, seconds)


@torch.no_grad()
def test(adder: Adder, settings: Settings) -> float:
    """Return the mean squared error on held-out sequences, the same for every run."""
    generator = torch.Generator().manual_seed(999)
    errors = []
    for done in range(0, settings.test, 200):
        count = min(200, settings.test - done)
        inputs, targets = draw(count, settings.steps, generator)
        errors.append((adder(inputs, count) - targets).square())
    return float(torch.cat(errors).mean())
