"""``seqpipe evaluate``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from seqpipe.cli._options import Device, Precision
from seqpipe.cli._reader import reader_of

_Data = Annotated[
    str | None,
    typer.Argument(
        metavar="[DATA]",
        help="Texts with truths: a file, which is read as the model's data was, or as its lines say; or a pipeline file, of whose "
        "[data] the part is taken. By default that part of the data that the model was trained on.",
        show_default=False,
    ),
]
_Part = Annotated[
    str,
    typer.Option(
        help="Which part of the data of a pipeline file, or of the model: train, dev or test."
    ),
]
_Compare = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="Another saved pipeline, to compare with on the same texts: differences with intervals, and McNemar's test.",
        show_default=False,
    ),
]
_Text = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="The column or key of the texts of a file, by its name or its number from 1.",
        show_default=False,
    ),
]
_Label = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="That of the labels.", show_default=False),
]
_Html = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write a page with everything in it: classes, confusion, calibration, slices, mistakes.",
        show_default=False,
    ),
]
_Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write everything as JSON.", show_default=False),
]


def evaluate_command(
    model: Annotated[
        str,
        typer.Argument(
            help="A saved pipeline: a folder, or an installed package.", show_default=False
        ),
    ],
    data: _Data = None,
    part: _Part = "test",
    compare: _Compare = None,
    text: _Text = None,
    label: _Label = None,
    html: _Html = None,
    json: _Json = None,
    device: Device = None,
    precision: Precision = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Decides what samples the intervals rest on.")
    ] = 0,
) -> None:
    """Score a saved pipeline, and show where it's wrong.

    Prints each figure with its 95 % interval, classes, slices by length and by unknown words, and the worst mistakes.

        MODEL=runs/reviews/model-best

        seqpipe evaluate $MODEL

        seqpipe evaluate $MODEL new-reviews.csv --html evaluation.html

        seqpipe evaluate $MODEL new-reviews.csv --compare runs/other/model-best

    What's printed is explained in this file:

        docs/evaluating.md
    """
    from seqpipe.cli._evaluate_output import print_evaluation
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.plugins._screen import make_console, waiting

    console = make_console(soft_wrap=False)
    with waiting(f"loading {model}…", console) as say, redirected_output():
        from seqpipe.inference import load_pipeline
        from seqpipe.run import evaluate_model, to_json

        where = {"device": device, "precision": precision}
        nlp = load_pipeline(model, **where)
        other = None if compare is None else load_pipeline(compare, **where)
        say("evaluating…")
        reader = None if data is None else reader_of(nlp, data, part, text=text, label=label)
        found = evaluate_model(nlp, reader, part=part, other=other, seed=seed).to_json()
    print_evaluation(console, found, other=compare or "")
    if html is not None:
        _write(html, _page(found, model, data, compare))
        console.print(f"page: {html}", soft_wrap=True)
    if json is not None:
        told = {"model": model, "data": data, "compared_with": compare, **found}
        _write(json, to_json(told))


def _page(found: dict[str, Any], model: str, data: str | None, compare: str | None) -> str:
    from seqpipe.evaluation.predictions import draw_page

    title = f"{model} on {data or 'its own data'}"
    return draw_page(found, title=title, other=compare or "")


def _write(file: Path, text: str) -> None:
    from seqpipe import storage

    storage.write_text(file, text)
