"""``seqpipe compile``."""

import json
import sys
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
    from seqpipe.cli._recorded import read_checked
    from seqpipe.config import compile_read

    # Plugins that print when they're imported would print into the configuration.
    with hushed():
        source, is_checked = read_checked(file, context.args)
        text = compile_read(source, is_checked=is_checked).to_str(interpolate=False)
    typer.echo(_as_stdout_takes_it(text))


def _as_stdout_takes_it(text: str) -> str:
    """Return a configuration with what stdout can't write, or what doesn't show, as JSON escapes it.

    Values are JSON, so it stays the same configuration.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return "".join(
        character
        if character == "\n" or (character.isprintable() and _can_be_written(character, encoding))
        else json.dumps(character)[1:-1]
        for character in text
    )


def _can_be_written(character: str, encoding: str) -> bool:
    return character.isascii() or character.encode(encoding, "ignore") != b""
