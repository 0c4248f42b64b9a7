"""``seqpipe benchmark``."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seqpipe.cli._options import Device, Precision

_Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE...]",
        help='Texts: files, folders or patterns of files, as seqpipe predict reads them; "-" for standard input. Without them, '
        "texts of 100 words are drawn from those that the model knows.",
        show_default=False,
    ),
]
_Against = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="Another saved pipeline, or any of spaCy's: both are measured in turn on the same texts.",
        show_default=False,
    ),
]
_Text = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="The column or key of the text; given several times, the texts are joined.",
        show_default=False,
    ),
]
_Pair = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="That of the second text, for a model that compares pairs.",
        show_default=False,
    ),
]
_Most = Annotated[int, typer.Option("--texts", min=1, help="So many texts of the files at most.")]
_Repeats = Annotated[int, typer.Option(min=2, help="How often everything is measured.")]
_Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="The number of threads. By default the cores, or OMP_NUM_THREADS.",
        show_default=False,
    ),
]
_Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write all numbers as JSON.", show_default=False),
]


def benchmark_command(
    model: Annotated[
        str,
        typer.Argument(
            help="A saved pipeline: a folder, or an installed package.", show_default=False
        ),
    ],
    files: _Files = None,
    against: _Against = None,
    text: _Text = None,
    pair: _Pair = None,
    texts: _Most = 1000,
    repeats: _Repeats = 10,
    threads: _Threads = None,
    device: Device = None,
    precision: Precision = None,
    json: _Json = None,
) -> None:
    """Measure how fast a saved pipeline predicts, and what it takes of memory and disk.

    Prints words per second with a 95 % interval, percentiles of the latency of 1 and of 32 texts, load time, peak memory and size.

        MODEL=runs/reviews/model-best

        seqpipe benchmark $MODEL reviews.csv

        seqpipe benchmark $MODEL reviews.csv --against small --threads 1

        seqpipe benchmark $MODEL --against en_core_web_sm

    How it's measured is explained in this file:

        docs/benchmarking.md
    """
    from seqpipe.cli._benchmark_output import print_benchmark
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.plugins._screen import make_console, waiting

    console = make_console(soft_wrap=False)
    computing: dict[str, Any] = {"threads": threads, "device": device, "precision": precision}
    with waiting(f"loading {model}…", console) as say, redirected_output():
        from seqpipe.benchmarking import benchmark

        found = benchmark(
            model,
            _records(model, files, texts, tuple(text or ()), pair) if files else None,
            against=against,
            text=tuple(text or ()),
            pair=pair,
            repeats=repeats,
            **computing,
            on_progress=lambda what, share: say(f"{what}… {share:.0%}" if share else f"{what}…"),
        )
    print_benchmark(console, found)
    if json is not None:
        from seqpipe import storage
        from seqpipe.run import to_json

        storage.write_text(json, to_json({**computing, **found.to_json()}))


def _records(
    model: str, files: list[str], most: int, text: tuple[str, ...], pair: str | None
) -> list[Any]:
    """Return the first records of files that can be read."""
    import itertools

    from seqpipe.inference import Predictor, Records, reading_of

    predictor = Predictor(model, text=text, pair=pair)
    with Records(files, reading_of(predictor, None, {}), sys.stdin.buffer) as records:
        good = (item.record for item in records if not item.problem)
        return list(itertools.islice(good, most))
