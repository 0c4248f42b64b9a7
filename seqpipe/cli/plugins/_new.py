"""``seqpipe plugins new``."""

import enum
import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from seqpipe.cli._options import AsJson
from seqpipe.kinds import KINDS
from seqpipe.reporting import escaped

#: The kinds of part, by their singular names.
Kind = enum.Enum("Kind", {kind.name: kind.one for kind in KINDS.values()}, type=str)  # type: ignore[misc]


def new_command(
    name: Annotated[
        str, typer.Argument(help="The name of the plugin, such as my-cells.", show_default=False)
    ],
    kind: Annotated[
        Kind,
        typer.Option("--kind", "-k", help="The kind of part that it provides.", show_default=False),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The folder to create the plugin's own folder in."),
    ] = Path(),
    as_json: AsJson = False,
) -> None:
    """Create the package of a new plugin: a working part, its tests, and a pipeline to train.

        seqpipe plugins new my-cells --kind cell

        seqpipe plugins new seqpipe-sanskrit --kind tokenizer --output ~/plugins

    The folder is named seqpipe-NAME. Nothing is ever overwritten.
    """
    from seqpipe.plugins import host
    from seqpipe.scaffold import new_plugin

    made = new_plugin(name, kind.name, parent=output, taken=host().plugin_names)
    if as_json:
        from seqpipe.cli.plugins._screen import print_json

        files = [file.relative_to(made.folder).as_posix() for file in made.files]
        print_json({**vars(made), "folder": str(made.folder), "files": files})
        return
    typer.echo(f"created {escaped(made.folder)}/, which provides the {kind.value} {made.part}")
    for file in made.files:
        typer.echo(f"  {file.relative_to(made.folder).as_posix()}")
    typer.echo("\nnext:")
    steps = [
        (f"cd {escaped(_quoted(made.folder))}", ""),
        ('pip install --editable ".[test]"', "changes take effect at once"),
        ("pytest", "its tests pass already"),
        (f"seqpipe plugins check {made.plugin}", "check the part against its contract"),
        ("seqpipe run example/pipeline.cfg", "trains a small pipeline with it"),
    ]
    width = max(len(command) for command, _ in steps)
    for command, comment in steps:
        typer.echo(f"  {command:<{width}}   # {comment}" if comment else f"  {command}")


def _quoted(folder: Path) -> str:
    text = str(folder)
    if os.name == "posix":
        return shlex.quote(text)
    return f'"{text}"' if " " in text else text
