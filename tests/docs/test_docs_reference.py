"""The tables of the reference pages say what the code does."""

import dataclasses
import importlib.metadata
import inspect
import json

import pytest
from confection import Config
from docs.pages import DOCS, ROOT, section, shown, table, value
from spacy.language import DEFAULT_CONFIG, Language
from spacy.schemas import ConfigSchemaTraining

from seqpipe import adapters, config, hookspecs, plugins
from seqpipe.config._expand import DEFAULTS
from seqpipe.config._schema import (
    DATA_PARTS,
    DEFAULT_PARTS,
    HOST_SETTINGS,
    LANGUAGE_MODEL_SETTINGS,
    PIPELINE_SETTINGS,
)
from seqpipe.plugins import _host
from seqpipe.run import run
from seqpipe.training import OWN_SETTINGS, Training

REFERENCE = DOCS / "pipeline-file.md"
SMALLEST = """
[data]
@readers = "seqpipe.Jsonl.v1"
path = "texts.jsonl"

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"
"""

EMBEDDING = """
[data]
@readers = "seqpipe.Lines.v1"
path = "{path}"

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 2
"""


LANGUAGE_MODEL = """
[data]
@readers = "seqpipe.Lines.v1"
path = "{path}"

[language_model]
width = 2
epochs = 1
"""


def defaults(parameters, slot: str) -> dict[str, object]:
    """Return the defaults of parameters, as a table shows them."""
    found = {}
    for name, parameter in parameters.items():
        default = parameter.default
        part = DEFAULT_PARTS.get(f"{slot}.{name}", ("", ""))[1]
        if default is inspect.Parameter.empty or (part and default is None):
            default = part or "required"
        found[name] = list(default) if isinstance(default, tuple) else default
    return found


def parts() -> list[plugins.Part]:
    offered = plugins.host().load("seqpipe").parts
    return [part for kind in hookspecs.KINDS for part in offered[kind].values()]


def readers() -> list[importlib.metadata.EntryPoint]:
    found = importlib.metadata.entry_points(group="spacy_readers")
    ours = ("seqpipe.Corpus.v1", "seqpipe.Sequences.v1")  # what files expand to
    return [e for e in found if e.name.startswith("seqpipe.") and e.name not in ours]


@pytest.mark.parametrize("part", parts(), ids=lambda part: part.name)
def test_reference_lists_every_setting_of_a_part_with_its_default(part):
    expected = defaults(part.settings, slot=part.kind.removesuffix("s"))
    assert shown(REFERENCE, part.name, 1) == expected


@pytest.mark.parametrize("reader", readers(), ids=lambda entry: entry.name)
def test_reference_lists_every_setting_of_a_reader_with_its_default(reader):
    parameters = inspect.signature(reader.load()).parameters
    assert shown(REFERENCE, reader.name, 1) == defaults(parameters, slot="data")


def test_reference_lists_the_keys_of_the_host():
    assert shown(REFERENCE, "[pipeline]", 1) == {
        key: DEFAULTS["pipeline"][key] for key in PIPELINE_SETTINGS
    }
    data = shown(REFERENCE, "[data]", 1)
    assert data["split"] == DEFAULTS["data"]["split"]
    assert set(data) == {*HOST_SETTINGS["data"], *(f"[data.{part}]" for part in DATA_PARTS)}
    assert set(shown(REFERENCE, "[wide]", 1)) == set(HOST_SETTINGS["wide"])
    assert shown(REFERENCE, "[head]", 1) == dict.fromkeys(HOST_SETTINGS["head"])
    encoder = inspect.signature(adapters.make_encoder).parameters
    assert shown(REFERENCE, "[embedder]", 1) == {
        key: encoder[key].default for key in HOST_SETTINGS["embedder"]
    }


def test_reference_lists_the_settings_of_the_optimizer():
    expected = defaults(inspect.signature(adapters.make_adamw).parameters, slot="")
    assert shown(REFERENCE, "seqpipe.AdamW.v1", 1) == expected


def test_reference_lists_the_keys_of_training_that_are_not_spacys():
    fields = {field.name: field.default for field in dataclasses.fields(Training)}
    listed = shown(REFERENCE, "Adversarial training", 1)
    assert listed == {key: fields[key] for key in HOST_SETTINGS["training"]}
    assert set(listed) == set(OWN_SETTINGS)


def test_reference_names_the_default_part_of_each_slot():
    for slot, (registry, name) in DEFAULT_PARTS.items():
        below = section(REFERENCE, f"[{slot}]")
        assert f"`{registry}`" in below
        assert f"`{name}`" in below


