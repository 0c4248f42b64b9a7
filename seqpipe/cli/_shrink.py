"""``seqpipe shrink``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from seqpipe.cli._reader import reader_of

_Dtype = Annotated[
    str | None,
    typer.Option(
        metavar="DTYPE",
        help="What vectors and weights are stored as: float16, int8 (with a scale for each row), or float32, which leaves them as "
        "they are. By default float16.",
        show_default=False,
    ),
]
_Quantize = Annotated[
    bool,
    typer.Option(
        "--quantize",
        help="Store tables of word vectors as codes of 256 centroids for each two dimensions (product quantisation).",
    ),
]
_Words = Annotated[
    int | None,
    typer.Option(
        "--vocabulary",
        min=1,
        metavar="N",
        help="Keep the N most frequent words, and the same share of the vectors of parts of words.",
        show_default=False,
    ),
]
_Subwords = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Keep N vectors of parts of words, those that most words use.",
        show_default=False,
    ),
]
_Size = Annotated[
    str | None,
    typer.Option(
        "--target-size",
        metavar="SIZE",
        help="Choose the settings by the size, such as 5MB: the gentlest whose model isn't larger.",
        show_default=False,
    ),
]
_Data = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Texts with truths, on which both models are scored; read as by seqpipe evaluate.",
        show_default=False,
    ),
]
_Part = Annotated[
    str | None,
    typer.Option(
        help="In the place of a file, a part of the data that the model was trained on: train, dev or test.",
        show_default=False,
    ),
]
_Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write all numbers as JSON.", show_default=False),
]


def shrink_command(
    model: Annotated[
        str,
        typer.Argument(
            help="A saved pipeline: a folder, or an installed package.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Argument(help="The new model's folder.", show_default=False)],
    dtype: _Dtype = None,
    quantize: _Quantize = False,
    vocabulary: _Words = None,
    subwords: _Subwords = None,
    target_size: _Size = None,
    data: _Data = None,
    part: _Part = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model that's there.")
    ] = False,
    json: _Json = None,
) -> None:
    """Make a smaller model of a saved pipeline: numbers of less precision, quantised tables, fewer words.

    The new model loads like any other. Its numbers are float32 again once it's loaded, so it's smaller on the disk, but no faster.

        MODEL=runs/reviews/model-best

        seqpipe shrink $MODEL small --part test

        seqpipe shrink $MODEL small --dtype int8 --vocabulary 20000 --data test.csv

        seqpipe shrink $MODEL small --target-size 5MB

    What's done, and what it costs, is explained in this file:

        docs/shrinking.md
    """
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli._shrink_output import print_shrunk
    from seqpipe.cli.plugins._screen import make_console, waiting

    chosen = {"dtype": dtype, "vocabulary": vocabulary, "subwords": subwords}
    given = {name: value for name, value in chosen.items() if value is not None}
    if quantize:
        given["quantize"] = True
    if target_size is not None and given:
        raise typer.BadParameter(
            "--target-size chooses the other settings: leave out either it or them"
        )
    if data is not None and part is not None:
        raise typer.BadParameter("--data and --part both say what is scored on: leave one out")
    _check_output(output, overwrite=overwrite)
    console = make_console(soft_wrap=False)
    with waiting(f"loading {model}…", console) as say, redirected_output():
        from seqpipe.inference import load_pipeline
        from seqpipe.kernels import computing_in
        from seqpipe.native import usable_threads
        from seqpipe.shrinking import check_shrinkable

        how = _how(given, target_size)
        nlp = load_pipeline(model)
        # Scoring may take long.
        check_shrinkable(nlp, output, how)
        score = _scorer(nlp, data, part, say)
        with computing_in(usable_threads()):
            # Before anything is written, as data that can't be read are an error.
            before = score(nlp)
            shrunk = _shrink(nlp, output, how, say)
            after = score(load_pipeline(str(output))) if before else {}
        scores = {"before": before, "after": after} if before else None
    print_shrunk(console, shrunk, scores)
    console.print(f"model: {output}", soft_wrap=True)
    if json is not None:
        from seqpipe import storage
        from seqpipe.run import to_json

        told = {"model": model, "output": str(output), **shrunk.to_json()}
        storage.write_text(json, to_json(told if scores is None else {**told, "scores": scores}))


def _check_output(output: Path, *, overwrite: bool) -> None:
    from seqpipe.errors import SavedModelError

    is_taken = output.is_dir() and any(output.iterdir())
    if is_taken and not overwrite:
        raise SavedModelError(f"{output} is there: choose another folder, or give --overwrite")


def _how(given: dict[str, Any], size: str | None) -> Any:
    """Return the settings, or the size in bytes that's asked for."""
    from seqpipe.shrinking import Settings, parse_size

    return Settings(**given) if size is None else parse_size(size)


def _shrink(nlp: Any, output: Path, how: Any, say: Any) -> Any:
    from seqpipe.shrinking import shrink, shrink_to_size

    if isinstance(how, int):
        return shrink_to_size(nlp, output, how, on_try=lambda tried: say(f"trying {tried}…"))
    say(f"shrinking: {how}…")
    return shrink(nlp, output, how)


def _scorer(nlp: Any, data: str | None, part: str | None, say: Any) -> Any:
    """Return what scores a pipeline: the figures of each head, by its name; none if nothing is to be scored on."""
    from seqpipe.run import evaluate_model

    if data is None and part is None:
        return lambda scored: {}
    chosen = part or "test"
    reader = None if data is None else reader_of(nlp, data, chosen)

    def score(scored: Any) -> dict[str, Any]:
        say("evaluating…")
        heads = evaluate_model(scored, reader, part=chosen).to_json()["heads"]
        return {name: head["figures"] for name, head in heads.items()}

    return score
