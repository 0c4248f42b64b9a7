"""``seqpipe plugins``, and the commands below it."""

from typing import Annotated, NoReturn

import typer

from seqpipe.cli._errors import reporting_errors
from seqpipe.cli.plugins._check import check_command
from seqpipe.cli.plugins._list import list_plugins
from seqpipe.cli.plugins._new import new_command
from seqpipe.cli.plugins._show import show_command

__all__ = ["plugins_app"]

plugins_app = typer.Typer(rich_markup_mode=None)
plugins_app.command("show", short_help="Explain a part, or list those of a plugin.")(
    reporting_errors(show_command)
)
plugins_app.command("check", short_help="Check parts against the contract of their kind.")(
    reporting_errors(check_command)
)
plugins_app.command("new", short_help="Create the package of a new plugin.")(
    reporting_errors(new_command)
)


@plugins_app.callback(invoke_without_command=True)
@reporting_errors
def _plugins(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where unusable plugins fail.")
    ] = False,
) -> None:
    """List the installed plugins and their parts, or show, check and create one.

    Without a subcommand, it lists every part with the package that provides it, and every plugin:
    whether it's loaded, in quarantine because it can't be used, or not allowed.

        seqpipe plugins

        seqpipe plugins show seqpipe.LSTM.v1

        seqpipe plugins check my_cells

        seqpipe plugins new my-cells --kind cell

    SEQPIPE_PLUGINS=a,b allows only these plugins besides seqpipe's own. With
    SEQPIPE_STRICT_PLUGINS=1 every part is imported, and one that can't be used is an error, as is a
    plugin in quarantine: exit code 1.
    """
    if context.invoked_subcommand is None:
        list_plugins(as_json=as_json, traceback=traceback)
    elif as_json or traceback:
        _refuse("--json" if as_json else "--traceback", context.invoked_subcommand)


def _refuse(option: str, command: str) -> NoReturn:
    taken = option == "--traceback" or command in ("show", "check")
    where = f"put it after `{command}`" if taken else f"`{command}` takes none"
    raise typer.BadParameter(where, param_hint=option)
