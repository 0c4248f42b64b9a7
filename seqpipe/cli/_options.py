"""Options that several commands share: for output as JSON, for predictions, and for the device that torch uses."""

from collections.abc import Callable
from typing import Annotated

import typer


def _check_device(value: str | None) -> str | None:
    from seqpipe.devices import device_problem

    return _checked(value, device_problem)


def _check_precision(value: str | None) -> str | None:
    from seqpipe.devices import precision_problem

    return _checked(value, precision_problem)


def _checked(value: str | None, find_problem: Callable[[str], object | None]) -> str | None:
    from seqpipe.messages import quote

    if value is not None and (problem := find_problem(value)):
        raise typer.BadParameter(f"{quote(value)}; {problem}")
    return value


AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
Top = Annotated[
    int | None,
    typer.Option(
        min=1, help="Give the labels of the N highest scores.", metavar="N", show_default=False
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Predict labels and entities from this score on, in the place of the model's own bound.",
        show_default=False,
    ),
]
Vectors = Annotated[bool, typer.Option("--vectors", help="Give the vector of each text, too.")]
Workers = Annotated[
    int, typer.Option(min=1, help="So many processes share the work; each loads the model.")
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="The number of threads of each process. By default the cores, or OMP_NUM_THREADS, are shared. Results are the same.",
        show_default=False,
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        metavar="DEVICE",
        callback=_check_device,
        help="Where torch computes: cpu, cuda, cuda:1, mps, or auto for a GPU of CUDA if there is one. By default where spaCy "
        "puts it: the CPU, unless `spacy.require_gpu()` was called. For run: what the file says.",
        show_default=False,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="TYPE",
        callback=_check_precision,
        help="float32, or bfloat16 for matrix products that are less exact and faster on recent GPUs.",
        show_default=False,
    ),
]
