"""``seqpipe package``."""

from pathlib import Path
from typing import Annotated

import typer

from seqpipe.cli._options import AsJson

_Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the wheel is written.")
]
_Name = Annotated[
    str | None,
    typer.Option(
        help="The pipeline's name, without its language. By default that of [pipeline].",
        show_default=False,
    ),
]
_Version = Annotated[
    str | None,
    typer.Option(
        "--version", help="Its version. By default that of [pipeline].", show_default=False
    ),
]
_License = Annotated[
    str | None,
    typer.Option(metavar="SPDX", help="The licence, such as MIT or CC-BY-4.0.", show_default=False),
]
_Description = Annotated[
    str | None, typer.Option(help="What it does, in one line.", show_default=False)
]
_Author = Annotated[str | None, typer.Option(help="Who made it.", show_default=False)]
_Use = Annotated[
    str,
    typer.Option(
        help="What it's for, and what it isn't for: a text for the card.", show_default=False
    ),
]


def package_command(
    model: Annotated[
        Path, typer.Argument(help="The folder of a saved pipeline.", show_default=False)
    ],
    output: _Output = Path("dist"),
    name: _Name = None,
    version: _Version = None,
    license: _License = None,
    description: _Description = None,
    author: _Author = None,
    intended_use: _Use = "",
    as_json: AsJson = False,
) -> None:
    """Make a wheel of a saved pipeline, to be installed by pip.

    It requires spaCy, seqpipe and the plugins that the pipeline uses, and has a model card written from
    the run's report: data, scores, versions, licence, intended use.

        seqpipe package runs/reviews/model-best --version 1.0.0 --license MIT

        pip install dist/en_reviews-1.0.0-py3-none-any.whl

        python -c 'import spacy; spacy.load("en_reviews")'
    """
    from seqpipe.cli.plugins._screen import make_console, print_json
    from seqpipe.packaging import Details, find_report, write_wheel
    from seqpipe.reporting import escaped

    details = Details(
        name=name,
        version=version,
        description=description,
        author=author,
        license=license,
        intended_use=intended_use,
    )
    wheel = write_wheel(model, output, details, find_report(model))
    installed = wheel.name.split("-")[0]
    if as_json:
        print_json({"wheel": str(wheel), "name": installed, "version": wheel.name.split("-")[1]})
        return
    console = make_console()
    console.print(f"package: {escaped(wheel)}")
    console.print(f'install: pip install {escaped(wheel)}   (nlp = spacy.load("{installed}"))')
    if not license:
        console.print("licence: not stated, unless the pipeline says it; --license MIT would")
