"""``seqpipe run``."""

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from seqpipe.cli._options import AsJson, Device, Precision
from seqpipe.errors import InterruptedRun

_RUNS: Final = Path("runs")
_GITIGNORE = "# Results of runs don't belong in version control.\n*\n"

_Seeds = Annotated[
    int,
    typer.Option(
        min=1,
        help="Run with so many seeds in a row, from the file's on, each in a folder of its own: seed-0 and so on. "
        "Their mean and spread are printed and written into seeds.json.",
    ),
]
_Folds = Annotated[
    int | None,
    typer.Option(
        min=2,
        help="Cross-validate: cut the texts of [data] into so many folds, stratified by label, and run once for each. "
        "A run is tested on its fold and trained on the others, from which `split` takes the dev part; its folder is "
        "fold-0 and so on. A [data.test] isn't read: test on it by a run without --folds. Mean and spread are printed and "
        "written into folds.json, and what's predicted of each text into predictions.jsonl.",
        show_default=False,
    ),
]


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
        int | None,
        typer.Option(
            min=1,
            help="The number of threads to compute with. By default one for each core, or OMP_NUM_THREADS. The results "
            "are the same for any number.",
            show_default=False,
        ),
    ] = None,
    device: Device = None,
    precision: Precision = None,
    seeds: _Seeds = 1,
    folds: _Folds = None,
    as_json: AsJson = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Print nothing but errors, and what --json asks for."),
    ] = False,
) -> None:
    """Train, evaluate and save the pipeline that a file describes.

    Any setting of the file can be replaced on the command line, by section and key:

        seqpipe run pipelines/bbc-news/pipeline.cfg

        seqpipe run pipeline.cfg --encoder.width 128 --training.max_epochs 3

        seqpipe run pipeline.cfg --output trained --pipeline.seed 1

        seqpipe run pipeline.cfg --seeds 5

        seqpipe run pipeline.cfg --folds 10

        seqpipe run pipeline.cfg --json > result.json

    The output folder gets model-best (load it with spacy.load), config.cfg (the complete
    configuration) and report.json (scores, timings, versions). Ctrl-C (or SIGTERM) stops at any time
    and says what was kept.

    Every section and key of a pipeline file is explained in this file:

        docs/pipeline-file.md
    """
    from seqpipe.cli._memory import keep_freed_memory
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.plugins._screen import print_json

    if folds and seeds > 1:
        raise typer.BadParameter(
            "--folds and --seeds can't be combined; for other folds and weights, add `--pipeline.seed 1` and so on "
            "to --folds"
        )
    keep_freed_memory()
    computing: dict[str, Any] = {"threads": threads, "device": device, "precision": precision}
    # What parts print must not end up in the JSON.
    with redirected_output() if as_json else contextlib.nullcontext():
        told = _run(
            file, context.args, output, (seeds, folds), computing, quiet=quiet, as_json=as_json
        )
    if as_json:
        print_json(told)


def _run(
    file: Path,
    overrides: Sequence[str],
    output: Path | None,
    times: tuple[int, int | None],
    computing: dict[str, Any],
    *,
    quiet: bool,
    as_json: bool,
) -> dict[str, Any]:
    """Run a file, show its progress and, without JSON, its results; return these."""
    from seqpipe.cli._run_output import make_reporter, print_results
    from seqpipe.cli.plugins._screen import make_console
    from seqpipe.reporting import escaped

    console = make_console(sys.stderr if as_json else None, soft_wrap=False)
    if not quiet:
        console.print(f"seqpipe run {escaped(file)}", highlight=False, soft_wrap=True)
    source = _read(file, overrides)
    folder = output or _default_output(file)
    is_shown = not quiet and not as_json
    with _ignored_by_git(_RUNS):
        if times != (1, None):
            return _run_repeatedly(
                source, overrides, folder, times, computing, console, quiet=quiet, is_shown=is_shown
            )
        from seqpipe.run import run, to_json

        with make_reporter(console, quiet=quiet) as reporter:
            result = run(source, output=folder, reporter=reporter, **computing)
    if is_shown:
        print_results(console, result.report, result.model)
    told = {"folder": str(folder), "model": str(result.model), **result.report}
    # As in report.json, whose numbers may be numpy's.
    plain: dict[str, Any] = json.loads(to_json(told))
    return plain


def _run_repeatedly(
    source: Any,
    overrides: Sequence[str],
    folder: Path,
    times: tuple[int, int | None],
    computing: dict[str, Any],
    console: Any,
    *,
    quiet: bool,
    is_shown: bool,
) -> dict[str, Any]:
    from seqpipe.cli._run_output import make_reporter, print_summary
    from seqpipe.run import run_folds, run_seeds

    def reporter_of(name: str) -> Any:
        if not quiet:
            console.print(name, highlight=False)
        return make_reporter(console, quiet=quiet)

    seeds, folds = times
    summary = (run_folds if folds else run_seeds)(
        source,
        overrides=overrides,
        output=folder,
        count=folds or seeds,
        make_reporter=reporter_of,
        **computing,
    )
    if is_shown:
        print_summary(console, summary, folder)
    return {"folder": str(folder), **summary}


def _read(file: Path, overrides: Sequence[str]) -> Any:
    """Read the file, and import torch and spaCy, which takes seconds; errors in the file are reported before."""
    try:
        from seqpipe.cli._recorded import read_checked

        source, _ = read_checked(file, overrides)
        import seqpipe.run  # noqa: F401
    except KeyboardInterrupt:
        raise InterruptedRun("stopped during stage 'start'; nothing was written") from None
    return source


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
