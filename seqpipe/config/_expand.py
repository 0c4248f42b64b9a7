"""Expands a pipeline file to a complete spaCy configuration. Nothing is read, built or trained here."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from confection import Config

from seqpipe.config._schema import DATA_PARTS, DEFAULT_PARTS, HOST_SETTINGS, SECTIONS
from seqpipe.plugins import Part

Section = dict[str, Any]
FindPart = Callable[[str, str], Part]

#: What stands for what a pipeline file leaves out.
DEFAULTS: Final[dict[str, Section]] = {
    "pipeline": {"lang": "en", "seed": 0},
    "data": {"split": {"train": 0.8, "dev": 0.1, "test": 0.1}},
    **{slot: {registry: name} for slot, (registry, name) in DEFAULT_PARTS.items()},
}

_TRAINING: Final[Section] = {
    "seed": "${system.seed}",
    "gpu_allocator": "${system.gpu_allocator}",
    "max_epochs": 10,
    "max_steps": 0,
    "patience": 0,
    "eval_frequency": 50,
    "optimizer": {"@optimizers": "seqpipe.AdamW.v1"},
    "batcher": {"@batchers": "spacy.batch_by_sequence.v1", "size": 32},
}


def expand(sections: Mapping[str, Any], find_part: FindPart) -> Section:
    """Return the complete spaCy configuration that a pipeline file stands for.

    A pure function of its arguments. Sections of spaCy's override the expansion; a file with
    nothing but these is its own expansion.

    Args:
        sections: The sections of the file, checked and interpolated.
        find_part: Finds a part by kind and name, for what it says of itself.

    Raises:
        PluginError: A part can't be had.
    """
    spacy_sections = {name: value for name, value in sections.items() if name not in SECTIONS}
    if len(spacy_sections) == len(sections):
        return dict(sections)
    ours = {name: _with_defaults(name, sections.get(name, {})) for name in SECTIONS}
    encoder = find_part("encoders", ours["encoder"]["@seqpipe_encoders"])
    if "cell" in encoder.settings:
        ours["encoder"].setdefault("cell", DEFAULTS["encoder.cell"])
    if "width" not in ours["encoder"]:
        ours["encoder"]["width"] = encoder.default_width()
    head = find_part("heads", ours["head"]["@seqpipe_heads"])
    component = head.component(_settings(ours["head"]))
    return dict(Config(_expansion(ours, component)).merge(Config(spacy_sections)))


def _with_defaults(name: str, given: Section) -> Section:
    chosen = any(key.startswith("@") for key in given)
    defaults = {k: v for k, v in DEFAULTS[name].items() if not (chosen and k.startswith("@"))}
    return {**defaults, **given}


def _expansion(ours: Mapping[str, Section], component: str) -> Section:
    data = _data(ours["data"])
    return {
        "system": {"seed": ours["pipeline"]["seed"], "gpu_allocator": None},
        "nlp": {
            "lang": ours["pipeline"]["lang"],
            "pipeline": ["tok2vec", component],
            "tokenizer": _tokenizer(ours["tokenizer"]),
            "vectors": {"@vectors": "seqpipe.Vectors.v1", "embedder": _part(ours, "embedder")},
        },
        "components": {
            "tok2vec": {"factory": "tok2vec", "model": _encoder(ours)},
            component: {"factory": component, "model": _classifier(ours)},
        },
        "corpora": {part: {**data, "part": part} for part in _parts_of(ours["data"])},
        "training": {**_TRAINING, **_score(component)},
        "initialize": {
            "before_init": {
                "@callbacks": "seqpipe.FitEmbedder.v1",
                "corpus": {**data, "part": "train"},
            }
        },
    }


def _parts_of(data: Section) -> list[str]:
    # A pipeline can be trained without a test part, but not without the others.
    there = {"train", "dev", *data["split"], *data}
    return [part for part in DATA_PARTS if part in there]


def _data(data: Section) -> Section:
    nested = {part: data[part] for part in DATA_PARTS if part in data}
    host = {*HOST_SETTINGS["data"], *DATA_PARTS}
    whole = {key: value for key, value in data.items() if key not in host}
    return {
        "@readers": "seqpipe.Corpus.v1",
        "split": data["split"],
        "seed": "${system.seed}",
        **({"data": whole} if whole else {}),
        **nested,
    }


def _tokenizer(tokenizer: Section) -> Section:
    if tokenizer["@seqpipe_tokenizers"] == "seqpipe.SpacyRules.v1" and "lang" not in tokenizer:
        # The rules of the pipeline's language are spaCy's own tokenizer: nothing to adapt.
        return {"@tokenizers": "spacy.Tokenizer.v1"}
    return {"@tokenizers": "seqpipe.Tokenizer.v1", "tokenizer": tokenizer}


def _encoder(ours: Mapping[str, Section]) -> Section:
    embedder = ours["embedder"]
    trained = {key: embedder[key] for key in HOST_SETTINGS["embedder"] if key in embedder}
    return {"@architectures": "seqpipe.Encoder.v1", "encoder": ours["encoder"], **trained}


def _classifier(ours: Mapping[str, Section]) -> Section:
    listener = {
        "@architectures": "spacy.Tok2VecListener.v1",
        "width": ours["encoder"]["width"],
        "upstream": "tok2vec",
    }
    return {"@architectures": "seqpipe.Classifier.v1", "tok2vec": listener, "head": ours["head"]}


def _score(component: str) -> Section:
    if component not in ("textcat", "textcat_multilabel"):
        return {}
    # For exclusive classes the micro-averaged F is the accuracy.
    return {"score_weights": {"cats_micro_f": 1.0, "cats_score": 0.0}}


def _part(ours: Mapping[str, Section], name: str) -> Section:
    host = HOST_SETTINGS.get(name, ())
    return {key: value for key, value in ours[name].items() if key not in host}


def _settings(section: Section) -> Section:
    return {key: value for key, value in section.items() if not key.startswith("@")}
