"""Expands a pipeline file to a complete spaCy configuration, depending on what the file makes.

Nothing is read, built or trained here.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from seqpipe.config._schema import (
    DATA_PARTS,
    DEFAULT_PARTS,
    HOST_SETTINGS,
    OWN_TOKENIZERS,
    SECTIONS,
    TEXT_CATEGORIZERS,
    Makes,
)
from seqpipe.config._types import is_block
from seqpipe.plugins import Part

#: What the component and the corpora have for a task: one block, so that changing it changes it for all. The block isn't
#: the component's own, as a component may be renamed or removed, and then the saved pipeline couldn't be loaded.
TASK: Final = "${variables.task}"
#: The dev part, likewise.
DEV: Final = "${corpora.dev}"


def embedders_in(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the embedders of [embedder] by name, if there are several: [embedder.a], [embedder.b]."""
    if any(key.startswith("@") for key in section):
        return {}
    return {name: block for name, block in section.items() if is_block(block)}


Section = dict[str, Any]

_COMPONENT: Final = "classifier"
_WIDE: Final = "wide"
_DECISION: Final = "decision"


def classifier_sections(classifier: Section, corpora: Mapping[str, Section]) -> Section:
    """Return spaCy's sections for a classifier: a component with a complete model, trained when it's initialised.

    Args:
        classifier: The section of the file, with its defaults.
        corpora: The parts of the data. The dev part, if there's one, is passed to the classifier.
    """
    sections: Section = {
        "nlp": {"pipeline": [_COMPONENT]},
        "components": {_COMPONENT: {"factory": "seqpipe_classifier", "classifier": classifier}},
        "corpora": dict(corpora),
        # There's nothing to update: so `spacy train` comes to an end after one evaluation.
        "training": {"max_epochs": 0, "max_steps": 1, "eval_frequency": 1},
        "initialize": {},
    }
    if "dev" in corpora:
        sections["initialize"] = {"components": {_COMPONENT: {"dev": corpora["dev"]}}}
    return sections


FindPart = Callable[[str, str], Part]


def _default(section: str) -> Section:
    registry, name = DEFAULT_PARTS[section]
    return {registry: name}


#: The defaults for what a pipeline file leaves out.
DEFAULTS: Final[dict[str, Section]] = {
    "pipeline": {"lang": "en", "seed": 0, "name": None, "version": "0.0.0"},
    "data": {"split": {"train": 0.8, "dev": 0.1, "test": 0.1}},
    **{slot: {registry: name} for slot, (registry, name) in DEFAULT_PARTS.items()},
}

