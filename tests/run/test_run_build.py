"""What can't be built shows before any data is read."""

import contextlib
import math
import sys

import catalogue
import pytest
import spacy
import torch
from confection import Config

from seqpipe.adapters import TorchShim
from seqpipe.config import PipelineFileError, compile_file, read, read_text
from seqpipe.errors import ConfigError, DataError
from seqpipe.run import run
from seqpipe.run._build import build, check_initial_files, placed, placed_at_work

FILE = """
[data]
@readers = "seqpipe.Folders.v1"
path = "there/is/nothing"

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"
dropout = 1.5
"""


def test_impossible_setting_of_a_part_is_told_with_its_section_before_data_is_read(tmp_path):
    file = tmp_path / "pipeline.cfg"
    file.write_text(FILE)
    with pytest.raises(PipelineFileError, match=r"\[head\].*`dropout` is 1\.5"):
        run(file, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


TRAINED = """
[data]
@readers = "seqpipe.Csv.v1"
path = "{path}"

[embedder]
@seqpipe_embedders = "seqpipe.FastText.v1"
width = 8

[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 16

[encoder.cell]
@seqpipe_cells = "seqpipe.LSTM.v1"

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[training]
max_epochs = 1

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.1
"""


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Return a function from options to the one problem that a run has with them, before anything is fitted."""
    rows = "".join(f"a,good {word}\nb,bad {word}\n" for word in "abcdefgh")
    (tmp_path / "rows.csv").write_text("label,text\n" + rows)
    file = tmp_path / "pipeline.cfg"
    file.write_text(TRAINED.format(path=tmp_path / "rows.csv"))
    monkeypatch.setattr("spacy.language.Language.initialize", None)

    def find(*options, error=PipelineFileError):
        with pytest.raises(error) as caught:
            run(file, overrides=options, output=tmp_path / "out")
        (found,) = caught.value.diagnostics
        return found

    return find


@pytest.mark.parametrize(
    "option",
    [
        *("--head.dropout 1.5", "--embedder.trained_width -1", "--embedder.trained_rows 0"),
        *("--embedder.epochs 0", "--training.max_epochs 0", "--training.eval_frequency 0"),
        *("--training.optimizer.learn_rate -1", "--encoder.width 1000000", "--data.label 0"),
        *("--encoder.width 99999999999999999999", "--encoder.width 4611686018427387904"),
        *("--training.train_corpus corpora.nothing", "--initialize.vectors no/such/vectors"),
        *("--embedder.trained_width 50000000", "--data.encoding utf-99"),
    ],
)
def test_value_that_is_refused_is_shown_on_the_command_line_before_anything_is_fitted(
    refused, option
):
    name, value = option.split()
    # Another option that's good, of the same section, isn't what the caret stands under.
    other = {"--encoder.width": "--encoder.depth 1"}.get(name, "--encoder.width 16").split()
    place = refused(*other, name, value).place
    assert place.text == option
    assert place.text[place.column - 1 :][: place.length] == value


def test_weights_that_need_more_memory_than_there_is_are_refused_with_the_figure(refused):
    assert "GB of memory" in refused("--encoder.width", "1000000").message


@pytest.mark.parametrize("option", ["--data.path nothing.csv", "--data.text txt"])
def test_refusal_of_a_reader_is_shown_at_its_setting_and_stays_an_error_of_data(refused, option):
    assert refused(*option.split(), error=DataError).place.text == option


def test_error_of_somebody_elses_constructor_is_shown_at_the_part(refused):
    found = refused("--encoder.cell.forget_bias", "1e308")
    assert found.message.startswith("[encoder.cell] (seqpipe.LSTM.v1): RuntimeError")
    assert found.place.text == '@seqpipe_cells = "seqpipe.LSTM.v1"'


def test_logger_that_is_not_installed_is_shown_at_its_name(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    logger = ["--training.logger.@loggers", "spacy.MLflowLogger.v1"]
    found = refused(*logger, "--training.logger.experiment_id", "x")
    assert found.place.text == " ".join(logger)


def test_large_module_is_measured_without_being_made(monkeypatch):
    made = []

    def build(input_width, width=10**5):
        layer = torch.nn.Linear(input_width, width, device=None)
        made.append(layer.weight.device.type)
        return torch.nn.Sequential(layer, torch.nn.Linear(width, width, device="meta"))

    monkeypatch.setattr("seqpipe.adapters._shim.memory_size", lambda: 10**9)
    with pytest.raises(ConfigError, match=r"40\.0 GB.*1\.0 GB") as caught:
        TorchShim(build, sample_sizes=(1,)).try_build()
    assert (made, caught.value.setting) == (["meta"], "width")


@pytest.fixture
def made(monkeypatch):
    """Return a list of what some functions in spaCy's registries were called for."""
    calls = []

    def note(*, name: str, problem: str = "", memory: bool = False):
        calls.append(name)
        if memory:
            raise MemoryError(problem)
        if problem:
            raise LookupError(problem)

    def note_callback(*, name: str, problem: str = ""):
        note(name=name, problem=problem)
        return lambda nlp: nlp

    spacy.registry.misc.register("note.v1", func=note)
    spacy.registry.callbacks.register("note_callback.v1", func=note_callback)
    spacy.registry.misc.register("fsum.v1", func=math.fsum)
    yield calls
    for kind, name in (("misc", "note"), ("callbacks", "note_callback"), ("misc", "fsum")):
        catalogue._remove(("spacy", kind, f"{name}.v1"))


def initial(text, tmp_path):
    """Return a pipeline and its file, with a section [initialize] of its own."""
    (tmp_path / "pipeline.cfg").write_text(TRAINED.format(path="rows.csv") + text)
    file = read(tmp_path / "pipeline.cfg")
    return build(compile_file(file.path), file), file


@pytest.mark.parametrize("key", ["vectors", "vocab_data", "init_tok2vec"])
def test_initial_file_may_have_a_dollar_in_its_path(tmp_path, key):
    text = f'[initialize]\n{key} = "{tmp_path}/$$x"\n'
    nlp, file = initial(text, tmp_path)
    with pytest.raises(PipelineFileError, match=r"/\$x isn't there; looked for") as caught:
        check_initial_files(nlp, file)
    assert caught.value.diagnostics[0].place.text.startswith(key)
    (tmp_path / "$x").touch()
    check_initial_files(nlp, file)


CALLBACKS = """
[initialize.before_init]
@callbacks = "note_callback.v1"
name = "before"

[initialize.after_init]
@callbacks = "note_callback.v1"
name = "after"
{}
"""


@pytest.mark.parametrize("problem", ["", 'problem = "it failed"'])
def test_what_is_made_for_the_initialisation_is_made_once(made, tmp_path, problem):
    nlp, file = initial(CALLBACKS.format(problem), tmp_path)
    check_initial_files(nlp, file)
    assert made == []
    nlp.remove_pipe("textcat")
    nlp.remove_pipe("tok2vec")
    nlp.vocab.vectors = spacy.vectors.Vectors()
    with contextlib.ExitStack() as stack:
        if problem:
            says = r"\[initialize\.after_init\] \(note_callback\.v1\): LookupError: it failed"
            stack.enter_context(pytest.raises(PipelineFileError, match=says))
        stack.enter_context(placed_at_work(file, nlp.config, "components"))
        nlp.initialize()
    once = ["before", "after"]
    # Where two blocks name the function that failed, they're tried up to the one that does.
    assert made == (once * 2 if problem else once)


def blocks(**settings):
    """Return a configuration with three blocks, the second of which has these settings."""
    block = {"@misc": "note.v1"}
    return {
        "mine": {
            "large": {"@callbacks": "note_callback.v1", "name": "large"},
            "bad": {**block, "name": "bad", **settings},
            "last": {"@callbacks": "note_callback.v1", "name": "last"},
        }
    }


@pytest.mark.parametrize("memory", [True, False])
def test_block_that_fails_is_found_without_making_another_again(made, tmp_path, memory):
    config = Config(blocks(problem="it failed", memory=memory))
    _, file = initial("", tmp_path)
    with pytest.raises(PipelineFileError, match="it failed"), placed(file, config, "mine"):
        spacy.registry.resolve(config)
    assert made == ["large", "bad"]


def test_block_whose_function_is_compiled_is_found_by_making_blocks_again(made):
    text = """
[mine.large]
@misc = "note.v1"
name = "large"

[mine.bad]
@misc = "fsum.v1"
seq = ["x"]

[mine.last]
@misc = "note.v1"
name = "last"
"""
    file = read_text(text)
    with (
        pytest.raises(PipelineFileError, match=r"\[mine\.bad\] \(fsum\.v1\): TypeError"),
        placed(file, Config(file.sections), "mine"),
    ):
        spacy.registry.resolve(file.sections)
    assert made == ["large", "large"]
