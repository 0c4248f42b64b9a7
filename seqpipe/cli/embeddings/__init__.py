"""``seqpipe embeddings``, and the commands below it."""

import typer

from seqpipe.cli._errors import reporting_errors
from seqpipe.cli.embeddings._analogy import analogy_command
from seqpipe.cli.embeddings._evaluate import evaluate_command
from seqpipe.cli.embeddings._export import export_command
from seqpipe.cli.embeddings._nearest import nearest_command
from seqpipe.cli.embeddings._picture import picture_command
from seqpipe.cli.embeddings._senses import senses_command

__all__ = ["embeddings_app"]

embeddings_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
embeddings_app.command("evaluate", short_help="Score vectors on lists of words and sentences.")(
    reporting_errors(evaluate_command)
)
embeddings_app.command("nearest", short_help="Find what's nearest to a word, alone or in context.")(
    reporting_errors(nearest_command)
)
embeddings_app.command("analogy", short_help="Find what is to C as B is to A.")(
    reporting_errors(analogy_command)
)
embeddings_app.command("picture", short_help="Plot words as points, as SVG or as a web page.")(
    reporting_errors(picture_command)
)
embeddings_app.command(
    "senses", short_help="Measure how well context separates the senses of a word."
)(reporting_errors(senses_command))
embeddings_app.command("export", short_help="Write vectors in another program's format.")(
    reporting_errors(export_command)
)


@embeddings_app.callback()
def _embeddings() -> None:
    """Score, look through and export the vectors of a pipeline or a file: words, items or nodes.

    MODEL is a saved pipeline of a run, any other spaCy pipeline with vectors (a folder, or the name
    of a package), or a file of vectors.

        seqpipe embeddings evaluate runs/wiki-words/model-best

        seqpipe embeddings nearest runs/bbc-news/model-best striker

        seqpipe embeddings analogy runs/wiki-words/model-best man woman king
    """
