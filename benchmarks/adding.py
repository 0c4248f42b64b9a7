"""Measure which recurrent cells learn to add over long distances: ``python benchmarks/adding.py``.

The first part trains cells on the adding problem; `adding_task` says which variant of it. The second part
measures how a gradient's norm changes over 100 steps of a simple network that's been started in different
ways and not trained.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from adding_task import CELLS, CLIP, RATES, Run, Settings, draw, train
from machine import describe_machine
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from seqpipe import __version__
from seqpipe.diagnostics import GradientFlow, gradient_flow
from seqpipe.parts.cells import RNN, RecurrentInit

#: What a cell that has learned to add stays below, and the variance of the target.
SOLVED: Final = 0.01
VARIANCE: Final = 1 / 6
#: Over how many updates the losses are averaged.
WINDOW: Final = 20
#: Each setting as it is, with --quick, and what it is.
SETTINGS: Final = {
    "steps": (400, 40, "length of a sequence"),
    "updates": (1000, 20, "updates of the weights, the same for every cell"),
    "seeds": (3, 1, "how many, from 0 on"),
    "width": (64, 16, "width of each cell"),
    "batch": (32, 8, "sequences per update"),
    "test": (2000, 100, "fresh sequences to test on"),
    "matrices": (10, 2, "networks per initialisation whose gradients are measured"),
}
#: Where legends stand.
BELOW: Final[dict[str, Any]] = {
    "loc": "upper center",
    "bbox_to_anchor": (0.5, -0.14),
    "ncols": 2,
    "frameon": False,
}
#: The second part: time steps that gradients are backpropagated over, and sequences per network.
DISTANCE: Final = 100
SEQUENCES: Final = 8
#: How recurrent weights are initialised, and what inputs are multiplied by.
SERIES: Final[dict[str, tuple[RecurrentInit, float]]] = {
    "orthogonal": ("orthogonal", 0.1),
    "gaussian": ("gaussian", 0.1),
    "uniform": ("uniform", 0.1),
    "orthogonal, full inputs": ("orthogonal", 1.0),
}


def train_all(name: str, seeds: int, settings: Settings) -> Iterator[Run]:
    """Train a cell at each of its learning rates on seed 0, and at the best on the other seeds."""
    tried = []
    for rate in RATES[name]:
        tried.append(train(name, rate, 0, settings))
        yield tried[-1]
    best = min(tried, key=lambda run: run.error).rate
    for seed in range(1, seeds):
        yield train(name, best, seed, settings)


def at_best_rate(name: str, runs: Sequence[Run]) -> list[Run]:
    """Return the runs of a cell at the learning rate that was best on seed 0."""
    of_cell = [run for run in runs if run.cell == name]
    best = min((run for run in of_cell if not run.seed), key=lambda run: run.error).rate
    return [run for run in of_cell if run.rate == best]


def flow_of(series: str, matrices: int, width: int) -> GradientFlow:
    """Measure the gradients of several networks that start in the same way, as one result."""
    init, scale = SERIES[series]
    flows = []
    for seed in range(matrices):
        torch.manual_seed(seed)
        cell = RNN(2, width, recurrent_init=init)
        generator = torch.Generator().manual_seed(seed)
        inputs, _ = draw(SEQUENCES, DISTANCE, generator)
        lengths = torch.full((SEQUENCES,), DISTANCE)
        flows.append(gradient_flow(cell, scale * inputs, lengths))
    return GradientFlow(flows[0].distances, np.concatenate([flow.norms for flow in flows]))


def summarise(name: str, runs: Sequence[Run]) -> dict[str, Any]:
    """Return the figures of one cell over all seeds."""
    chosen = at_best_rate(name, runs)
    errors = [run.error for run in chosen]
    return {
        "cell": name,
        "rate": chosen[0].rate,
        "rates tried": list(RATES[name]),
        "error": {"mean": float(np.mean(errors)), "min": min(errors), "max": max(errors)},
        "seconds": float(np.median([run.seconds for run in chosen])),
    }


def summarise_flow(series: str, flow: GradientFlow) -> dict[str, Any]:
    """Return how norms at the greatest distance, and at any, compare with 1."""
    last = flow.norms[:, -1]
    within = (flow.norms > 0.1).all(1) & (flow.norms < 10).all(1)
    return {
        "weights": series,
        "networks": len(last) // SEQUENCES,
        "norm": {
            "median": float(np.median(last)),
            "min": float(last.min()),
            "max": float(last.max()),
        },
        "within ten": float(within.mean()),
    }


def tabulate(summaries: Sequence[dict[str, Any]], flows: Sequence[dict[str, Any]]) -> list[Table]:
    """Draw the figures of both parts."""
    table = Table("cell", title="Mean squared error on fresh sequences")
    for column in ("learning rate", "mean", "min", "max", "time per run"):
        table.add_column(column, justify="right")
    for each in summaries:
        errors = [f"{each['error'][key]:.4f}" for key in ("mean", "min", "max")]
        table.add_row(each["cell"], f"{each['rate']:g}", *errors, f"{each['seconds']:.0f} s")
    norms = Table("weights start", title=f"Norm of the gradient after {DISTANCE} steps")
    for column in ("median", "min", "max", "within ten times"):
        norms.add_column(column, justify="right")
    for each in flows:
        figures = [f"{each['norm'][key]:.2g}" for key in ("median", "min", "max")]
        norms.add_row(each["weights"], *figures, f"{each['within ten']:.0%}")
    return [table, norms]


def smooth(losses: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return the mean of each window of losses."""
    window = min(WINDOW, len(losses))
    return np.convolve(losses, np.full(window, 1 / window), mode="valid")


