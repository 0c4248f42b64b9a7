"""``seqpipe plugins show``."""

from typing import Annotated

import typer


def show_command(
    name: Annotated[
        str,
        typer.Argument(help="The full name of a part, or that of a plugin.", show_default=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Explain a part: what it does, its settings, and a section to paste into a pipeline file.

    Of a plugin, it lists the parts with a line about each. The exit code is 1 if a part can't be had.

        seqpipe plugins show seqpipe.LSTM.v1

        seqpipe plugins show seqpipe
    """
    from seqpipe.cli._hushed import hushed
    from seqpipe.cli.plugins._output import PartPage, PluginPage
    from seqpipe.cli.plugins._screen import make_console, print_json, waiting
    from seqpipe.plugins import Plugin, find_by_name, host

    # What a part says of itself is read from its code, which mostly imports torch.
    with waiting(f"importing {name}…"), hushed():
        found = find_by_name(host(), name)
        pages: list[PluginPage] | list[PartPage]
        if isinstance(found, Plugin):
            pages = [PluginPage(found)]
        else:
            pages = [PartPage(part) for part in found]
    if as_json:
        found_json = [page.to_json() for page in pages]
        print_json(found_json if len(found_json) > 1 else found_json[0])
    else:
        for page in pages:
            page.print(make_console())
    if any(page.is_bad for page in pages):
        raise typer.Exit(1)
