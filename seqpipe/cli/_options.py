"""Options of several commands: JSON on standard output, and what those take that predict."""

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
