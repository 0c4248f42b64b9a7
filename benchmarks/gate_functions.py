"""Measure what the functions in an LSTM's gates are for, by putting others in their place: ``python benchmarks/gate_functions.py``.

Each variant of the LSTM is trained on the adding problem (`adding_task`) and on questions in six types (TREC, below
SEQPIPE_DATA). It needs the plugin seqpipe-lstm-variants, whose cell `ChosenFunctions` takes the functions as settings.
"""

import argparse
import functools
import json
import logging
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import torch
from adding_task import Settings, train
from machine import describe_machine
from matplotlib.figure import Figure
from seqpipe_lstm_variants._functions import ChosenFunctions
from torch import Tensor

from seqpipe import __version__
from seqpipe.errors import SeqpipeError
from seqpipe.parts.cells import Cell, GatedCell
from seqpipe.run import run

#: The functions of each variant: of the gates, of what's written, of what's shown.
VARIANTS: Final[dict[str, tuple[str, str, str]]] = {
    "σ gates, tanh, tanh (LSTM)": ("sigmoid", "tanh", "tanh"),
    "tanh gates": ("tanh", "tanh", "tanh"),
    "relu gates": ("relu", "tanh", "tanh"),
    "σ written": ("sigmoid", "sigmoid", "tanh"),
    "relu written": ("sigmoid", "relu", "tanh"),
    "σ shown": ("sigmoid", "tanh", "sigmoid"),
    "relu shown": ("sigmoid", "tanh", "relu"),
    "swapped: tanh gates, σ, σ": ("tanh", "sigmoid", "sigmoid"),
}
ADDING: Final = Settings(steps=60, updates=600, width=32, batch=32, test=2000)
RATE: Final = 0.02
#: What always answering the mean comes to.
VARIANCE: Final = 1 / 6

#: Without a shortcut and without n-grams beside it, so that all there is passes through the cell.
RECIPE: Final = """
[data.train]
@readers = "seqpipe.LabelledLines.v1"
path = "data:trec/TREC.train.all"
prefix = null

[data.test]
@readers = "seqpipe.LabelledLines.v1"
path = "data:trec/TREC.test.all"
prefix = null

[embedder]
@seqpipe_embedders = "seqpipe.FastText.v1"
width = 64
epochs = 5
lower = true
standardize = true

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 64
bidirectional = false
dropout = 0.2

[encoder.cell]
@seqpipe_cells = "lstm_variants.ChosenFunctions.v1"

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"
pool = "last"

[training]
max_epochs = 5
"""


@dataclass(frozen=True)
class Result:
    """One training.

    Attributes:
        variant: A name of `VARIANTS`.
        task: "adding" or "trec".
        seed: Of weights, and of sequences or splits.
        figure: The mean squared error on fresh sequences, or the accuracy on the test part; None if the training broke off.
        seconds: How long it took.
        problem: Why it broke off.
    """

    variant: str
    task: str
    seed: int
    figure: float | None
    seconds: float
    problem: str = ""


#: By gate function, what turns the share that's to pass into the bias.
_INVERSES: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "sigmoid": torch.logit,
    "tanh": torch.atanh,
    "relu": torch.relu,
}


def start_alike(variant: str, width: int, steps: int) -> Cell:
    """Return a cell whose gates start as wide open as those of the LSTM of `adding_task`, whatever their function.

    There, a forget gate lets the share u / (1 + u) pass, for a u drawn from 1 to `steps` - 1, the input gate the rest, and the
    output gate half.
    """
    gate, candidate, output = VARIANTS[variant]
    cell: GatedCell = ChosenFunctions(2, width, gate=gate, candidate=candidate, output=output)
    inverse = _INVERSES[gate]
    drawn = torch.empty(width).uniform_(1, steps - 1)
    cell.gate_bias("forget").copy_(inverse(drawn / (1 + drawn)))
    cell.gate_bias("input").copy_(inverse(1 / (1 + drawn)))
    cell.gate_bias("output").copy_(inverse(torch.full((width,), 0.5)))
    return cell


def learn_to_add(variant: str, seed: int, settings: Settings) -> Result:
    """Train a variant on the adding problem."""
    make = functools.partial(start_alike, variant)
    found = train(variant, RATE, seed, settings, make=make)
    if not math.isfinite(found.error):
        return Result(variant, "adding", seed, None, found.seconds, "the loss isn't finite")
    return Result(variant, "adding", seed, found.error, found.seconds)


