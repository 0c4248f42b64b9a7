"""Measure seqpipe's recurrent engines beside torch.nn, torch.compile and torchrecurrent.

Prints each row as soon as it's measured, and at the end which targets are met. It's a report: whether they
are or not, the exit status is 0.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import torch
from machine import describe_machine
from recurrent_cases import CELLS, CPU_SHAPES, DTYPES, GPU_SHAPES, Shape, parse_shape, plan
from recurrent_floor import Peaks, measure_peaks
from recurrent_peers import PACKED, PADDED, make_peers
from recurrent_report import collect, draw_row, draw_verdicts, write_json, write_page
from recurrent_targets import check_targets
from recurrent_timing import Effort, Row, measure
from rich.console import Console

from seqpipe import __version__

#: Those that are for the device; "auto" and "plain" are measured in any case.
ENGINES: Final = {
    "cpu": ("auto", "plain", "eager", "compiled"),
    "cuda": ("auto", "plain", "eager", "triton"),
}
PACKAGES: Final = ("torch", "numpy", "torchrecurrent", "triton")
EXAMPLES: Final = """
examples:
  python benchmarks/recurrent.py --quick
      one shape, a few repeats, nothing that torch.compile has to compile
  python benchmarks/recurrent.py --cells lstm gru --shapes 32x64x128x128 --threads 1
      two cells at one shape: batch x steps x input width x width
  python benchmarks/recurrent.py --device cuda --dtypes bfloat16 --json gpu.json
      a GPU in one dtype, all figures in a file
  python benchmarks/recurrent.py --json docs/benchmarks/recurrent.json --markdown docs/benchmarks/recurrent.md
      everything, with the page of results
"""


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").strip(),
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_choices(parser)
    _add_effort(parser)
    _add_files(parser)
    options = _with_defaults(parser.parse_args(arguments))
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device: there's no GPU that torch can use")
    for name in ("threads", "repeats"):
        if getattr(options, name) < 1:
            parser.error(f"--{name}: at least 1 is needed")
    return options


def _add_choices(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is measured")
    add = group.add_argument
    several: Any = {"nargs": "+", "metavar": "NAME"}
    add("--shapes", nargs="+", type=parse_shape, metavar="BxTxDxW", help="default: by device")
    add("--cells", choices=CELLS, default=list(CELLS), **several, help=", ".join(CELLS))
    engines = sorted({engine for each in ENGINES.values() for engine in each})
    add("--engines", choices=engines, **several, help=", ".join(engines))
    add(
        "--modes",
        choices=("train", "infer"),
        default=["train", "infer"],
        **several,
        help="train, infer",
    )
    add(
        "--lengths",
        choices=("even", "ragged"),
        default=["even", "ragged"],
        **several,
        help="even, ragged",
    )
    add(
        "--dtypes",
        choices=DTYPES,
        **several,
        help=f"{', '.join(DTYPES)}; default: float32, on a GPU all",
    )
    add("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    add("--tf32", action="store_true", help="let a GPU round float32 in products")


def _add_effort(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how long").add_argument
    add(
        "--threads",
        type=int,
        metavar="N",
        default=os.cpu_count() or 1,
        help="of all peers; default: all cores",
    )
    add("--repeats", type=int, metavar="N", help="turns of each peer in a row; default: 20")
    add("--seconds", type=float, metavar="N", help="no more turns in a row after these; default: 6")
    add(
        "--compile-seconds",
        type=float,
        metavar="N",
        help="give up a first call after these; default: 120",
    )
    add(
        "--compile-steps",
        type=int,
        default=32,
        help="of a loop that torch.compile gets; default: 32",
    )
    add("--no-compile", action="store_true", help="leave torch.compile out")
    add("--quick", action="store_true", help="one shape, 5 repeats, 1 second, no torch.compile")


def _add_files(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("results").add_argument
    add("--json", type=Path, metavar="FILE", help="write every figure")
    add("--markdown", type=Path, metavar="FILE", help="write a page of results")


def _with_defaults(options: argparse.Namespace) -> argparse.Namespace:
    shapes: Sequence[Shape] = CPU_SHAPES if options.device == "cpu" else GPU_SHAPES
    dtypes = ["float32"] if options.device == "cpu" else ["bfloat16", "float16", "float32"]
    defaults = {"shapes": list(shapes), "dtypes": dtypes, "engines": list(ENGINES[options.device])}
    defaults |= {"repeats": 20, "seconds": 6.0, "compile_seconds": 120.0}
    if options.quick:
        defaults |= {"shapes": [shapes[0]], "repeats": 5, "seconds": 1.0}
        options.no_compile = True
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    # Targets compare seqpipe's own choice with the plain loop.
    options.engines = list(dict.fromkeys(["auto", "plain", *options.engines]))
    return options


def describe_versions() -> dict[str, str | None]:
    """Return the version of each package that takes part, None of those that aren't installed."""
    return {"seqpipe": __version__, **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe_run(options: argparse.Namespace, arguments: Sequence[str]) -> dict[str, Any]:
    """Return what the figures depend on."""
    shown = {name: _shown(value) for name, value in vars(options).items()}
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "versions": describe_versions(),
        "threads": torch.get_num_threads(),
        "command": shlex.join(["python", "benchmarks/recurrent.py", *arguments]),
        "options": {n: v for n, v in shown.items() if n not in ("json", "markdown")},
    }


