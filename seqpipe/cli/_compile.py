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
    """Print the complete spaCy configuration that a pipeline file expands to.

    spaCy itself can train the result:

        seqpipe compile pipelines/bbc-news/pipeline.cfg > config.cfg

        python -m spacy train config.cfg --output trained

    A file that only makes an embedding is fitted when spaCy initialises it; there's nothing to update.

    Settings are overridden as in `seqpipe run`.
    """
    from seqpipe.cli._recorded import read_checked
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.config import compile_read

    # Otherwise the output of plugins on import would end up in the configuration.
    with redirected_output():
        source, is_checked = read_checked(file, context.args)
        text = compile_read(source, is_checked=is_checked).to_str(interpolate=False)
    typer.echo(_encodable(text))


def _encodable(text: str) -> str:
    """Return a configuration with JSON escapes for characters that stdout can't encode or that are invisible.

    Values are JSON, so it remains the same configuration.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return "".join(
        character
        if character == "\n" or (character.isprintable() and _is_encodable(character, encoding))
        else json.dumps(character)[1:-1]
        for character in text
    )


def _is_encodable(character: str, encoding: str) -> bool:
    return character.isascii() or character.encode(encoding, "ignore") != b""
