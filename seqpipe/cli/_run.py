"""``seqpipe run``."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from seqpipe.errors import InterruptedRun

_RUNS: Final = Path("runs")
_GITIGNORE = "# Results of runs don't belong in version control.\n*\n"


def run_command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The pipeline file.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The folder for the results. By default runs/NAME, named after the pipeline file.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(
            min=1,
            help="The number of threads to compute with. Small models are fastest with one; results "
            "are reproducible with the same number.",
        ),
    ] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Train, evaluate and save the pipeline that a file describes.

    Any setting of the file can be replaced on the command line, by section and key:

        seqpipe run pipelines/bbc-news/pipeline.cfg

        seqpipe run pipeline.cfg --encoder.width 128 --training.max_epochs 3

        seqpipe run pipeline.cfg --output trained --pipeline.seed 1

    The output folder gets model-best (load it with spacy.load), config.cfg (the complete
    configuration) and report.json (scores, timings, versions). Ctrl-C (or SIGTERM) stops at any time
    and says what was kept.

    Every section and key of a pipeline file is explained in this file:

        docs/pipeline-file.md
    """
    from seqpipe.cli._run_output import make_reporter, print_results
    from seqpipe.cli.plugins._screen import make_console
    from seqpipe.reporting import escaped

    console = make_console(soft_wrap=False)
    if not quiet:
        console.print(f"seqpipe run {escaped(file)}", highlight=False, soft_wrap=True)
    run, source = _import_run(file, context.args)
    with make_reporter(console, quiet=quiet) as reporter, _ignored_by_git(_RUNS):
        result = run(
            source,
            output=output or _default_output(file),
            threads=threads,
            reporter=reporter,
        )
    if not quiet:
        print_results(console, result.report, result.model)


def _import_run(file: Path, overrides: Sequence[str]) -> tuple[Callable[..., Any], Any]:
    """Read the file, and import torch and spaCy, which takes seconds; errors in the file are reported before."""
    try:
        from seqpipe.cli._recorded import read_checked

        source, _ = read_checked(file, overrides)
        from seqpipe.run import run
    except KeyboardInterrupt:
        raise InterruptedRun("stopped during stage 'start'; nothing was written") from None
    return run, source


def _default_output(file: Path) -> Path:
    from seqpipe.config import name_of

    return _RUNS / name_of(file)


@contextlib.contextmanager
def _ignored_by_git(folder: Path) -> Iterator[None]:
    """Keep a folder out of version control if it's created inside the context."""
    was_there = folder.exists()
    try:
        yield
    finally:
        if folder.is_dir() and not was_there:
            (folder / ".gitignore").write_text(_GITIGNORE, encoding="utf-8")
