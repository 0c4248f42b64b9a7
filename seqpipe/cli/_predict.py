"""``seqpipe predict``."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from seqpipe.cli._options import Device, Precision, Threads, Threshold, Top, Vectors, Workers

_Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE...",
        help='Files, folders or patterns of files: JSON Lines, CSV, TSV, Parquet, or a text per line; "-" for standard input, '
        "which is the default.",
        show_default=False,
    ),
]
_Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        help="A file, whose ending says the format; or a folder, whose name ends in /, which gets a file for each part. By default standard output.",
        show_default=False,
    ),
]
_OutputFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="The output's format: jsonl, csv, tsv or parquet. By default what --output ends in, or the input's; jsonl for plain lines.",
        show_default=False,
    ),
]
_InputFormat = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT",
        help="The input's format: lines, jsonl, csv, tsv or parquet. By default what a file ends in, or how it begins.",
        show_default=False,
    ),
]
_Text = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="The column or key of the text; given several times, the texts are joined. By default that of the data "
        "that the model was trained on, or text.",
        show_default=False,
    ),
]
_Pair = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="That of the second text, for a model that compares pairs. By default likewise, or text2.",
        show_default=False,
    ),
]
_Id = Annotated[
    str,
    typer.Option(metavar="COLUMN", help="That of an id, which records that fail are named by."),
]
_Proba = Annotated[bool, typer.Option("--proba", help="Give the score of every label, too.")]
_Prefix = Annotated[
    str, typer.Option(help="What comes before the names of the columns that are added.")
]
_Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Share the work among the workers of a Dask cluster: tcp://HOST:8786, or local:4 for one of four workers here.",
        show_default=False,
    ),
]
_PartSize = Annotated[
    int, typer.Option(min=1, help="The output is written in parts of so many records.")
]
_Errors = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Where records that fail are written, with place and reason, as JSON Lines. By default OUTPUT.errors.jsonl, or "
        "standard error if there's no --output.",
        show_default=False,
    ),
]
_Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The files' encoding, as Python calls it. By default that of the model's data, or utf-8.",
        show_default=False,
    ),
]
_Delimiter = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER",
        help='What stands between cells of a table. By default "," in CSV, and a tab in TSV.',
        show_default=False,
    ),
]
_Quote = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER",
        help="What stands around cells; none if quotes are ordinary characters.",
        show_default=False,
    ),
]
_Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether a table's first row names its columns; otherwise they're called 1, 2 and so on. By default as in the "
        "model's data, or --header.",
        show_default=False,
    ),
]

#: What says that there are no quotes.
_NONE: Final = "none"


def predict_command(
    model: Annotated[
        str,
        typer.Argument(
            help="A saved pipeline: a folder, or an installed package.", show_default=False
        ),
    ],
    files: _Files = None,
    output: _Output = None,
    output_format: _OutputFormat = None,
    input_format: _InputFormat = None,
    text: _Text = None,
    pair: _Pair = None,
    id: _Id = "id",
    top: Top = None,
    proba: _Proba = False,
    threshold: Threshold = None,
    vectors: Vectors = False,
    prefix: _Prefix = "predicted_",
    workers: Workers = 1,
    cluster: _Cluster = None,
    threads: Threads = None,
    device: Device = None,
    precision: Precision = None,
    part_size: _PartSize = 10_000,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the parts of a run that was stopped.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an output that's there.")
    ] = False,
    errors: _Errors = None,
    encoding: _Encoding = None,
    delimiter: _Delimiter = None,
    quote: _Quote = None,
    header: _Header = None,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the columns that would be added, as JSON, and stop."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Add predictions of a saved pipeline to records.

    Labels, tags, entities, numbers or vectors, as the pipeline has learnt. Records keep their order and all their columns; predictions are added, such as predicted_label and
    predicted_score. A record that can't be used is left out and reported, and never stops the rest.

        MODEL=runs/reviews/model-best

        echo "A fine film." | seqpipe predict $MODEL

        seqpipe predict $MODEL reviews.csv --output predicted.csv --top 3

        seqpipe predict $MODEL "parts/*.parquet" --output predicted/ --workers 4

        tail -f texts.jsonl | seqpipe predict $MODEL --text body.text

    With --output the file is there whole or not at all: until then, its parts are in OUTPUT.parts, and
    --resume goes on with them. Everything is explained in this file:

        docs/predicting.md
    """
    from seqpipe.cli._predict_output import PredictScreen
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.plugins._screen import print_json, waiting

    settings = {
        "text": text or None,
        "pair": pair,
        "id": id,
        "top": top,
        "probabilities": proba,
        "threshold": threshold,
        "vectors": vectors,
        "prefix": prefix,
        "threads": threads,
        "device": device,
        "precision": precision,
    }
    with waiting(f"loading {model}…"), redirected_output():
        predictor = _load(model, settings, workers, cluster)
        fields = predictor.schema
    if schema:
        print_json(
            [{"name": prefix + f.name, "type": f.type, "meaning": f.meaning} for f in fields]
        )
        return
    told = {"encoding": encoding, "delimiter": delimiter, "quote": quote, "header": header}
    formats = _format(input_format, "--input-format"), _format(output_format, "--format")
    if cluster is not None and workers > 1:
        raise typer.BadParameter(
            "--workers and --cluster can't be combined: the cluster has its own workers"
        )
    engine = {"workers": workers, "cluster": cluster}
    with redirected_output() as stdout:
        records = _open(predictor, files or ["-"], formats[0], told)
        screen = PredictScreen(records, quiet=quiet, errors=errors, is_shown=output is not None)
        with screen:
            if output is None:
                _refuse(resume=resume, overwrite=overwrite)
                _to_stream(predictor, records, stdout, formats[1], engine, screen)
            else:
                options = {"part_size": part_size, "resume": resume, "overwrite": overwrite}
                _to_file(predictor, records, output, formats[1], engine, errors, screen, options)


