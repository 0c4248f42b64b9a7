"""``seqpipe plugins``: the installed plugins and their states."""

import typer


def list_plugins(*, as_json: bool, traceback: bool) -> None:
    """Print the installed plugins; exit with 1 if the host is strict and something can't be used."""
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.plugins._output import List, print_list, to_json
    from seqpipe.cli.plugins._screen import make_console, print_json, waiting
    from seqpipe.plugins import host

    with waiting("looking for plugins…") as say, redirected_output():
        plugins = host().survey(on_plugin=lambda name: say(f"importing the plugin {name}…"))
        if host().is_strict:
            say("importing every part…")
        listed = List(plugins, host().broken_parts(), host().missing)
    if as_json:
        print_json(to_json(listed, is_strict=host().is_strict))
    else:
        print_list(make_console(), listed, traceback=traceback)
    if host().is_strict and listed.is_bad:
        raise typer.Exit(1)
