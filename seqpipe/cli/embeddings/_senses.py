"""``seqpipe embeddings senses``."""

from typing import Annotated

import typer

from seqpipe.cli._options import AsJson
from seqpipe.cli.embeddings._arguments import Model


def senses_command(
    model: Model,
    words: Annotated[
        list[str] | None,
        typer.Argument(help="Only these words.", show_default=False),
    ] = None,
    uses: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A word, its sense, and a sentence with it in [brackets], on each line, separated by tabs. "
            "By default 120 English sentences about bank, plant, spring, match, mouse and court.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well the vectors of a word in sentences separate its senses.

    For each use of a word it finds the sense whose other uses are nearest: by the word's own vector,
    which is the same everywhere, so this is guessing; by the mean of the vectors around it; and by
    the encoder's output for the word.

        seqpipe embeddings senses runs/bbc-news/model-best

        seqpipe embeddings senses runs/bbc-news/model-best bank plant --json
    """
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.embeddings._evaluation import print_senses, report_senses
    from seqpipe.cli.embeddings._model import open_model
    from seqpipe.cli.plugins._screen import make_console, print_json, waiting

    with waiting(f"loading {model}…"), redirected_output():
        report = report_senses(open_model(model), uses, words or [])
    if as_json:
        print_json(report)
    else:
        print_senses(make_console(), report)