def _shown(value: Any) -> Any:
    return [str(v) for v in value] if isinstance(value, list) else value


def prepare_torch(options: argparse.Namespace) -> None:
    """Give all peers the same threads and the same arithmetic."""
    torch.set_num_threads(options.threads)
    precision = "tf32" if options.tf32 else "ieee"
    torch.backends.cuda.matmul.fp32_precision = precision
    recurrent: Any = torch.backends.cudnn.rnn
    recurrent.fp32_precision = precision
    # What an earlier run has compiled would make this one's compile times look short.
    torch.compiler.config.force_disable_caches = True


def measure_all(options: argparse.Namespace) -> Iterator[tuple[Row, Peaks]]:
    """Measure row by row; with each comes the best that the machine has shown till then."""
    effort = Effort(options.repeats, options.seconds, options.compile_seconds)
    peers = make_peers(
        options.engines,
        compile_steps=options.compile_steps,
        with_compile=not options.no_compile,
    )
    cases = plan(
        options.cells,
        options.shapes,
        modes=options.modes,
        lengths=options.lengths,
        dtypes=options.dtypes,
        device=options.device,
    )
    peaks = measure_peaks(options.device, options.dtypes, seconds=options.seconds / 6)
    for case in cases:
        # On a busy machine the first try may be a slow one, and floors come out too high.
        peaks = peaks.or_better(measure_peaks(options.device, options.dtypes, seconds=0.0))
        yield measure(case, peers, peaks, effort, tf32=options.tf32), peaks


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    console = Console()
    prepare_torch(options)
    context = describe_run(options, sys.argv[1:] if arguments is None else arguments)
    rows: list[Row] = []
    for row, peaks in measure_all(options):
        rows = [earlier.beside(peaks) for earlier in rows] + [row]
        console.print(draw_row(row))
        # After each row, so that a benchmark that's stopped leaves what it has measured.
        write(options, context, peaks, rows)
    console.print(f"* {PADDED} and {PACKED} of another cell: nn.LSTM, as a yardstick")
    console.print(draw_verdicts(list(check_targets(rows))))
    return 0


def write(
    options: argparse.Namespace, context: dict[str, Any], peaks: Peaks, rows: Sequence[Row]
) -> None:
    """Write the files that were asked for."""
    result = collect(context, peaks, rows, list(check_targets(rows)))
    if options.json:
        write_json(options.json, result)
    if options.markdown:
        write_page(options.markdown, result, rows)


if __name__ == "__main__":
    sys.exit(main())