def learn_questions(variant: str, seed: int) -> Result:
    """Train a variant on the types of questions."""
    names = zip(("gate", "candidate", "output"), VARIANTS[variant], strict=True)
    options = [f"--encoder.cell.{setting}={function}" for setting, function in names]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pipeline.cfg")
        file.write_text(RECIPE, encoding="utf-8")
        try:
            report = run(
                file, overrides=[*options, f"--pipeline.seed={seed}"], output=Path(folder, "run")
            ).report
        except SeqpipeError as error:
            taken = time.perf_counter() - start
            return Result(variant, "trec", seed, None, taken, str(error).splitlines()[0])
    accuracy = float(report["test"]["accuracy"])
    return Result(variant, "trec", seed, accuracy, time.perf_counter() - start)


def tabulate(results: Sequence[Result]) -> str:
    """Return the mean of each variant with its seeds, as a table in Markdown."""
    lines = [
        "| functions | adding: error, mean | min – max | questions: accuracy, mean | min – max |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in VARIANTS:
        cells = [
            cell
            for task, digits in (("adding", 4), ("trec", 3))
            for cell in _figures(
                [r for r in results if (r.variant, r.task) == (name, task)], digits
            )
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _figures(results: Sequence[Result], digits: int) -> tuple[str, str]:
    found = [each.figure for each in results if each.figure is not None]
    broken = len(results) - len(found)
    if not found:
        return f"{broken} of {broken} broke off" if broken else "", ""
    mean = f"{statistics.mean(found):.{digits}f}"
    note = f"; {broken} broke off" if broken else ""
    return mean, f"{min(found):.{digits}f} – {max(found):.{digits}f}{note}"


def draw_figure(results: Sequence[Result], path: Path) -> None:
    """Draw both tasks beside each other, a mark for each seed."""
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    adding, questions = figure.subplots(1, 2, sharey=True)
    names = [*VARIANTS]
    for axes, task in ((adding, "adding"), (questions, "trec")):
        shown = [each for each in results if each.task == task and each.figure is not None]
        # Blue and orange of Okabe and Ito: the LSTM itself, and the others.
        colours = ["#0072b2" if each.variant == names[0] else "#d55e00" for each in shown]
        places = [names.index(each.variant) for each in shown]
        axes.scatter([each.figure for each in shown], places, c=colours, alpha=0.7)
        axes.grid(axis="y", alpha=0.3)
    adding.axvline(VARIANCE, color="grey", linestyle=":", label="always the mean")
    adding.set(xscale="log", xlabel="mean squared error; the left is better")
    adding.set(title=f"The adding problem, {ADDING.steps} steps", yticks=range(len(names)))
    adding.set_yticklabels(names)
    adding.invert_yaxis()
    adding.legend(frameon=False, loc="lower left")
    questions.set(xlabel="accuracy; the right is better", title="Types of questions (TREC)")
    figure.savefig(path, dpi=100)


def write(path: Path, results: Sequence[Result], settings: Mapping[str, Any]) -> None:
    """Write all figures, with what they depend on."""
    told = {
        "machine": describe_machine(),
        "versions": {"seqpipe": __version__, "torch": version("torch")},
        "variants": VARIANTS,
        "adding": dict(settings),
        "results": [asdict(each) for each in results],
    }
    path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on; 3")
    parser.add_argument(
        "--tasks", nargs="+", choices=["adding", "trec"], default=["adding", "trec"]
    )
    parser.add_argument("--quick", action="store_true", help="a few updates, to see that it runs")
    parser.add_argument("--json", type=Path, help="a file to write all figures to")
    parser.add_argument("--plot", type=Path, help="a file to draw them into: .png, .svg, .pdf")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    logging.getLogger("seqpipe").setLevel(logging.ERROR)
    settings = Settings(20, 5, 8, 8, 50) if arguments.quick else ADDING
    results: list[Result] = []
    for seed in range(arguments.seeds):
        for variant in VARIANTS:
            for task in arguments.tasks:
                found = (
                    learn_to_add(variant, seed, settings)
                    if task == "adding"
                    else learn_questions(variant, seed)
                )
                results.append(found)
                shown = found.problem if found.figure is None else f"{found.figure:.4f}"
                print(
                    f"{variant:28} {task:8} seed {seed}  {shown}  {found.seconds:.1f} s", flush=True
                )
    print(tabulate(results))
    if arguments.json:
        write(arguments.json, results, asdict(settings))
    if arguments.plot:
        draw_figure(results, arguments.plot)


if __name__ == "__main__":
    main()