def draw_figure(runs: Sequence[Run], flows: dict[str, GradientFlow], path: Path) -> None:
    """Draw the learning curves, and the norms of gradients by distance, beside each other."""
    figure = Figure(figsize=(11, 5.4), layout="constrained")
    curves, norms = figure.subplots(1, 2)
    for number, name in enumerate(CELLS):
        for run in at_best_rate(name, runs):
            curve = smooth(run.losses)
            updates = np.arange(len(run.losses) - len(curve), len(run.losses)) + 1
            label = f"{name}, rate {run.rate:g}" if run.seed == 0 else None
            curves.plot(updates, curve, color=f"C{number}", linewidth=1, label=label)
    curves.axhline(VARIANCE, color="grey", linestyle=":", label="always 1, the mean")
    curves.axhline(SOLVED, color="grey", linestyle="--", label=f"solved, {SOLVED:g}")
    curves.set(yscale="log", xlabel="update", ylabel="mean squared error")
    curves.set_title(f"The adding problem: mean of {WINDOW} updates, a line per seed")
    curves.legend(**BELOW)
    for series, flow in flows.items():
        flow.plot(norms, label=series)
    norms.axhspan(0.1, 10, color="lightgrey", alpha=0.5, zorder=0, label="a factor of ten")
    # The uniform start leaves all others behind.
    norms.set(ylim=(1e-8, 1e4), title="Gradients of an untrained tanh RNN: median, and all")
    norms.legend(**BELOW)
    figure.savefig(path, dpi=120)


def write(
    path: Path, settings: Settings, runs: Sequence[Run], flows: dict[str, GradientFlow]
) -> None:
    """Write all figures, with what they depend on."""
    packages = ("torch", "numpy", "matplotlib")
    result = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "versions": {"seqpipe": __version__, **{name: version(name) for name in packages}},
        "settings": {**asdict(settings), "clip": CLIP},
        "gradients": {"distance": DISTANCE, "sequences": SEQUENCES, "series": SERIES},
        "summary": [summarise(name, runs) for name in CELLS],
        "flow": [summarise_flow(series, flow) for series, flow in flows.items()],
        "runs": [{**asdict(run), "losses": smooth(run.losses)[::WINDOW].tolist()} for run in runs],
    }
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, (usual, quick, description) in SETTINGS.items():
        parser.add_argument(f"--{name}", type=int, help=f"{description}; {usual}, quick {quick}")
    parser.add_argument("--quick", action="store_true", help="small settings, to see that it runs")
    parser.add_argument("--json", type=Path, help="a file to write all figures to")
    parser.add_argument("--plot", type=Path, help="a file to draw them into: .png, .svg, .pdf")
    arguments = parser.parse_args()
    for name, (usual, quick, _) in SETTINGS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, quick if arguments.quick else usual)
        if getattr(arguments, name) < (4 if name == "steps" else 1):
            parser.error(f"--{name} is too small")
    return arguments


def main() -> None:
    arguments = parse_arguments()
    settings = Settings(*(getattr(arguments, field.name) for field in fields(Settings)))
    console = Console()
    # More threads wait for each other at every step, and make it slower.
    torch.set_num_threads(1)
    runs = []
    for name in CELLS:
        for run in train_all(name, arguments.seeds, settings):
            runs.append(run)
            description = f"{name:14} rate {run.rate:<7g} seed {run.seed}"
            console.print(f"{description}  error {run.error:.4f} {run.seconds:7.1f} s")
    flows: dict[str, GradientFlow] = {
        series: flow_of(series, arguments.matrices, settings.width) for series in SERIES
    }
    summaries = [summarise(name, runs) for name in CELLS]
    for table in tabulate(summaries, [summarise_flow(*each) for each in flows.items()]):
        console.print(table)
    if arguments.json:
        write(arguments.json, settings, runs, flows)
    if arguments.plot:
        draw_figure(runs, flows, arguments.plot)


if __name__ == "__main__":
    main()