#: What stands for an embedder or an encoder of a trained pipeline that a file leaves out; docs/defaults.md says why.
LEFT_OUT: Final[dict[str, Section]] = {
    "embedder": {
        **_default("embedder"),
        "epochs": "auto",
        "min_count": "auto",
        "subsample": "auto",
        "learning_rate": 0.1,
        "lower": True,
        "standardize": True,
    },
    "encoder": {
        **_default("encoder"),
        "window": 128,
        "residual": True,
        "dropout": 0.3,
        "word_dropout": 0.1,
    },
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


#: The mix of head and classifier is tuned before a model is saved.
_TUNING: Final[Section] = {"before_to_disk": {"@callbacks": "seqpipe.TuneMix.v1", "corpus": DEV}}


def expand(
    sections: Mapping[str, Any],
    makes: Makes | None,
    find_part: FindPart,
    written: Collection[str] | None = None,
) -> Section:
    """Return the complete spaCy configuration that a pipeline file expands to.

    A pure function of its arguments. Sections of spaCy's override the expansion; a file with
    only these is its own expansion.

    Args:
        sections: The sections of the file, checked and interpolated.
        makes: What the file makes; None for a spaCy config.
        find_part: Finds a part by kind and name, for its description.
        written: The sections whose part the file itself names; others, and options on the command line, change what's
            left out rather than replace it. By default all.

    Raises:
        PluginError: A part can't be loaded.
    """
    written = sections if written is None else written
    if makes is None:
        return dict(sections)
    if makes is Makes.HEAD:
        expansion = _trained(sections, find_part, written)
    elif makes is Makes.CLASSIFIER:
        expansion = _classified(sections)
    else:
        expansion = _embedding(sections, find_part)
    spacy_sections = {name: value for name, value in sections.items() if name not in SECTIONS}
    # Importing it takes a quarter of a second, and help and errors don't need it.
    from confection import Config

    return dict(Config(expansion).merge(Config(spacy_sections)))


def _trained(sections: Mapping[str, Any], find_part: FindPart, written: Collection[str]) -> Section:
    """Expand a file whose pipeline is trained: an encoder on top of the vectors, and a head on top of that."""
    names = (name for name in SECTIONS if name not in ("task", _WIDE, _DECISION))
    ours = {name: _with_defaults(name, _given(sections, name, written)) for name in names}
    class_weights = ours["head"].pop("class_weights", None)
    encoder = find_part("encoders", ours["encoder"]["@seqpipe_encoders"])
    if "cell" in encoder.settings:
        cell = ours["encoder"].get("cell", {})
        if isinstance(cell, Mapping):
            ours["encoder"]["cell"] = {**DEFAULTS["encoder.cell"], **cell}
    if "width" not in ours["encoder"]:
        ours["encoder"]["width"] = encoder.default_width()
    task = _task(sections.get("task"), ours["head"], find_part)
    name, component, weights = _component(ours, task, find_part)
    if is_weighted := class_weights is not None and task is None:
        component["model"]["class_weights"] = class_weights
    wide = _wide(sections, name, find_part, written)
    beside = {_WIDE: wide} if wide else {}
    if name in TEXT_CATEGORIZERS:
        beside |= _decision(sections, is_exclusive=name == TEXT_CATEGORIZERS[0])
    is_tuned = _DECISION in beside or (wide is not None and "weight" not in wide)
    tuning = _TUNING if is_tuned and "before_to_disk" not in sections.get("training", {}) else {}
    shared: Section = {"task": TASK} if task else {}
    data = _data(ours["data"], "seqpipe.Corpus.v1", **shared)
    return {
        **({"variables": {"task": task}} if task else {}),
        **_system(ours),
        "nlp": {**_nlp(sections, ours), "pipeline": ["tok2vec", name, *beside]},
        "components": {
            "tok2vec": {"factory": "tok2vec", "model": _encoder(ours)},
            name: component,
            **beside,
        },
        "corpora": {part: {**data, "part": part} for part in _parts_of(ours["data"])},
        "training": {**_TRAINING, **weights, **tuning},
        "initialize": _initialize(data, is_weighted=is_weighted),
    }


def _given(sections: Mapping[str, Any], name: str, written: Collection[str]) -> Section:
    """Return a section as the file has it, or what stands for one that it leaves out."""
    left_out = {} if name in written else LEFT_OUT.get(name, {})
    given = sections.get(name, {})
    registry = DEFAULT_PARTS.get(name, ("", ""))[0]
    # Options may name another part, which has other settings.
    another = embedders_in(given) or given.get(registry) not in (None, left_out.get(registry))
    return dict(given) if another else {**left_out, **given}


def _task(given: Section | None, head: Section, find_part: FindPart) -> Section | None:
    """Return the block of what the head learns; None for text classification, which spaCy's own components do."""
    named = find_part("heads", head["@seqpipe_heads"]).task(_settings(head))
    task = {"@seqpipe_tasks": named, **(given or {})}
    return None if task["@seqpipe_tasks"] == DEFAULT_PARTS["task"][1] else task


def _component(
    ours: Mapping[str, Section], task: Section | None, find_part: FindPart
) -> tuple[str, Section, Section]:
    """Return the name and the section of the head's component, and the weights of its scores."""
    if task is not None:
        component = {
            "factory": "seqpipe_task",
            "task": TASK,
            "model": _head(ours, "seqpipe.Head.v1"),
        }
        return "task", component, {"score_weights": {"task_score": 1.0}}
    head = find_part("heads", ours["head"]["@seqpipe_heads"])
    name = head.component(_settings(ours["head"]))
    return name, {"factory": name, "model": _head(ours, "seqpipe.Classifier.v1")}, _score(name)


def _wide(
    sections: Mapping[str, Any], component: str, find_part: FindPart, written: Collection[str]
) -> Section | None:
    """Return the section of the classifier beside the head; None for none.

    By default there's one if the file names neither embedder nor encoder, and the head puts texts into classes.
    """
    given = sections.get("wide")
    training = sections.get("training", {})
    # A part of a stream isn't enough to fit on, and a callback of the file's own would leave the mix untuned.
    is_unfit = training.get("max_epochs", 0) == -1 or "before_to_disk" in training
    if given is None and (is_unfit or "embedder" in written or "encoder" in written):
        return None
    if component not in TEXT_CATEGORIZERS:
        return None
    section = _with_defaults(_WIDE, given or {})
    weight = section.pop("weight", None)
    if weight == 0:
        return None
    part = find_part("classifiers", section["@seqpipe_classifiers"])
    if "exclusive" in part.settings:
        section.setdefault("exclusive", component == "textcat")
    mix = {} if weight is None else {"weight": weight}
    head = sections.get("components", {}).get(component, {})
    if "threshold" in head:
        mix["threshold"] = head["threshold"]
    return {"factory": "seqpipe_wide", "classifier": section, **mix}


def _decision(sections: Mapping[str, Any], *, is_exclusive: bool) -> Section:
    """Return the component that decides on labels, by its name; empty if the file asks for none."""
    if _DECISION not in sections:
        return {}
    settings = {"exclusive": is_exclusive, **sections[_DECISION]}
    return {_DECISION: {"factory": "seqpipe_decision", **settings}}


def _embedding(sections: Mapping[str, Any], find_part: FindPart) -> Section:
    """Expand a file that makes an embedding: a pipeline with vectors and nothing to train."""
    names = ("pipeline", "tokenizer", "embedder")
    ours = {name: _with_defaults(name, sections.get(name, {})) for name in names}
    given = sections.get("data", {})
    ours["data"] = {"split": {"train": 1.0}, **given}
    data = _data(ours["data"], "seqpipe.Sequences.v1")
    parts = {"train": None, **ours["data"]["split"], **ours["data"]}
    corpora = {part: {**data, "part": part} for part in DATA_PARTS if part in parts}
    components = {}
    if _embeds_documents(ours["embedder"], find_part):
        components["document_vectors"] = {"factory": "seqpipe_document_vectors"}
    return {
        **_system(ours),
        "nlp": {**_nlp(sections, ours), "pipeline": list(components)},
        "components": components,
        # `spacy train` evaluates on something, even where there's nothing to update.
        "corpora": {"dev": {**data, "part": "train", "limit": 100}, **corpora},
        "training": {
            **{key: _TRAINING[key] for key in ("seed", "gpu_allocator")},
            # With -1 spaCy streams the examples, and needn't hold all in memory.
            **{"max_epochs": -1, "max_steps": 1, "eval_frequency": 1},
        },
        "initialize": _initialize(data),
    }


def _classified(sections: Mapping[str, Any]) -> Section:
    """Expand a file whose complete model, from words to labels, is one part."""
    names = ("pipeline", "data", "tokenizer", "classifier")
    ours = {name: _with_defaults(name, sections.get(name, {})) for name in names}
    data = _data(ours["data"], "seqpipe.Corpus.v1")
    there = {"train", *_named_parts(ours["data"])}
    corpora = {part: {**data, "part": part} for part in DATA_PARTS if part in there}
    model = classifier_sections(ours["classifier"], corpora)
    # As all classifiers have it.
    is_exclusive = ours["classifier"].get("exclusive", True)
    beside = _decision(sections, is_exclusive=is_exclusive)
    tuning = _TUNING if beside and "dev" in corpora else {}
    return {
        **_system(ours),
        **model,
        "nlp": {
            "pipeline": [*model["nlp"]["pipeline"], *beside],
            "lang": ours["pipeline"]["lang"],
            "tokenizer": _tokenizer(sections, ours),
        },
        "components": {**model["components"], **beside},
        "training": {**_TRAINING, **model["training"], **_score("textcat"), **tuning},
    }


def _embeds_documents(embedder: Section, find_part: FindPart) -> bool:
    if embedders_in(embedder):
        return False
    return find_part("embedders", embedder["@seqpipe_embedders"]).embeds_documents


def _with_defaults(name: str, given: Section) -> Section:
    chosen = any(key.startswith("@") for key in given) or embedders_in(given)
    defaults = {k: v for k, v in DEFAULTS[name].items() if not (chosen and k.startswith("@"))}
    return {**defaults, **given}


def _system(ours: Mapping[str, Section]) -> Section:
    return {"system": {"seed": ours["pipeline"]["seed"], "gpu_allocator": None}}


def _nlp(sections: Mapping[str, Any], ours: Mapping[str, Section]) -> Section:
    return {
        "lang": ours["pipeline"]["lang"],
        "tokenizer": _tokenizer(sections, ours),
        "vectors": _vectors(ours["embedder"]),
    }


def _initialize(data: Section, *, is_weighted: bool = False) -> Section:
    corpus = {**data, "part": "train"}
    callbacks = {"before_init": {"@callbacks": "seqpipe.FitEmbedder.v1", "corpus": corpus}}
    if is_weighted:
        callbacks["after_init"] = {"@callbacks": "seqpipe.WeighClasses.v1", "corpus": {**corpus}}
    return callbacks


def _parts_of(data: Section) -> list[str]:
    # A pipeline can be trained without a test part, but not without the others.
    there = {"train", "dev", *_named_parts(data)}
    return [part for part in DATA_PARTS if part in there]


def _named_parts(data: Section) -> set[str]:
    return {*data["split"], *data, *(["test"] if data.get("fold") else [])}


def _data(data: Section, corpus: str, **more: Any) -> Section:
    nested = {part: data[part] for part in DATA_PARTS if part in data}
    host = {*HOST_SETTINGS["data"], *DATA_PARTS}
    whole = {key: value for key, value in data.items() if key not in host}
    return {
        "@readers": corpus,
        "split": data["split"],
        "seed": "${system.seed}",
        **({"fold": data["fold"]} if data.get("fold") else {}),
        **({"data": whole} if whole else {}),
        **nested,
        **more,
    }


def _tokenizer(sections: Mapping[str, Any], ours: Mapping[str, Section]) -> Section:
    tokenizer, lang = ours["tokenizer"], ours["pipeline"]["lang"]
    if "tokenizer" not in sections and lang in OWN_TOKENIZERS:
        return dict(OWN_TOKENIZERS[lang])
    if tokenizer["@seqpipe_tokenizers"] == "seqpipe.SpacyRules.v1" and "lang" not in tokenizer:
        # The rules of the pipeline's language are spaCy's own tokenizer: nothing to adapt.
        return {"@tokenizers": "spacy.Tokenizer.v1"}
    return {"@tokenizers": "seqpipe.Tokenizer.v1", "tokenizer": tokenizer}


def _encoder(ours: Mapping[str, Section]) -> Section:
    embedder = ours["embedder"]
    trained = {key: embedder[key] for key in HOST_SETTINGS["embedder"] if key in embedder}
    tuned = [name for name, one in embedders_in(embedder).items() if one.get("tune")]
    if tuned and not trained.get("tune"):
        trained["tune"] = tuned
    return {"@architectures": "seqpipe.Encoder.v1", "encoder": ours["encoder"], **trained}


def _head(ours: Mapping[str, Section], architecture: str) -> Section:
    listener = {
        "@architectures": "spacy.Tok2VecListener.v1",
        "width": ours["encoder"]["width"],
        "upstream": "tok2vec",
    }
    return {"@architectures": architecture, "tok2vec": listener, "head": ours["head"]}


def _score(component: str) -> Section:
    if component not in TEXT_CATEGORIZERS:
        return {}
    # For exclusive classes the micro-averaged F is the accuracy.
    return {"score_weights": {"cats_micro_f": 1.0, "cats_score": 0.0}}


def _vectors(embedder: Section) -> Section:
    several = embedders_in(embedder)
    if several:
        named = {name: _without_host_settings(one) for name, one in several.items()}
        return {"@vectors": "seqpipe.Vectors.v1", "embedders": named}
    return {"@vectors": "seqpipe.Vectors.v1", "embedder": _without_host_settings(embedder)}


def _without_host_settings(embedder: Section) -> Section:
    return {k: v for k, v in embedder.items() if k not in HOST_SETTINGS["embedder"]}


def _settings(section: Section) -> Section:
    return {key: value for key, value in section.items() if not key.startswith("@")}
