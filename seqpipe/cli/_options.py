"""Options of several commands: JSON on standard output, what those take that predict, and where those compute that use torch."""

from typing import Annotated

import typer

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
        help="Where torch computes: cpu, cuda, cuda:1, mps, or auto for a GPU of CUDA's if there is one. By default cpu; of run, "
        "what the file says.",
        show_default=False,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="TYPE",
        help="float32, or bfloat16 for matrix products that are less exact and faster on recent GPUs.",
        show_default=False,
    ),
]
