"""``seqpipe export``."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from seqpipe.cli._options import AsJson

_Format = Annotated[Literal["onnx"], typer.Option(help="The format of the model.")]


def export_command(
    model: Annotated[
        str,
        typer.Argument(
            help="A saved pipeline: a folder, or an installed package.", show_default=False
        ),
    ],
    folder: Annotated[Path, typer.Argument(help="Where it's written.", show_default=False)],
    format: _Format = "onnx",
    as_json: AsJson = False,
) -> None:
    """Export a pipeline for programs without torch and spaCy.

    The folder has a model of ONNX, the vectors of words, and a reader of one file, which needs numpy and onnxruntime.

        seqpipe export runs/reviews/model-best exported

        python exported/reader.py < texts.txt

    What can be exported is explained in this file:

        docs/onnx.md
    """
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.plugins._screen import make_console, print_json, waiting
    from seqpipe.reporting import escaped

    console = make_console(quiet=as_json)
    with waiting(f"loading {model}…", console) as say, redirected_output():
        from seqpipe.export import export_pipeline
        from seqpipe.inference import load_pipeline
        from seqpipe.kernels import computing_in
        from seqpipe.native import usable_threads

        nlp = load_pipeline(model)
        say(f"exporting to {format}…")
        with computing_in(usable_threads()):
            export_pipeline(nlp, folder)
    size = sum(file.stat().st_size for file in folder.iterdir())
    settings = json.loads((folder / "pipeline.json").read_text(encoding="utf-8"))
    takes_words = settings["tokenizer"]["kind"] == "words"
    if as_json:
        told = {"folder": str(folder), "format": format, "bytes": size}
        print_json({**told, "input": "words" if takes_words else "texts"})
        return
    console.print(f"exported: {escaped(folder)} ({size / 1e6:,.1f} MB)")
    lines = "words.jsonl   (on each line a list of words)" if takes_words else "texts.txt"
    console.print(f"use: python {escaped(folder / 'reader.py')} < {lines}")
