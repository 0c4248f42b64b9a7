"""Mistakes in a pipeline file, and what seqpipe and spaCy say of each: the data and the generator of docs/errors.md.

``python tests/docs/mistakes.py`` writes the page.
"""

import contextlib
import io
import logging
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
FILE = """\
[pipeline]
lang = "en"
seed = 3

[data]
@readers = "seqpipe.Csv.v1"
path = "rows.csv"
text = "body"
label = "topic"
encoding = "utf-8"
split = {"train": 0.6, "dev": 0.2, "test": 0.2}

[embedder]
@seqpipe_embedders = "seqpipe.FastText.v1"
width = 24
epochs = 2
min_count = 1
loss = "negative-sampling"

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 48
dropout = 0.125

[encoder.cell]
@seqpipe_cells = "seqpipe.LSTM.v1"
forget_bias = 1.5

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"
pool = "mean"
dropout = 0.25

[training]
max_epochs = 7
patience = 99
eval_frequency = 5
dropout = 0.375

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.02
"""
ROWS = "topic,body\n" + "".join(
    f"sea,the wave {word} the tide\nwood,an owl {word} the oak\n" for word in "abcdefgh"
)


@dataclass(frozen=True)
class Mistake:
    """A line (or the end) of the file replaced, or an option given.

    Attributes:
        old: What's replaced in the file; "" for an option.
        new: What by; the words of the option.
        marked: What the caret has to stand under.
        suggests: What has to stand in the suggestion; "" where there's nothing to suggest.
        spacy: The option as spaCy has it in the expanded configuration.
    """

    old: str
    new: str
    marked: str
    suggests: str = ""
    spacy: str = ""

    @property
    def text(self) -> str:
        """The file with the mistake in it."""
        assert self.old in FILE, self.old
        return FILE.replace(self.old, self.new, 1) if self.old else FILE

    @property
    def options(self) -> list[str]:
        """The words of the command line."""
        return [] if self.old else self.new.split(" ", 1 if self.new.count("--") == 1 else -1)

    @property
    def shown(self) -> str:
        """The mistake as the page shows it."""
        return self.new.replace("\n", " ⏎ ")


