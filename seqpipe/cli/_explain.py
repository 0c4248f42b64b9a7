"""``seqpipe explain``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seqpipe.cli._options import Device

_Text = Annotated[
    str | None,
    typer.Argument(help="The text. By default it's read from standard input.", show_default=False),
]
_Label = Annotated[
    list[str] | None,
    typer.Option(
        help="A label to explain; may be given several times. By default the best one.",
        show_default=False,
    ),
]
_Method = Annotated[
    str, typer.Option(metavar="METHOD", help="gradients, leave-one-out, or attention.")
]
_Component = Annotated[
    str | None,
    typer.Option(
        help="The component to explain, of a pipeline of several heads.", show_default=False
    ),
]
_Most = Annotated[
    int, typer.Option("--words", min=1, help="Print so many words, those that mattered most.")
]
_Seed = Annotated[
    int, typer.Option(min=0, help="Decides which random words gradients compare the text with.")
]
_Html = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a page with the text coloured.", show_default=False),
]
_Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write all numbers as JSON.", show_default=False),
]


def explain_command(
    model: Annotated[
        str,
        typer.Argument(
            help="A saved pipeline: a folder, or an installed package.", show_default=False
        ),
    ],
    text: _Text = None,
    label: _Label = None,
    method: _Method = "gradients",
    component: _Component = None,
    words: _Most = 15,
    seed: _Seed = 0,
    device: Device = None,
    html: _Html = None,
    json: _Json = None,
) -> None:
    """Show which words of a text mattered for its label.

    By integrated gradients, whose numbers add up to the difference of the logit; by leaving out each word in turn; or by
    the weights of the head's attention.

        MODEL=runs/reviews/model-best

        seqpipe explain $MODEL "A fine film, if a little long."

        seqpipe explain $MODEL --label bad --html why.html < review.txt

    What the numbers mean is explained in this file:

        docs/explaining.md
    """
    from seqpipe.cli._explain_output import print_explanation
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.plugins._screen import make_console, waiting

    given = sys.stdin.read().strip() if text is None else text
    console = make_console()
    with waiting(f"loading {model}…", console) as say, redirected_output():
        from seqpipe.explanation import draw_page, explain
        from seqpipe.inference import load_pipeline
        from seqpipe.kernels import computing_in
        from seqpipe.native import usable_threads

        nlp = load_pipeline(model, device=device)
        say("explaining…")
        with computing_in(usable_threads()):
            found = explain(nlp, given, component=component, labels=label, method=method, seed=seed)  # type: ignore[arg-type]
    print_explanation(console, found, most=words)
    from seqpipe import storage

    if html is not None:
        storage.write_text(html, draw_page(found, title=model))
        console.print(f"page: {html}")
    if json is not None:
        import json as json_module

        told = json_module.dumps(found.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        storage.write_text(json, told + "\n")
