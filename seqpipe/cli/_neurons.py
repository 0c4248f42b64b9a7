"""``seqpipe neurons``."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seqpipe.cli._options import Device
from seqpipe.cli._reader import reader_of

_Text = Annotated[
    str | None,
    typer.Argument(
        help="A text; - reads it from standard input. It may be left out where there's a corpus.",
        show_default=False,
    ),
]
_Corpus = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Texts to look for units in: a data file, which is read as by `seqpipe evaluate`, or a pipeline file.",
        show_default=False,
    ),
]
_Part = Annotated[
    str | None,
    typer.Option(
        help="Which part of the data of a pipeline file; without --corpus, of the data that the model was trained on: train, dev or test.",
        show_default=False,
    ),
]
_Texts = Annotated[
    int, typer.Option(min=2, help="At most so many texts of the corpus, drawn at random.")
]
_Unit = Annotated[
    list[str] | None,
    typer.Option(
        help="A unit to trace, by layer, direction and number, such as 1.forward.17; may be given several times. By default the one "
        "that tells the text's label best.",
        show_default=False,
    ),
]
_Component = Annotated[
    str | None,
    typer.Option(
        help="The component that reads the encoder's output, of a pipeline of several encoders.",
        show_default=False,
    ),
]
_Words = Annotated[int, typer.Option(min=1, help="Show the gates over so many words of the text.")]
_Contexts = Annotated[int, typer.Option(min=0, help="So many contexts of a unit, of either end.")]
_Seed = Annotated[
    int, typer.Option(min=0, help="Decides which texts are drawn, and which are held out.")
]
_Html = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a page with all drawings.", show_default=False),
]
_Svg = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Write each drawing as an SVG of its own.", show_default=False
    ),
]
_Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write all numbers as JSON.", show_default=False),
]


def neurons_command(
    model: Annotated[
        str,
        typer.Argument(
            help="A saved pipeline: a folder, or an installed package.", show_default=False
        ),
    ],
    text: _Text = None,
    corpus: _Corpus = None,
    part: _Part = None,
    texts: _Texts = 2000,
    unit: _Unit = None,
    component: _Component = None,
    words: _Words = 200,
    contexts: _Contexts = 5,
    seed: _Seed = 0,
    device: Device = None,
    html: _Html = None,
    svg: _Svg = None,
    json: _Json = None,
) -> None:
    """Show what the neurons of a recurrent encoder do.

    Over a text, how far each gate opens at each word; over a corpus, where single units are at their highest, and which one tells
    each label best.

        MODEL=runs/reviews/model-best

        seqpipe neurons $MODEL "A fine film, if a little long." --html neurons.html

        seqpipe neurons $MODEL --corpus reviews.csv

        seqpipe neurons $MODEL --part test --unit 1.forward.17

    What's shown is explained in this file:

        docs/neurons.md
    """
    from seqpipe.cli._neurons_output import print_neurons
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.plugins._screen import make_console, waiting

    given = sys.stdin.read().strip() if text == "-" else text
    console = make_console()
    with waiting(f"loading {model}…", console) as say, redirected_output():
        from seqpipe.explanation import look_at_neurons
        from seqpipe.inference import load_pipeline
        from seqpipe.kernels import computing_in
        from seqpipe.native import usable_threads

        nlp = load_pipeline(model, device=device)
        say("reading…")
        read = _read(nlp, corpus, part, texts, seed)
        say("looking…")
        with computing_in(usable_threads()):
            found = look_at_neurons(
                nlp,
                given,
                corpus=read,
                units=unit,
                component=component,
                contexts=contexts,
                most_words=words,
                seed=seed,
            )
    print_neurons(console, found)
    for written in _write(found, model, html, svg, json):
        console.print(written)


def _read(nlp: Any, corpus: str | None, part: str | None, most: int, seed: int) -> Any:
    """Return the texts of a corpus that have words, or None if there's none."""
    if corpus is None and part is None:
        return None
    import random

    from seqpipe.errors import DataError
    from seqpipe.explanation import LabelledTexts
    from seqpipe.run import read_texts

    chosen = part or "test"
    reader = None if corpus is None else reader_of(nlp, corpus, chosen)
    docs, rows = read_texts(nlp, reader, part=chosen)
    pairs = [(doc, row.labels) for doc, row in zip(docs, rows, strict=True) if len(doc)]
    if not pairs:
        raise DataError(f"{corpus or f'the {chosen} part'} has no texts with words")
    if len(pairs) > most:
        pairs = random.Random(seed).sample(pairs, most)
    return LabelledTexts([doc for doc, _ in pairs], [labels for _, labels in pairs])


def _write(
    found: Any, model: str, html: Path | None, svg: Path | None, json: Path | None
) -> list[str]:
    """Write files, and return what to say of them."""
    from seqpipe import storage
    from seqpipe.explanation import draw_all, draw_neurons

    said = []
    numbers = None if json is None else _as_json(found)
    if html is not None:
        storage.write_text(html, draw_neurons(found, title=model))
        said.append(f"page: {html}")
    if svg is not None:
        svg.mkdir(parents=True, exist_ok=True)
        for name, drawing in draw_all(found).items():
            storage.write_text(svg / f"{name}.svg", drawing + "\n")
            said.append(f"drawing: {svg / name}.svg")
    if json is not None and numbers is not None:
        storage.write_text(json, numbers)
    return said


def _as_json(found: Any) -> str:
    import json

    from seqpipe.errors import NotFiniteError

    try:
        return json.dumps(found.to_json(), ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:
        raise NotFiniteError(
            "a gate or state of the model is NaN or infinite, which JSON has no numbers for: its weights are damaged, or "
            "their training diverged"
        ) from error
