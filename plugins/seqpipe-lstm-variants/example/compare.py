"""Compare the cells on remembering: the first vector of a sequence tells its class, the others are noise.

    python example/compare.py

It's a toy: it shows which cells carry something over 20 steps after a short training, and what a step costs.
"""

import time
from collections.abc import Callable

import torch
from seqpipe.parts.cells import Cell
from seqpipe.parts.encoders import unroll_plain
from seqpipe.plugins import find_part
from torch import Tensor, nn

from seqpipe_lstm_variants import seqpipe_cells

CLASSES, STEPS, BATCH, INPUTS, WIDTH, UPDATES, SEEDS = 8, 20, 32, 8, 32, 300, 3


def make_batch(size: int) -> tuple[Tensor, Tensor]:
    """Return inputs `[size * STEPS, INPUTS]`, one sequence behind the other, and classes `[size]`."""
    classes = torch.randint(CLASSES, (size,))
    inputs = torch.randn(size, STEPS, INPUTS)
    inputs[:, 0] = 3 * nn.functional.one_hot(classes, INPUTS)
    return inputs.flatten(0, 1), classes


def last_outputs(cell: Cell, inputs: Tensor) -> Tensor:
    """Return the cell's output after each sequence, `[size, WIDTH]`."""
    size = len(inputs) // STEPS
    outputs, _ = unroll_plain(cell, inputs, torch.full((size,), STEPS))
    return outputs.view(size, STEPS, -1)[:, -1]


def learn(make: Callable[..., Cell], seed: int, **settings: object) -> float:
    """Train a cell and return its accuracy."""
    torch.manual_seed(seed)
    cell, classify = make(INPUTS, WIDTH, **settings), nn.Linear(WIDTH, CLASSES)
    parameters = [*cell.parameters(), *classify.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.005)
    for _ in range(UPDATES):
        inputs, classes = make_batch(BATCH)
        loss = nn.functional.cross_entropy(classify(last_outputs(cell, inputs)), classes)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    with torch.no_grad():
        inputs, classes = make_batch(1000)
        found = classify(last_outputs(cell, inputs)).argmax(dim=1)
    return float((found == classes).float().mean())


def main() -> None:
    """Print a line for each cell."""
    cells: list[tuple[str, dict[str, object]]] = [
        (name, {}) for name in ("seqpipe.LSTM.v1", "seqpipe.GRU.v1", *seqpipe_cells())
    ]
    cells.append(("lstm_variants.JANET.v1", {"chrono_steps": STEPS}))
    # Two threads have more to say to each other than to compute in steps as small as these.
    torch.set_num_threads(1)
    print("| cell | parameters | accuracy | ms per update |\n|---|---|---|---|")
    for name, settings in cells:
        make = find_part("cells", name).factory
        begin = time.process_time()
        accuracies = [learn(make, seed, **settings) for seed in range(SEEDS)]
        cost = 1000 * (time.process_time() - begin) / (SEEDS * UPDATES)
        parameters = make(INPUTS, WIDTH, **settings).parameters()
        size = sum(p.numel() for p in parameters if p.requires_grad)
        told = "".join(f", `{setting} = {value}`" for setting, value in settings.items())
        accuracy = " ".join(f"{each:.2f}" for each in sorted(accuracies))
        print(f"| {name.split('.')[1]}{told} | {size:,} | {accuracy} | {cost:.0f} |", flush=True)


if __name__ == "__main__":
    main()
