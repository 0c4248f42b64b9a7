"""``seqpipe data``."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

_Column = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="The column or key of the texts, by its name or its number from 1, if the guess is wrong.",
        show_default=False,
    ),
]
_Label = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="That of the labels, by its name or its number from 1.",
        show_default=False,
    ),
]
_Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The files' encoding, as Python calls it: cp1252, gb18030, shift_jis, … By default it's guessed.",
        show_default=False,
    ),
]
_Lines = Annotated[
    int,
    typer.Option(
        min=1,
        help="Look at so many lines of each file only, the first ones; of a pipeline file's data, at so many texts.",
    ),
]
_Mistakes = Annotated[
    bool,
    typer.Option(
        "--mistakes",
        help="Find labels that look like mistakes. This trains a linear model five times.",
    ),
]
_Json = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write everything as JSON, too. Of the files that are there already, only an earlier report is replaced.",
        show_default=False,
    ),
]

#: How a report begins, by which it's known from other files.
_BEGINNING: Final = '{\n  "command": "seqpipe data"'


def data_command(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="A data file; or those of train, dev and test; or a pipeline file, whose data is looked at.",
            show_default=False,
        ),
    ],
    text: _Column = None,
    label: _Label = None,
    encoding: _Encoding = None,
    lines: _Lines = 1_000_000,
    mistakes: _Mistakes = False,
    json: _Json = None,
) -> None:
    """Look at data before training on it, and print the [data] section that reads it.

    Finds out the format: tables, JSON Lines, texts with a label before them, columns of words and
    tags, CoNLL-U; also with .gz, .bz2 or .xz. Counts labels, measures lengths, and finds rows that can't be
    used, duplicates, and texts that are in two parts.

        seqpipe data reviews.csv

        seqpipe data train.csv dev.csv test.csv

        seqpipe data reviews.csv --mistakes --json reviews.json

        seqpipe data pipeline.cfg

    What's printed is explained in this file:

        docs/data.md
    """
    from seqpipe.cli._data_output import print_report
    from seqpipe.cli.plugins._screen import make_console, waiting

    if json is not None:
        _check_json(json, files)
    console = make_console(soft_wrap=False)
    with waiting("reading…", console):
        report = _examine(files, text, label, encoding, lines)
    print_report(console, report)
    if json is not None:
        _write_json(json, report)
    if mistakes:
        report = _judge(console, report)
        if json is not None:
            _write_json(json, report)


def _judge(console: Any, report: Any) -> Any:
    """Print labels that look like mistakes, and return the report with them."""
    from dataclasses import replace

    from seqpipe.cli._data_output import print_mistakes
    from seqpipe.cli.plugins._screen import waiting
    from seqpipe.data import judge_labels

    with waiting("judging labels…", console) as say:
        found = judge_labels(
            report, on_fold=lambda number: say(f"judging labels: model {number} of 5…")
        )
    print_mistakes(console, found)
    return replace(report, mistakes=found)


def _examine(
    files: list[str], text: str | None, label: str | None, encoding: str | None, most: int
) -> Any:
    from seqpipe.data import examine_files

    if not any(file.lower().endswith(".cfg") for file in files):
        return examine_files(files, most=most, text=text, label=label, encoding=encoding)
    if len(files) > 1:
        raise typer.BadParameter("a pipeline file is looked at alone: name it, or data files")
    if text or label or encoding:
        raise typer.BadParameter(
            "--text, --label and --encoding are for data files: a pipeline file says how its data is read"
        )
    return _examine_pipeline_file(Path(files[0]), most)


def _examine_pipeline_file(file: Path, most: int) -> Any:
    from seqpipe.cli._recorded import read_checked
    from seqpipe.config import read
    from seqpipe.data import examine_section
    from seqpipe.errors import ConfigError

    sections = read(file).sections
    if not isinstance(sections.get("data"), dict):
        raise ConfigError(f"{file} has no section [data]")
    try:
        return examine_section(sections["data"], most=most)
    except ConfigError:
        # A mistake in [data] is best reported with its place, if the rest of the pipeline is there to be checked too.
        if len(sections) > 1:
            read_checked(file, [])
        raise


def _check_json(file: Path, inputs: list[str]) -> None:
    """Check that nothing is lost if a report is written to a file.

    Raises:
        DataError: It's one of the inputs, or another file than a report.
    """
    from seqpipe.errors import DataError
    from seqpipe.parts.readers import locate_file

    try:
        if not file.is_file() or not file.stat().st_size:
            return
        if any(file.samefile(locate_file(path)) for path in inputs):
            raise DataError(f"{file} is one of the files to look at: name another file for --json")
        with file.open(encoding="utf-8", errors="replace") as stream:
            beginning = stream.read(len(_BEGINNING))
    except OSError as error:
        raise DataError(f"{file} can't be written: {error.strerror}") from error
    if beginning != _BEGINNING:
        raise DataError(
            f"{file} is there already, and is no report of this command: name another file for --json"
        )


def _write_json(file: Path, report: Any) -> None:
    import json

    from seqpipe.data import report_to_json
    from seqpipe.errors import DataError

    told = {"command": "seqpipe data", **report_to_json(report)}
    text = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        file.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise DataError(f"{file} can't be written: {error.strerror}") from error
