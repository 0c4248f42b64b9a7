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

    For a plugin, it lists the parts with a line about each. The exit code is 1 if a part can't be loaded.

        seqpipe plugins show seqpipe.LSTM.v1

        seqpipe plugins show seqpipe
    """
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.plugins._output import PartPage, PluginPage
    from seqpipe.cli.plugins._screen import make_console, print_json, waiting
    from seqpipe.plugins import Plugin, find_by_name, host

    # The documentation of a part is read from its code, which usually imports torch.
    with waiting(f"importing {name}…"), redirected_output():
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
