"""``seqpipe embeddings evaluate``."""

from typing import Annotated

import typer

from seqpipe.cli._options import AsJson
from seqpipe.cli.embeddings._arguments import Model

_Similarity = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="Pairs of words with a rating: Spearman's rank correlation. Repeat for more files.",
        show_default=False,
    ),
]
_Analogies = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="Questions: A is to B as C to what? Repeat for more.",
        show_default=False,
    ),
]
_Sentences = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="Pairs of sentences, a table like the STS Benchmark's. Repeat for more.",
        show_default=False,
    ),
]
_Categories = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE", help="Words with labels: purity of clusters.", show_default=False),
]
_Limit = Annotated[
    int,
    typer.Option(
        min=0, help="How many of the most frequent words analogies may contain; 0 for all."
    ),
]


def evaluate_command(
    model: Model,
    similarity: _Similarity = None,
    analogies: _Analogies = None,
    sentences: _Sentences = None,
    categories: _Categories = None,
    limit: _Limit = 30_000,
    as_json: AsJson = False,
) -> None:
    """Score the vectors of a pipeline or a file on lists of words and sentences.

    Without a list it uses all known ones in the folder that SEQPIPE_DATA names (WordSim-353,
    SimLex-999, MEN, RG-65, Google's analogies, the STS Benchmark, Chinese ones), prints which, and adds
    its own lists of synonyms, antonyms and sentences that differ only in the order of their words.

        seqpipe embeddings evaluate runs/wiki-words/model-best

        seqpipe embeddings evaluate vectors.txt.gz --similarity pairs.txt --json

        seqpipe embeddings evaluate en_core_web_md --analogies q.txt --limit 0

    Unknown words are left out, and the coverage is the share of entries that were scored.
    """
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.embeddings._evaluation import evaluate, print_evaluation
    from seqpipe.cli.embeddings._known import Lists, known_lists
    from seqpipe.cli.embeddings._model import open_model
    from seqpipe.cli.plugins._screen import make_console, print_json, waiting

    given = Lists(
        similarity=similarity or [],
        analogies=analogies or [],
        sentences=sentences or [],
        categories=categories or [],
    )
    lists = given if given.paths() else known_lists()
    with waiting(f"loading {model}…") as say, redirected_output():
        report = evaluate(open_model(model), lists, limit=limit, say=say)
    if as_json:
        print_json(report)
    else:
        print_evaluation(make_console(), report)
