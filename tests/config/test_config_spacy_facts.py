"""What's recorded of spaCy is what spaCy says."""

import functools
import json
import os
import subprocess
import sys

import pytest
import spacy

from seqpipe import plugins
from seqpipe.config import PipelineFileError, check, check_by_record, read_text
from seqpipe.config import _spacy_facts as facts
from seqpipe.config._describe import expects
from seqpipe.config._spacy_facts import ImportedFacts, NotRecordedError, RecordedFacts


@functools.cache
def make_record():
    # In a test, so that it has what the fixtures of this folder register.
    return json.loads(json.dumps(facts._make_record("en")))


@pytest.fixture
def record():
    return make_record()


@pytest.fixture
def recorded(record, monkeypatch):
    """Let this be what's recorded of the environment."""
    monkeypatch.setattr("seqpipe.config._check.recorded_facts", lambda: RecordedFacts(record))


def described(settings):
    return {name: (expects(p.annotation), repr(p.default)) for name, p in settings.items()}


def test_functions_and_factories_take_the_same(record):
    live, read = ImportedFacts(), RecordedFacts(record)
    compared = 0
    for registry in ("readers", "optimizers", "batchers", "schedules", "loggers", "tokenizers"):
        assert read.names(registry) == live.names(registry)
        for name in live.names(registry):
            try:
                found = read.function(registry, name)
            except NotRecordedError:
                continue
            wanted = live.function(registry, name)
            assert described(found.settings) == described(wanted.settings)
            assert (found.is_open, found.is_variadic) == (wanted.is_open, wanted.is_variadic)
            compared += 1
    assert compared > 20
    for name in live.factories("en"):
        assert described(read.factory("en", name)[0].settings) == described(
            live.factory("en", name)[0].settings
        )
    assert {s: list(f) for s, f in read.schemas().items()} == {
        s: list(f) for s, f in live.schemas().items()
    }


def test_what_nobody_offers_is_known_to_be_missing(record):
    read = RecordedFacts(record)
    assert read.function("readers", "acme.Nothing.v1") is None
    assert read.factory("en", "nothing") is None
    with pytest.raises(NotRecordedError):
        read.factories("de")


FILES = [
    '[data]\n@readers = "seqpipe.Csv.v1"\npath = "a.csv"\n\n[head]\n'
    '@seqpipe_heads = "seqpipe.TextClassifier.v1"\n\n[training]\nmax_epochs = 3\n',
    '[data]\n@readers = "seqpipe.Csvv.v1"\npaht = "a.csv"\n\n[head]\n',
    '[data]\n@readers = "seqpipe.Csv.v1"\npaht = "a.csv"\n\n[haed]\nwidth = "x"\n',
    '[data]\n@readers = "seqpipe.Csv.v1"\npath = "a.csv"\n\n[encoder]\nwidht = 3\n\n[head]\n'
    '@seqpipe_heads = "seqpipe.TextClassifier.v1"\nexclusive = 3\n[training]\nmax_epoch = "3"\n',
    '[pipeline]\nlang = "enn"\n[data]\n@raeders = "seqpipe.Csv.v1"\n[head]\n@seqpipe_heads = 3\n',
    '[nlp]\nlang = "en"\npipeline = ["x"]\n[components]\n[components.x]\nfactory = "textcatt"\n',
]


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("text", FILES)
def test_errors_are_the_same_by_the_record_and_by_the_code(text):
    file = read_text(text)
    found = []
    for each in (check, check_by_record):
        try:
            each(file)
            found.append("good")
        except PipelineFileError as error:
            found.append(str(error))
    assert found[0] == found[1]


@pytest.mark.usefixtures("recorded")
def test_what_is_not_recorded_is_left_to_the_code():
    file = read_text(
        '[nlp]\nlang = "de"\npipeline = ["x"]\n[components]\n[components.x]\nfactory = "textcat"\n'
    )
    assert not check_by_record(file)


def test_registry_that_a_broken_package_keeps_from_being_listed_is_left_to_the_code(monkeypatch):
    list_all = type(spacy.registry.readers).get_all

    def refuse(self):
        if self.namespace[-1] == "readers":
            raise ImportError("No module named 'gone'")
        return list_all(self)

    monkeypatch.setattr(type(spacy.registry.readers), "get_all", refuse)
    read = RecordedFacts(json.loads(json.dumps(facts._make_record("en"))))
    with pytest.raises(NotRecordedError):
        read.function("readers", "seqpipe.Csv.v1")


@pytest.mark.parametrize("record", [None, [], {"registries": []}, {"registries": 3}], ids=repr)
def test_record_of_another_form_counts_for_nothing(record, monkeypatch):
    monkeypatch.setattr(plugins, "read_record", lambda *key: record)
    assert facts.recorded_facts() is None


def test_record_is_made_once_for_an_environment(record, monkeypatch):
    kept = {}
    monkeypatch.setattr(plugins, "read_record", lambda *key: kept.get(key))
    monkeypatch.setattr(
        plugins,
        "write_record",
        lambda *key_and_record: kept.update({key_and_record[:-1]: key_and_record[-1]}),
    )
    monkeypatch.setattr(facts, "_make_record", lambda lang: {**record, "factories": {lang: {}}})
    facts.record_facts("en")
    facts.record_facts("de")
    monkeypatch.setattr(facts, "_make_record", None)
    facts.record_facts("en")
    (made,) = kept.values()
    assert set(made["factories"]) == {"en", "de"}


def test_mistakes_are_answered_without_torch_and_spacy(tmp_path):
    """The second time: the first imports them, and records what they take."""
    file = tmp_path / "pipeline.cfg"
    file.write_text(FILES[2])
    code = (
        "import os, sys, atexit\n"
        "from seqpipe.cli import app\n"
        "atexit.register(lambda: print(sorted({'torch', 'spacy', 'thinc'} & set(sys.modules))))\n"
        f"app(['run', {str(file)!r}])\n"
    )
    environment = {**os.environ, "SEQPIPE_CACHE": str(tmp_path / "cache")}
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        for _ in range(2)
    ]
    assert found[0].stdout.endswith("['spacy', 'thinc', 'torch']\n")
    assert found[1].stdout.endswith("[]\n")
    assert found[0].stderr == found[1].stderr
    assert 'did you mean "path"?' in found[1].stderr