#: What the expansion writes otherwise.
_EXPANDED = [
    ("[embedder]", "[nlp.vectors.embedder]"),
    ("[encoder.cell]", "[components.tok2vec.model.encoder.cell]"),
    ("[head]", "[components.textcat.model.head]"),
    ('"test": 0.2}', '"test":0.2}'),
]
_TOK2VEC = "components.tok2vec.model"
_HEAD = "components.textcat.model.head"
MISTAKES = [
    # Names
    Mistake("epochs = 2", "epoch = 2", "epoch", "epochs"),
    Mistake("width = 48", "widht = 48", "widht", "width"),
    Mistake("pool = ", "pol = ", "pol", "pool"),
    Mistake("forget_bias", "forgetbias", "forgetbias", "forget_bias"),
    Mistake("patience", "pacience", "pacience", "patience"),
    Mistake("learn_rate", "learning_rate", "learning_rate", "learn_rate"),
    Mistake("seed = 3", "sed = 3", "sed", "seed"),
    Mistake("encoding", "encodnig", "encodnig", "encoding"),
    Mistake("[training]", "[trainning]", "trainning", "training"),
    Mistake("[embedder]", "[embeder]", "embeder", "embedder"),
    Mistake("[encoder.cell]", "[encoder.cel]", "cel", "cell"),
    Mistake("seqpipe.LSTM.v1", "seqpipe.LTSM.v1", '"seqpipe.LTSM.v1"', "seqpipe.LSTM.v1"),
    Mistake("seqpipe.Csv.v1", "seqpipe.CSV.v1", '"seqpipe.CSV.v1"', "seqpipe.Csv.v1"),
    Mistake("seqpipe.AdamW.v1", "seqpipe.AdamW.v2", '"seqpipe.AdamW.v2"', "seqpipe.AdamW.v1"),
    Mistake("@seqpipe_cells", "@seqpipe_cell", "@seqpipe_cell", "@seqpipe_cells"),
    Mistake("@optimizers", "@optimisers", "@optimisers", "@optimizers"),
    Mistake('lang = "en"', 'lang = "eng"', '"eng"', "en"),
    Mistake("seqpipe.LSTM.v1", "acme.Cell.v1", '"acme.Cell.v1"'),
    Mistake("seqpipe.LSTM.v1", "seqpipe.Whitespace.v1", '"seqpipe.Whitespace.v1"'),
    Mistake("[head]", "[heads]", "heads", "head"),
    # Syntax
    Mistake('lang = "en"', "lang = en", "en", '"en"'),
    Mistake("width = 48", "width = 48 # wide", "# wide", "lines of their own"),
    Mistake("dropout = 0.125", "dropout = 0,125", "0,125", "0.125"),
    Mistake("seed = 3", "seed = None", "None", "null"),
    Mistake('pool = "mean"', 'pool = "mean', '"mean', 'add a "'),
    Mistake('pool = "mean"', "pool = 'mean'", "'mean'", '"mean"'),
    Mistake("[head]", "[head", "[head", "]"),
    Mistake("epochs = 2", "epochs 2", "epochs 2", "="),
    Mistake("width = 48", "width =", "width", "null"),
    Mistake('"test": 0.2}', '"test": 0.2', '{"train": 0.6, "dev": 0.2, "test": 0.2', "}"),
    Mistake("width = 48", "width = ${embeder.width}", "${embeder.width}", "${embedder.width}"),
    Mistake('"rows.csv"', '"$rows.csv"', "$", "$$"),
    Mistake("epochs = 2", "epochs = 2\nepochs = 3", "epochs"),
    # Types
    Mistake("width = 48", 'width = "48"', '"48"', "48"),
    Mistake("width = 24", "width = 24.5", "24.5"),
    Mistake("max_epochs = 7", 'max_epochs = "many"', '"many"'),
    Mistake("learn_rate = 0.02", 'learn_rate = "fast"', '"fast"'),
    Mistake('text = "body"', "text = {}", "{}"),
    Mistake('loss = "negative-sampling"', 'loss = "negative"', '"negative"', "negative-sampling"),
    Mistake('pool = "mean"', 'pool = "meen"', '"meen"', "mean"),
    # Values
    Mistake("width = 24", "width = 0", "0"),
    Mistake("epochs = 2", "epochs = 0", "0"),
    Mistake("dropout = 0.125", "dropout = 1.5", "1.5"),
    Mistake("dropout = 0.25", "dropout = -0.5", "-0.5"),
    Mistake("width = 48", "width = 47", "47", "even"),
    Mistake("width = 48", "width = 2000000", "2000000", "lower the sizes"),
    Mistake("width = 48", "width = 99999999999999999999", "99999999999999999999"),
    Mistake("eval_frequency = 5", "eval_frequency = 0", "0"),
    Mistake("max_epochs = 7\npatience = 99", "max_epochs = 0\npatience = 0", "0", "more than 0"),
    Mistake("learn_rate = 0.02", "learn_rate = -1", "-1"),
    Mistake("seed = 3", "seed = -1", "-1"),
    Mistake('"test": 0.2}', '"test": 0.9}', '{"train": 0.6, "dev": 0.2, "test": 0.9}'),
    # Data
    Mistake('"rows.csv"', '"row.csv"', '"row.csv"'),
    Mistake('text = "body"', 'text = "bodi"', '"bodi"', "body"),
    Mistake('encoding = "utf-8"', 'encoding = "utf-99"', '"utf-99"', "utf-8"),
    # The command line
    Mistake("", "--head.dropout 1.5", "1.5", spacy=f"--{_HEAD}.dropout 1.5"),
    Mistake(
        "",
        "--encoder.width 16 --encoder.dropout 1.5",
        "1.5",
        spacy=f"--{_TOK2VEC}.encoder.width 16 --{_TOK2VEC}.encoder.dropout 1.5",
    ),
    Mistake("", "--embedder.trained_width -1", "-1", spacy=f"--{_TOK2VEC}.trained_width -1"),
    Mistake("", "--encoder.widht 16", "widht", "width", spacy=f"--{_TOK2VEC}.encoder.widht 16"),
    Mistake(
        "",
        "--training.logger.@loggers spacy.MLflowLogger.v1 --training.logger.experiment_id x",
        "spacy.MLflowLogger.v1",
        "install",
        spacy="--training.logger.@loggers spacy.MLflowLogger.v1 --training.logger.experiment_id x",
    ),
]


