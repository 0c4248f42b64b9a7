"""The command line. Each command imports what it needs when it's called, so that help is instant."""

import io
import sys
from typing import Annotated

import typer

from seqpipe.cli._benchmark import benchmark_command
from seqpipe.cli._compile import compile_command
from seqpipe.cli._data import data_command
from seqpipe.cli._errors import reporting_errors
from seqpipe.cli._evaluate import evaluate_command
from seqpipe.cli._explain import explain_command
from seqpipe.cli._export import export_command
from seqpipe.cli._generate import generate_command
from seqpipe.cli._neurons import neurons_command
from seqpipe.cli._package import package_command
from seqpipe.cli._predict import predict_command
from seqpipe.cli._run import run_command
from seqpipe.cli._runs import runs_app
from seqpipe.cli._serve import serve_command
from seqpipe.cli._shrink import shrink_command
from seqpipe.cli._upgrade import upgrade_command
from seqpipe.cli.embeddings import embeddings_app
from seqpipe.cli.plugins import plugins_app

__all__ = ["app", "main"]

# Options such as --encoder.width belong to the pipeline file, not to typer.
_OVERRIDES = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    name="seqpipe",
    help="Train spaCy pipelines from one file: raw text, embedding, recurrent encoder, classifier.",
    epilog="Start with: seqpipe run pipelines/bbc-news/pipeline.cfg",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# Inside typer, which would handle Ctrl-C itself and exit silently.
app.command("run", context_settings=_OVERRIDES)(reporting_errors(run_command))
app.command("compile", context_settings=_OVERRIDES)(reporting_errors(compile_command))
app.command("evaluate")(reporting_errors(evaluate_command))
app.command("predict")(reporting_errors(predict_command))
app.command("explain")(reporting_errors(explain_command))
app.command("neurons")(reporting_errors(neurons_command))
app.command("export")(reporting_errors(export_command))
app.command("serve")(reporting_errors(serve_command))
app.command("package")(reporting_errors(package_command))
app.command("benchmark")(reporting_errors(benchmark_command))
app.command("shrink")(reporting_errors(shrink_command))
app.command("data")(reporting_errors(data_command))
app.command("generate")(reporting_errors(generate_command))
app.command("upgrade")(reporting_errors(upgrade_command))
app.add_typer(
    embeddings_app,
    name="embeddings",
    short_help="Score and explore vectors of words, items or nodes.",
)
app.add_typer(runs_app, name="runs", short_help="List runs, and show how they differ.")
app.add_typer(plugins_app, name="plugins", short_help="List, explain, check and create plugins.")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        from seqpipe import __version__

        typer.echo(f"seqpipe {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; errors that seqpipe raises on purpose become messages."""
    for stream in (sys.stdout, sys.stderr):
        # An encoding without a character of a label or file name is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(args=sys.argv[1:])
