"""``seqpipe embeddings nearest``."""

from typing import Annotated, Any

import typer

from seqpipe.cli._options import AsJson
from seqpipe.cli.embeddings._arguments import Model, Most

_Words = Annotated[
    list[str] | None,
    typer.Argument(help="Words, items or nodes.", show_default=False),
]
_InContext = Annotated[
    list[str] | None,
    typer.Option(
        "--in-context",
        metavar="SENTENCE",
        help="A sentence with a word in brackets, whose vector there is compared with those of "
        "words in a corpus. Repeat for more.",
        show_default=False,
    ),
]
_Corpus = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="The corpus, a text file. By default the first part of the Wikipedia in "
        "SEQPIPE_DATA, or else seqpipe's 120 sentences of ambiguous words.",
        show_default=False,
    ),
]
_Sentences = Annotated[
    int, typer.Option(min=1, help="The maximum number of sentences to read from the corpus.")
]


def nearest_command(
    model: Model,
    words: _Words = None,
    most: Most = 10,
    in_context: _InContext = None,
    corpus: _Corpus = None,
    sentences: _Sentences = 5_000,
    as_json: AsJson = False,
) -> None:
    """Find the words, items or nodes whose vectors are nearest by cosine.

        seqpipe embeddings nearest vectors.txt.gz river bank

        seqpipe embeddings nearest runs/groceries/model-best "whole milk" -n 5

    Words without a vector are listed last, and then the exit code is 1.

    A word has one vector for all its meanings. In context it has the output of the pipeline's encoder,
    and each meaning has its own neighbours:

        MODEL=runs/bbc-news/model-best

        seqpipe embeddings nearest $MODEL --in-context "by the river [bank]"

        seqpipe embeddings nearest $MODEL --in-context "[bank] account" -n 3
    """
    if not words and not in_context:
        raise typer.BadParameter("name a word, or a sentence with --in-context", param_hint="words")
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.embeddings._model import open_model
    from seqpipe.cli.embeddings._neighbours import find_in_context, find_nearest, print_neighbours
    from seqpipe.cli.plugins._screen import make_console, print_json, waiting
    from seqpipe.errors import DataError

    with waiting(f"loading {model}…") as say, redirected_output():
        opened = open_model(model)
        report: dict[str, Any] = {
            "model": model,
            "words": find_nearest(opened, words or [], most=most),
        }
        if in_context:
            say("reading the corpus…")
            report |= find_in_context(
                opened, in_context, corpus=corpus, sentences=sentences, most=most
            )
    if as_json:
        print_json(report)
    else:
        print_neighbours(make_console(), report)
    if errors := [found["error"] for found in report["words"] if "error" in found]:
        raise DataError("\n".join(errors))