@contextlib.contextmanager
def world():
    """Stand in a folder with the data, without MLflow."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(sys.modules, mlflow=None):
        os.chdir(folder)
        try:
            Path("rows.csv").write_text(ROWS, encoding="utf-8")
            yield
        finally:
            os.chdir(before)


def diagnostics(mistake):
    """Return what seqpipe says of a mistake, found before anything is fitted."""
    from spacy.language import Language

    from seqpipe.config import PipelineFileError
    from seqpipe.run import run

    def never(*arguments, **settings):
        raise AssertionError("something was fitted before the mistake was found")

    Path("pipeline.cfg").write_text(mistake.text, encoding="utf-8")
    kept, Language.initialize = Language.initialize, never
    try:
        run(Path("pipeline.cfg"), overrides=mistake.options, output=Path("out"))
    except PipelineFileError as error:
        return error.diagnostics
    finally:
        Language.initialize = kept
    return ()


def marked(place):
    """Return what the caret points at."""
    return place.text[place.column - 1 :][: place.length]


#: What differs between machines, releases and what's installed, and what the page has in its place.
_DIFFERING = [
    (r"/\S*/(?=[\w$])", "…/"),
    (r"[\d.,]+ [GT]B of memory", "N GB of memory"),
    (r"(?<=\bseqpipe )\d+\.\d+\S*", "N"),
    (r"(?<=; installed: ).*", "…"),
    (r"(?<=Available names: ).*", "…"),
    (r"(?<=\.cpp:)\d+", "N"),
]


def _cell(text):
    shown = " ".join(text.split())
    for differing, same in _DIFFERING:
        shown = re.sub(differing, same, shown)
    return (shown if len(shown) <= 240 else shown[:240] + "…").replace("|", "\\|")


def ours(mistake):
    """Return what seqpipe says, as the page shows it: place, message, suggestion."""
    (first, *_) = diagnostics(mistake)
    line = "option" if first.place.line is None else f"line {first.place.line}"
    label = f" → {_cell(first.label)}" if first.label else ""
    return f"{line}, `` {marked(first.place)} ``: {_cell(first.message)}{label}"


def theirs(mistake, compiled):
    """Return the last line of what spaCy says of the mistake in the expanded configuration."""
    from spacy.cli._util import parse_config_overrides
    from spacy.schemas import ConfigSchemaTraining
    from spacy.training.initialize import init_nlp
    from spacy.util import load_config, registry

    old, new = mistake.old, mistake.new
    for ours_, expanded in _EXPANDED:
        old, new = old.replace(ours_, expanded), new.replace(ours_[:-1], expanded[:-1])
    if old not in compiled:
        return "(the expansion has no such line)"
    Path("spacy.cfg").write_text(compiled.replace(old, new) if old else compiled, encoding="utf-8")
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            overrides = parse_config_overrides(mistake.spacy.split(" ") if mistake.spacy else [])
            config = load_config(Path("spacy.cfg"), overrides=overrides, interpolate=False)
            nlp = init_nlp(config, use_gpu=-1)
            registry.resolve(nlp.config.interpolate()["training"], schema=ConfigSchemaTraining)
    except BaseException as error:
        # Below what's wrong, confection shows the section.
        said = str(error).partition("\n{")[0]
        lines = [line for line in said.splitlines() if line.strip()] or [""]
        return f"{type(error).__name__}: {_cell(lines[-1])}"
    return "nothing; training begins"


def row(number, mistake, spacy):
    """Return a line of the page's table."""
    what = mistake.shown.replace("|", "\\|")
    return f"| {number} | `` {what} `` | {spacy} | {ours(mistake)} |"


def main():
    """Write the page."""
    from seqpipe.config import compile_file

    logging.disable()
    with world():
        Path("pipeline.cfg").write_text(FILE, encoding="utf-8")
        compiled = compile_file(Path("pipeline.cfg")).to_str(interpolate=False)
        rows = []
        for number, mistake in enumerate(MISTAKES, 1):
            rows.append(row(number, mistake, theirs(mistake, compiled)))
            print(rows[-1], file=sys.stderr, flush=True)
        PAGE.write_text(_page(rows), encoding="utf-8")


def _page(rows):
    return "\n".join(
        [
            "# Errors",
            "",
            "seqpipe reports every mistake in a pipeline file or on the command line with its place, before anything",
            f"is fitted. Here are {len(rows)} of them, made one at a time in the file below. Next to each message is the last",
            "line of what spaCy (with confection) says about the same mistake in the config that the file expands to.",
            "Below its message seqpipe often prints help, such as the reason or the valid choices, which the table",
            "leaves out. `python tests/docs/mistakes.py` generates this page, and a test compares seqpipe with it.",
            "",
            "| | mistake | spaCy: last line | seqpipe: place, message → suggestion |",
            "|---|---|---|---|",
            *rows,
            "",
            "## The file",
            "",
            "```text",
            FILE.rstrip(),
            "```",
            "",
        ]
    )


if __name__ == "__main__":
    main()
