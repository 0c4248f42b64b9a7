"""What is measured: a cell, a shape, a dtype, and whether gradients are computed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Final, NamedTuple

import torch
from torch import Tensor

from seqpipe.parts import cells
from seqpipe.parts.cells import GatedCell, State


class Shape(NamedTuple):
    """The sizes of a batch and of the cell that runs over it."""

    batch: int
    steps: int
    input_width: int
    width: int

    def __str__(self) -> str:
        return "x".join(map(str, self))


CPU_SHAPES: Final = (
    Shape(32, 64, 128, 128),
    Shape(64, 64, 300, 256),
    Shape(32, 200, 100, 64),
    Shape(1, 20, 100, 128),
)
GPU_SHAPES: Final = tuple(
    Shape(batch, steps, width, width)
    for batch, steps in ((64, 256), (16, 1024))
    for width in (128, 256, 512)
)
DTYPES: Final = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


class TwoSpeed(GatedCell):
    """A cell made up for this benchmark, so that nothing can have been written for it.

    ::

        m = σ(W_m x + b_m + U_m h)
        p = σ(W_p x + b_p + U_p h)
        n = tanh(W_n x + b_n + m (U_n h))
        s' = p s + (1 - p) n
        h' = m tanh(s') + (1 - m) n
    """

    gates: ClassVar = ("mix", "pace", "candidate")
    states: ClassVar = ("hidden", "slow")

    def step(
        self, x: Mapping[str, Tensor], h: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> State:
        """Compute the next hidden and slow state; see `GatedCell.step`."""
        mix = (x["mix"] + h["mix"]).sigmoid()
        pace = (x["pace"] + h["pace"]).sigmoid()
        new = (x["candidate"] + mix * h["candidate"]).tanh()
        slow = pace * state["slow"] + (1 - pace) * new
        return mix * slow.tanh() + (1 - mix) * new, slow


#: The cells by the names that options and results use.
CELLS: Final[dict[str, type[GatedCell]]] = {
    "rnn": cells.RNN,
    "lstm": cells.LSTM,
    "peephole": cells.PeepholeLSTM,
    "coupled": cells.CoupledLSTM,
    "gru": cells.GRU,
    "unseen": TwoSpeed,
}


@dataclass(frozen=True)
class Case:
    """One row of the benchmark.

    Attributes:
        mode: "train", forward and backward, or "infer", forward without gradients.
        ragged: Whether lengths are uniform in 1 to `steps`, and not all `steps`.
    """

    cell: str
    shape: Shape
    mode: str = "train"
    ragged: bool = False
    dtype: str = "float32"
    device: str = "cpu"

    def __str__(self) -> str:
        lengths = "ragged" if self.ragged else "even"
        return f"{self.cell} {self.shape} {self.mode} {lengths} {self.dtype}"

    def lengths(self) -> Tensor:
        """Return the lengths of the sequences, the same ones every time."""
        if not self.ragged:
            return torch.full((self.shape.batch,), self.shape.steps)
        generator = torch.Generator().manual_seed(0)
        return torch.randint(1, self.shape.steps + 1, (self.shape.batch,), generator=generator)


def plan(
    names: Sequence[str],
    shapes: Sequence[Shape],
    *,
    modes: Sequence[str] = ("train", "infer"),
    lengths: Sequence[str] = ("even", "ragged"),
    dtypes: Sequence[str] = ("float32",),
    device: str = "cpu",
) -> Iterator[Case]:
    """List the rows: training at each shape, even and ragged, and inference at batch 1."""
    batches = [shape for shape in shapes if shape.batch > 1]
    # Shapes may differ in nothing but the batch.
    single = list(dict.fromkeys(shape._replace(batch=1) for shape in shapes))
    kinds: list[tuple[str, str, Sequence[Shape]]] = [
        ("train", "even", shapes),
        ("train", "ragged", batches),
        ("infer", "even", single),
    ]
    for mode, kind, sizes in kinds:
        if mode not in modes or (mode == "train" and kind not in lengths):
            continue
        for shape, dtype, name in product(sizes, dtypes, names):
            yield Case(name, shape, mode, kind == "ragged", dtype, device)


@dataclass(frozen=True)
class Task:
    """A case with its cell and its tensors.

    Attributes:
        cell: On the device, in the case's number format.
        inputs: `[N, input_width]`, the sequences concatenated.
        lengths: `[B]`, on the CPU.
        gradient: `[N, width]`, that of the outputs.
    """

    case: Case
    cell: GatedCell
    inputs: Tensor
    lengths: Tensor
    gradient: Tensor


def prepare(case: Case) -> Task:
    """Draw the tensors of a case; they're the same in every run."""
    torch.manual_seed(0)
    shape, lengths = case.shape, case.lengths()
    cell = CELLS[case.cell](shape.input_width, shape.width)
    with torch.no_grad():
        # Biases are initialised to zeros, with which a wrongly copied bias wouldn't be noticed.
        for parameter in cell.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    cell.to(case.device, DTYPES[case.dtype]).train(case.mode == "train")
    count = int(lengths.sum())
    inputs, gradient = torch.randn(count, shape.input_width), torch.randn(count, shape.width)
    return Task(case, cell, inputs.to(cell.bias), lengths, gradient.to(cell.bias))


def parse_shape(text: str) -> Shape:
    """Read a shape such as ``32x64x128x128``: batch, steps, input width, width."""
    numbers = [int(part) for part in text.split("x")]
    if len(numbers) != 4 or min(numbers) < 1:
        raise ValueError(text)
    return Shape(*numbers)
