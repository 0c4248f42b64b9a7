"""``seqpipe embeddings analogy``."""

import enum
from typing import Annotated

import typer

from seqpipe.cli._options import AsJson
from seqpipe.cli.embeddings._arguments import Model, Most


class Method(str, enum.Enum):
    """How an analogy is solved."""

    add = "3cosadd"
    mul = "3cosmul"


def analogy_command(
    model: Model,
    a: Annotated[str, typer.Argument(help="A word.", show_default=False)],
    b: Annotated[str, typer.Argument(help="The word that A relates to.", show_default=False)],
    c: Annotated[
        str,
        typer.Argument(help="The word whose counterpart to find.", show_default=False),
    ],
    most: Most = 5,
    method: Annotated[
        Method, typer.Option(help="Add cosines (Mikolov) or multiply them (Levy & Goldberg).")
    ] = Method.add,
    as_json: AsJson = False,
) -> None:
    """Find the word that is to C as B is to A.

        seqpipe embeddings analogy vectors.txt.gz man woman king

        seqpipe embeddings analogy runs/wiki-words/model-best paris france rome -n 3

    The three words themselves are never the answer.
    """
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.embeddings._evaluation import make_table, number
    from seqpipe.cli.embeddings._model import open_model
    from seqpipe.cli.plugins._screen import make_console, print_json, waiting
    from seqpipe.evaluation.embeddings import answer_analogy

    with waiting(f"loading {model}…"), redirected_output():
        found = answer_analogy(open_model(model).words(), a, b, c, method=method.value, most=most)
    if as_json:
        answers = [each._asdict() for each in found]
        print_json({"a": a, "b": b, "c": c, "method": method.value, "answers": answers})
        return
    rows = [(each.word, number(each.score)) for each in found]
    make_console().print(make_table(f"{a} : {b} = {c} : ?", (method.value,), rows))
