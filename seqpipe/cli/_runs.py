"""``seqpipe runs``."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seqpipe.cli._errors import reporting_errors

runs_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_Folder = Annotated[
    Path, typer.Argument(help="The folder whose runs are listed, with all below it.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def list_command(folder: _Folder = Path("runs"), json: _Json = False) -> None:
    """List runs with scores and times, and the settings in which they differ.

    seqpipe runs list

    seqpipe runs list runs/reviews --json
    """
    from seqpipe.cli._runs_output import print_runs
    from seqpipe.cli.plugins._screen import make_console, print_json
    from seqpipe.reporting import escaped
    from seqpipe.run import differing, find_runs

    runs, problems = find_runs(folder)
    differences = differing(runs)
    if json:
        told = {"runs": [run.to_json() for run in runs], "differing": differences}
        print_json(_plain(told))
        return
    print_runs(make_console(soft_wrap=False), runs, differences, folder)
    for problem in problems:
        make_console(sys.stderr).print(f"passed over: {escaped(problem)}")


def diff_command(
    first: Annotated[Path, typer.Argument(help="The folder of a run.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="That of another one.", show_default=False)],
    json: _Json = False,
) -> None:
    """Show in which settings two runs differ, and in which scores.

    seqpipe runs diff runs/reviews/seed-0 runs/reviews/seed-1
    """
    from seqpipe.cli._runs_output import print_difference
    from seqpipe.cli.plugins._screen import make_console, print_json
    from seqpipe.run import differing, read_run

    runs = [read_run(first), read_run(second)]
    differences = differing(runs)
    if json:
        print_json(_plain({"runs": [run.to_json() for run in runs], "differing": differences}))
        return
    print_difference(make_console(), runs[0], runs[1], differences)


def _plain(value: Any) -> Any:
    import json

    return json.loads(json.dumps(value, default=str))


runs_app.command("list")(reporting_errors(list_command))
runs_app.command("diff")(reporting_errors(diff_command))
