"""``seqpipe plugins``: what's installed, and what became of it."""

import typer


def list_plugins(*, as_json: bool, traceback: bool) -> None:
    """Print what's installed, and leave with 1 if a plugin in quarantine is an error."""
    from seqpipe.cli.plugins._list_output import print_list, to_json
    from seqpipe.cli.plugins._screen import hushed, make_console, print_json, waiting
    from seqpipe.plugins import host

    with waiting("looking for plugins…") as say, hushed():
        plugins = host().survey(on_plugin=lambda name: say(f"importing the plugin {name}…"))
    missing, is_strict = host().missing, host().is_strict
    if as_json:
        print_json(to_json(plugins, missing, is_strict=is_strict))
    else:
        print_list(make_console(), plugins, missing, traceback=traceback)
    if is_strict and (missing or any(plugin.state == "quarantined" for plugin in plugins)):
        raise typer.Exit(1)