def test_reference_says_what_training_is_set_to():
    file = config.read_text(SMALLEST)
    ours = config.expand(file.sections, file.makes, plugins.find_part)["training"]
    spacys = Config(DEFAULT_CONFIG)["training"]
    rows = table(REFERENCE, "[training]")
    assert set(rows) == set(ConfigSchemaTraining.model_fields)
    for key, (by_spacy, by_seqpipe, _) in rows.items():
        assert value(by_spacy) == _plain(spacys[key]), key
        assert value(by_seqpipe) == _plain(ours.get(key, spacys[key])), key


def _plain(setting):
    """Return a setting as the table shows it: a block by what it names."""
    if isinstance(setting, dict):
        return next((v for k, v in setting.items() if k.startswith("@")), setting)
    return setting


def test_spacy_page_lists_the_settings_of_the_architectures():
    page = DOCS / "spacy.md"
    for entry in importlib.metadata.entry_points(group="spacy_architectures"):
        if entry.name.startswith("seqpipe."):
            expected = defaults(inspect.signature(entry.load()).parameters, slot="")
            assert shown(page, entry.name, 1) == expected


def test_spacy_page_lists_the_settings_of_the_component_that_mixes():
    factory = Language.get_factory_meta("seqpipe_wide").default_config
    shown_there = shown(DOCS / "spacy.md", "seqpipe_wide", 1)
    assert shown_there == {"classifier": "required", **factory}


def test_reference_explains_every_key_of_the_report(trained):
    report = json.loads((trained / "report.json").read_text(encoding="utf-8"))
    explained = set(table(REFERENCE, "report.json"))
    assert explained == {*_keys(report, inner=("data", "dev", "test"))}


def test_reference_explains_every_key_of_the_report_of_an_embedding(tmp_path):
    (tmp_path / "texts.txt").write_text("some words and some words more\n" * 9, encoding="utf-8")
    file = tmp_path / "pipeline.cfg"
    file.write_text(EMBEDDING.format(path=tmp_path / "texts.txt"), encoding="utf-8")
    report = run(file, output=tmp_path / "out").report
    explained = set(table(REFERENCE, "The report of an embedding"))
    keys = set(_keys(report, inner=("data", "vectors")))
    assert keys - explained < set(table(REFERENCE, "report.json")) and explained <= keys


def test_reference_explains_every_key_of_the_report_of_a_language_model(tmp_path):
    texts = "".join(f"some words and {n} more\n" for n in range(40))
    (tmp_path / "texts.txt").write_text(texts, encoding="utf-8")
    file = tmp_path / "pipeline.cfg"
    file.write_text(LANGUAGE_MODEL.format(path=tmp_path / "texts.txt"), encoding="utf-8")
    report = run(file, output=tmp_path / "out").report
    explained = set(table(REFERENCE, "The report of a language model"))
    keys = set(_keys(report, inner=("data", "dev", "test")))
    assert keys - explained < set(table(REFERENCE, "report.json")) and explained <= keys


def test_reference_lists_the_keys_of_a_language_model():
    parameters = inspect.signature(adapters.make_language_model_pipe).parameters
    expected = {key: parameters[key].default for key in LANGUAGE_MODEL_SETTINGS}
    assert shown(REFERENCE, "[language_model]", 1) == expected


def _keys(report, *, inner):
    for key, of_key in report.items():
        yield from [f"{key}.{name}" for name in of_key] if key in inner else [key]


def test_reference_lists_what_the_output_folder_holds(trained):
    names = {path.name + "/" * path.is_dir() for path in trained.iterdir()}
    assert set(table(REFERENCE, "The output folder")) == names | {
        "model-unfinished/",
        "model-interrupted/",
    }


def test_models_page_lists_what_a_saved_model_holds(trained):
    model = trained / "model-best"
    files = {path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()}
    assert set(table(DOCS / "models.md", "What is in the folder")) == files


def test_plugins_page_explains_the_environment_variables():
    assert {*table(DOCS / "plugins.md", "Which plugins may be used")} == {
        _host.ALLOWED,
        _host.STRICT,
    }


@pytest.mark.parametrize(
    "file", sorted((ROOT / "pipelines").glob("*/pipeline.cfg")), ids=lambda file: file.parent.name
)
def test_recipes_explain_each_key_of_their_pipeline_file(file):
    readme = (file.parent / "README.md").read_text(encoding="utf-8")
    for name, keys in config.read(file).sections.items():
        assert _unexplained(name, keys, readme) == []


def _unexplained(name, keys, readme):
    """Return what a page leaves unsaid of a section and those inside of it."""
    # One that only holds others need not be named itself.
    holds = all(isinstance(each, dict) for each in keys.values())
    left = [] if holds or f"`[{name}]`" in readme else [f"[{name}]"]
    for key, each in keys.items():
        if isinstance(each, dict) and f"`[{name}.{key}]`" in readme:
            left += _unexplained(f"{name}.{key}", each, readme)
        elif not key.startswith("@") and f"`{key}`" not in readme:
            left.append(f"[{name}] {key}")
    return left