def _load(model: str, settings: dict[str, Any], workers: int, cluster: str | None) -> Any:
    from seqpipe.inference import Predictor
    from seqpipe.native import usable_threads

    # Processes that share the cores don't wait for each other's.
    shared = 1 if cluster else max(1, usable_threads() // workers)
    settings["threads"] = settings["threads"] or shared
    return Predictor(model, **settings)


def _open(predictor: Any, files: list[str], format: Any, told: dict[str, Any]) -> Any:
    from seqpipe.inference import Records, reading_of

    given = {name: value for name, value in told.items() if value is not None}
    if given.get("quote") == _NONE:
        given["quote"] = None
    return Records(files, reading_of(predictor, format, given), sys.stdin.buffer)


def _format(name: str | None, option: str) -> Any:
    from seqpipe.inference import FORMATS

    if name is not None and name not in FORMATS:
        raise typer.BadParameter(f"{option} is {name!r}; it may be {', '.join(FORMATS)}")
    return name


def _refuse(*, resume: bool, overwrite: bool) -> None:
    if resume or overwrite:
        option = "--resume" if resume else "--overwrite"
        raise typer.BadParameter(f"{option} is about a file: name it by --output")


def _to_stream(
    predictor: Any, records: Any, stdout: Any, format: Any, engine: dict[str, Any], screen: Any
) -> None:
    from seqpipe.inference import predict_to_stream

    out = getattr(stdout, "buffer", stdout)
    predict_to_stream(
        predictor,
        records,
        out,
        format=format,
        **engine,
        on_done=screen.done,
        on_notice=screen.notice,
    )


def _to_file(
    predictor: Any,
    records: Any,
    output: str,
    format: Any,
    engine: dict[str, Any],
    errors: Path | None,
    screen: Any,
    options: dict[str, Any],
) -> None:
    from seqpipe.errors import InterruptedRun
    from seqpipe.inference import format_of, predict_to_file

    path = Path(output)
    is_folder = path.is_dir() or output.endswith(("/", os.sep))
    if format is None and not is_folder:
        format = format_of(output)
    try:
        failed = predict_to_file(
            predictor,
            records,
            path,
            is_folder=is_folder,
            format=format,
            **engine,
            errors=errors,
            on_done=screen.done,
            on_kept=screen.kept,
            on_notice=screen.notice,
            **options,
        )
    except KeyboardInterrupt:
        raise InterruptedRun(screen.stopped(path)) from None
    screen.finish(path, failed, resumed=options["resume"])
