"""``seqpipe plugins check``."""

from typing import Annotated

import typer

from seqpipe.errors import InterruptedRun


def check_command(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A part, a plugin, or the folder of a plugin's package; by default all plugins.",
            show_default=False,
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="List each check, including those that passed.")
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where failed checks raised errors.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Check parts against the contract of their kind.

    A failed check is shown with the sentence of the contract that's violated, and the smallest input that
    violates it. The exit code is 1 if a check failed, a part wasn't checked, or a plugin can't be used at all.

        seqpipe plugins check my_cells.PeepholeLSTM.v1

        seqpipe plugins check my_cells

        seqpipe plugins check ./seqpipe-my-cells

        seqpipe plugins check

    A folder needn't be installed, as long as its pyproject.toml names the plugin's module.
    """
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.plugins._screen import make_console, print_json, waiting

    # The test kit imports torch, and plugins may import anything.
    with (
        redirected_output() as stdout,
        waiting("importing…", console := make_console(stdout, quiet=as_json)) as say,
    ):
        from seqpipe.cli.plugins import _check_output as output
        from seqpipe.cli.plugins._check_output import Report, check_all, choose

        report = Report(choose(target))
        output.print_chosen(console, report.chosen, traceback=traceback)
        try:
            for checked in check_all(report, say):
                output.print_progress(
                    console, checked, report, verbose=verbose, traceback=traceback
                )
        except KeyboardInterrupt:
            raise InterruptedRun(f"\nstopped; until then {output.summary(report)}") from None
        output.print_end(console, report)
    if as_json:
        print_json(output.to_json(report))
    if report.is_bad:
        raise typer.Exit(1)
