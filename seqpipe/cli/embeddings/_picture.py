"""``seqpipe embeddings picture``."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from seqpipe.cli._options import AsJson
from seqpipe.cli.embeddings._arguments import Model


class Method(str, enum.Enum):
    """How points are projected."""

    auto = "auto"
    pca = "pca"
    tsne = "tsne"
    umap = "umap"


_Words = Annotated[
    list[str] | None,
    typer.Argument(
        help="Words, items or nodes. By default those of the files below, or else the most "
        "frequent ones.",
        show_default=False,
    ),
]
_WordsFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="More words, one on each line.", show_default=False),
]
_Groups = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="A word, a tab and the word's group on each line: groups have colours.",
        show_default=False,
    ),
]
_Most = Annotated[int, typer.Option(min=2, help="The maximum number of words.")]
_Method = Annotated[
    Method,
    typer.Option(help="auto is t-SNE where scikit-learn is installed, else PCA."),
]
_Output = Annotated[
    Path,
    typer.Option("-o", "--output", help="A picture (.svg), or a page to explore (.html)."),
]
_Title = Annotated[
    str | None,
    typer.Option(help="The heading; by default the model's name.", show_default=False),
]
_Seed = Annotated[
    int, typer.Option(min=0, max=2**32 - 1, help="The same seed gives the same picture.")
]


def picture_command(
    model: Model,
    words: _Words = None,
    words_file: _WordsFile = None,
    groups: _Groups = None,
    most: _Most = 500,
    method: _Method = Method.auto,
    output: _Output = Path("picture.svg"),
    title: _Title = None,
    seed: _Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Plot words, items or nodes as points that are close to each other if their vectors are.

        seqpipe embeddings picture vectors.txt.gz --most 300

        seqpipe embeddings picture vectors.txt.gz cat dog red blue -o few.svg

        seqpipe embeddings picture runs/cora-nodes/model-best --groups topics.tsv -o nodes.html

    The page is a single file that loads nothing else: pan, zoom, search, and hover over a word for its
    neighbours. It's usable with 20,000 words, which take t-SNE minutes and PCA seconds.
    """
    suffix = output.suffix.lower()
    if suffix not in (".svg", ".html"):
        raise typer.BadParameter("its name ends in .svg or .html", param_hint="--output")
    from seqpipe import pictures
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.embeddings._model import open_model
    from seqpipe.cli.embeddings._picture_output import choose_words, print_picture
    from seqpipe.cli.plugins._screen import make_console, print_json, waiting
    from seqpipe.storage import write_text

    with waiting(f"loading {model}…") as say, redirected_output():
        embedder = open_model(model).embedder
        chosen = choose_words(
            embedder, words or [], words_file=words_file, groups_file=groups, most=most
        )
        say(f"placing {len(chosen.words):,} words…")
        projection = pictures.project(embedder, chosen.words, method=method.value, seed=seed)
        draw = pictures.draw_svg if suffix == ".svg" else pictures.draw_page
        text = draw(projection, title=title or model, groups=chosen.groups or None)
        write_text(output, text)
    if as_json:
        told = {"file": str(output), "method": projection.method, "words": [*projection.words]}
        print_json({**told, "left_out": [*projection.left_out], "more": chosen.more})
        return
    print_picture(make_console(), projection, output, more=chosen.more)
