"""Arguments and options that the commands about embeddings share."""

from typing import Annotated, TypeAlias

import typer

Model: TypeAlias = Annotated[
    str,
    typer.Argument(
        help="A saved pipeline (a folder, or the name of a package), or a file of vectors.",
        show_default=False,
    ),
]

Most: TypeAlias = Annotated[
    int, typer.Option("-n", "--number", min=1, help="How many neighbours to show.")
]
