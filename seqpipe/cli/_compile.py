"""``seqpipe compile``."""

from pathlib import Path
from typing import Annotated

import typer


def compile_command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The pipeline file.", show_default=False)],
) -> None:
    """Print the complete spaCy configuration that a pipeline file stands for.

    What's printed can be trained by spaCy itself:

        seqpipe compile pipelines/bbc-news/pipeline.cfg > config.cfg

        python -m spacy train config.cfg --output trained

    A file that makes an embedding alone is fitted when spaCy initialises it; there's nothing to update.

    Settings are overridden as in `seqpipe run`.
    """
    from seqpipe.cli._hushed import hushed
    from seqpipe.cli._recorded import check_file
    from seqpipe.config import compile_file

    # Plugins that print when they're imported would print into the configuration.
    with hushed():
        is_checked = check_file(file, context.args)
        text = compile_file(file, context.args, is_checked=is_checked).to_str(interpolate=False)
    typer.echo(text)
