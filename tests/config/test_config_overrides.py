import pytest

from seqpipe.config import PipelineFileError, check, read_text
from seqpipe.messages import COMMAND_LINE

BASE = '[a]\nx = 1\ny = ${a.x}\nm = {"p": 1}\n[a.b]\nz = "t"\n'


def sections(*words, text=BASE):
    return read_text(text, overrides=words).sections


def problem(*words, text=BASE):
    with pytest.raises(PipelineFileError) as caught:
        check(read_text(text, overrides=words))
    return caught.value.diagnostics[0]


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--a.x", "5"], 5),
        (["--a.x=5"], 5),
        (["--a.x", "-5"], -5),
        (["--a.x", "false"], False),
        (["--a.x"], True),
        (["--a.x", "--a.b.z", "1"], True),
        (["--a.x", "en"], "en"),
        (["--a.x=a=b"], "a=b"),
        (["--a.x", '{"k": [1]}'], {"k": [1]}),
        (["--a.x", ""], ""),
        (["--a.x", "1", "--a.x", "2"], 2),
        (["--a.x", "cost $5 $$"], "cost $5 $$"),
    ],
)
def test_an_override_is_json_or_a_text(words, value):
    assert sections(*words)["a"]["x"] == value


def test_references_follow_overrides():
    assert sections("--a.x", "7")["a"]["y"] == 7
    assert sections("--a.x", "${a.b.z}")["a"]["y"] == "t"


def test_an_override_reaches_into_a_mapping():
    assert sections("--a.m.p", "2", "--a.m.q", "3")["a"]["m"] == {"p": 2, "q": 3}


def test_an_override_adds_sections():
    assert sections("--c.d.e", "1")["c"] == {"d": {"e": 1}}


def test_an_override_replaces_a_section():
    assert sections("--a.b", "1")["a"]["b"] == 1


def test_settings_alone_mean_the_default_part():
    made = sections("--encoder.width", "128")["encoder"]
    assert made["width"] == 128
    assert made["@seqpipe_encoders"].startswith("seqpipe.")
    assert "@seqpipe_cells" in made["cell"]
    assert "@seqpipe_encoders" in sections("--encoder.cell.bias", "1")["encoder"]


def test_a_part_in_the_file_keeps_its_name():
    text = BASE + '[encoder]\n@seqpipe_encoders = "acme.Unroll.v1"\n'
    assert (
        sections("--encoder.width", "3", text=text)["encoder"]["@seqpipe_encoders"]
        == "acme.Unroll.v1"
    )


@pytest.mark.parametrize(
    ("words", "label"),
    [
        (["--epochs", "3"], "--training.max_epochs"),
        (["--max-steps", "3"], "--training.max_steps"),
        (["--lang", "de"], "--pipeline.lang"),
        (["--a", "1"], "--a.key"),
        (["a.x=1"], "--a.x=1"),
        (["-a.x", "1"], "--a.x"),
        (["--a.x", "1", "2"], "--section.key value"),
        (["--a..x", "1"], "--section.key value"),
        (["--a.x.k", "1"], "set --a.x itself"),
    ],
)
def test_a_word_that_overrides_nothing_is_reported_with_what_was_meant(words, label):
    found = problem(*words)
    assert label in found.label
    assert found.place.source == COMMAND_LINE


def test_a_faulty_override_is_shown_on_the_command_line(good):
    found = problem("--training.droput", "0.1", text=good)
    place = found.place
    assert (place.source, place.text) == (COMMAND_LINE, "--training.droput 0.1")
    assert place.text[place.column - 1 :][: place.length] == "droput"
    assert found.label == 'did you mean "dropout"?'


def test_a_faulty_value_is_shown_on_the_command_line(good):
    place = problem("--training.max_epochs=ten", text=good).place
    assert place.text[place.column - 1 :] == "ten"


def test_an_override_of_a_setting_that_the_file_lacks_is_accepted(good):
    check(read_text(good, overrides=["--training.patience", "3", "--embedder.names", '["a"]']))
    check(read_text(good, overrides=["--training.optimizer.learn_rate", "0.01"]))
