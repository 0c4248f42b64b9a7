"""Expands a pipeline file to a complete spaCy configuration, depending on what the file makes.

Nothing is read, built or trained here.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seqpipe.config._schema import (
    DATA_PARTS,
    DEFAULT_PARTS,
    HOST_SETTINGS,
    ONE_OF_HEADS,
    OWN_TOKENIZERS,
    SECTIONS,
    TEXT_CATEGORIZERS,
    TEXT_CLASSES,
    Makes,
)
from seqpipe.config._types import is_block
from seqpipe.plugins import Part

#: What the component and the corpora have for a task: one block, so that changing it changes it for all. The block isn't
#: the component's own, as a component may be renamed or removed, and then the saved pipeline couldn't be loaded.
TASK: Final = "${variables.task}"
#: Likewise what the components of several heads have, by their names.
TASKS: Final = "${variables.tasks}"
#: The dev part, likewise.
DEV: Final = "${corpora.dev}"


def task_of_head(name: str) -> str:
    """Return the reference to the task of one of several heads."""
    return f"${{variables.tasks.{name}}}"


def embedders_in(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the embedders of [embedder] by name, if there are several: [embedder.a], [embedder.b]."""
    if any(key.startswith("@") for key in section):
        return {}
    return {name: block for name, block in section.items() if is_block(block)}


Section = dict[str, Any]

_COMPONENT: Final = "classifier"
_WIDE: Final = "wide"
_DECISION: Final = "decision"
_LANGUAGE_MODEL: Final = "language_model"


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


@dataclass(frozen=True)
class _Head:
    """A head of a file, and the component that it becomes.

    Attributes:
        name: What the component is called.
        component: Its section.
        scores: The scores that say how good it is, each with its weight; another than 0 for one of them.
        task: What it learns; None for text classification, which spaCy's own components do.
        is_weighted: Whether its classes have weights.
    """

    name: str
    component: Section
    scores: Mapping[str, float]
    task: Section | None
    is_weighted: bool

    @property
    def categorizes(self) -> str | None:
        """Which of spaCy's text categorizers it is; None for none."""
        factory: str = self.component["factory"]
        return factory if factory in TEXT_CATEGORIZERS else None


def _default(section: str) -> Section:
    registry, name = DEFAULT_PARTS[section]
    return {registry: name}


#: The defaults for what a pipeline file leaves out.
DEFAULTS: Final[dict[str, Section]] = {
    "pipeline": {
        **{"lang": "en", "seed": 0, "name": None, "version": "0.0.0"},
        # These are the run's business, and aren't expanded: what's trained on a GPU loads without one.
        **{"device": "cpu", "precision": "float32"},
    },
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

#: What's added to that embedder where words are labelled: their ends, capitals and digits tell as much as their vectors.
LEFT_OUT_OF_WORDS: Final[Section] = {
    "trained_width": 32,
    "trained_features": ["norm", "prefix", "suffix", "shape"],
    "characters": 30,
}
#: And to [training], if neither embedder nor encoder is named: a second pass over moved vectors helps more there than twice as many passes.
TRAINING_OF_WORDS: Final[Section] = {"adversarial": 0.2}

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
#: For exclusive classes the micro-averaged F is the accuracy.
_CLASSIFIED: Final = {"cats_micro_f": 1.0, "cats_score": 0.0}

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
    elif makes is Makes.LANGUAGE_MODEL:
        expansion = _language_model(sections)
    else:
        expansion = _embedding(sections, find_part)
    spacy_sections = {name: value for name, value in sections.items() if name not in SECTIONS}
    # Importing it takes a quarter of a second, and help and errors don't need it.
    from confection import Config

    return dict(Config(expansion).merge(Config(spacy_sections)))


def _trained(sections: Mapping[str, Any], find_part: FindPart, written: Collection[str]) -> Section:
    """Expand a file whose pipeline is trained: an encoder on top of the vectors, and heads on top of that."""
    names = ("pipeline", "data", "tokenizer", "embedder", "encoder")
    given = _given_heads(sections, find_part)
    named = [find_part("heads", head["@seqpipe_heads"]) for _, head, _ in given]
    labels_words = any(head.labels_words for head in named)
    left_out = _left_out(written, labels_words=labels_words)
    adversarial = (
        TRAINING_OF_WORDS if labels_words and not _names_embedder_or_encoder(written) else {}
    )
    ours = {name: _with_defaults(name, _given(sections, name, left_out)) for name in names}
    encoder = find_part("encoders", ours["encoder"]["@seqpipe_encoders"])
    if "cell" in encoder.settings:
        cell = ours["encoder"].get("cell", {})
        if isinstance(cell, Mapping):
            ours["encoder"]["cell"] = {**DEFAULTS["encoder.cell"], **cell}
    if "width" not in ours["encoder"]:
        ours["encoder"]["width"] = encoder.default_width()
    ensemble = ours["encoder"].pop("ensemble", 1)
    size = ensemble, ours["encoder"]["width"]
    heads = [_head(name, head, task, size, find_part) for name, head, task in given]
    wide = _wide(sections, heads, find_part, written)
    beside = {_WIDE: wide} if wide else {}
    if categorizer := next((head.categorizes for head in heads if head.categorizes), None):
        beside |= _decision(sections, is_exclusive=categorizer == TEXT_CATEGORIZERS[0])
    is_tuned = _DECISION in beside or (wide is not None and "weight" not in wide)
    tuning = _TUNING if is_tuned and "before_to_disk" not in sections.get("training", {}) else {}
    tasks, shared = _tasks(sections, heads)
    own = _own_data(sections)
    if own:
        shared["own"] = own
    data = _data(ours["data"], "seqpipe.Corpus.v1", **shared)
    return {
        **({"variables": tasks} if tasks else {}),
        **_system(ours),
        "nlp": {
            **_nlp(sections, ours),
            "pipeline": ["tok2vec", *(head.name for head in heads), *beside],
        },
        "components": {
            "tok2vec": {"factory": "tok2vec", "model": _encoder(ours, ensemble)},
            **{head.name: head.component for head in heads},
            **beside,
        },
        "corpora": {part: {**data, "part": part} for part in _parts_of(ours["data"], own)},
        "training": {**_TRAINING, **adversarial, **_score_weights(heads), **tuning},
        "initialize": _initialize(data, is_weighted=any(head.is_weighted for head in heads)),
    }


def _tasks(sections: Mapping[str, Any], heads: Sequence[_Head]) -> tuple[Section, Section]:
    """Return the tasks of heads, as variables, and what corpora have of them."""
    if "heads" in sections:
        classes = {"@seqpipe_tasks": TEXT_CLASSES}
        return {"tasks": {head.name: head.task or classes for head in heads}}, {"tasks": TASKS}
    task = heads[0].task
    return ({"task": task}, {"task": TASK}) if task else ({}, {})


def _own_data(sections: Mapping[str, Any]) -> Section:
    """Return the readers of heads that learn from rows of their own, by head and by part."""
    found = {}
    for name, head in sections.get("heads", {}).items():
        if isinstance(given := head.get("data"), Mapping):
            parts = {part: given[part] for part in DATA_PARTS if part in given}
            whole = {key: value for key, value in given.items() if key not in DATA_PARTS}
            found[name] = {**({"data": whole} if whole else {}), **parts}
    return found


def _score_weights(heads: Sequence[_Head]) -> Section:
    """Return what the best model is chosen by, the mean of the heads' scores; nothing if spaCy's components say it."""
    share = round(1 / len(heads), 6)
    weights = {key: share * weight for head in heads for key, weight in head.scores.items()}
    return {"score_weights": weights} if weights else {}


def _given_heads(
    sections: Mapping[str, Any], find_part: FindPart
) -> list[tuple[str | None, Section, Section | None]]:
    """Return the heads of a file with their tasks: that of [head], which has no name, or those of [heads]."""
    if "heads" not in sections:
        head = _with_defaults("head", sections.get("head", {}))
        return [(None, head, _task(sections.get("task"), head, find_part))]
    found: list[tuple[str | None, Section, Section | None]] = []
    for name, given in sections["heads"].items():
        own = {key: value for key, value in given.items() if key not in ("task", "data")}
        head = _with_defaults("head", own)
        found.append((name, head, _task(given.get("task"), head, find_part)))
    return found


def _head(
    name: str | None,
    given: Section,
    task: Section | None,
    encoder: tuple[int, int],
    find_part: FindPart,
) -> _Head:
    """Return a head and its component; a head without a name is the only one, and called after what it does.

    Args:
        name: What it's called in the file.
        given: Its section.
        task: What it learns; None for classes of texts.
        encoder: How many encoders there are, and the width of each.
        find_part: As in `expand`.
    """
    ensemble, width = encoder
    host = {key: given[key] for key in ("class_weights", "weight") if given.get(key) is not None}
    if ensemble != 1:
        host["ensemble"] = ensemble
    head = {key: value for key, value in given.items() if key not in ONE_OF_HEADS}
    listener = {
        "@architectures": "spacy.Tok2VecListener.v1",
        "width": ensemble * width,
        "upstream": "tok2vec",
    }
    model = {"tok2vec": listener, "head": head, **host}
    if task is None:
        part = find_part("heads", head["@seqpipe_heads"])
        factory = part.component(_settings(head))
        component = {
            "factory": factory,
            "model": {"@architectures": "seqpipe.Classifier.v1", **model},
        }
        scores = _CLASSIFIED if factory in TEXT_CATEGORIZERS else {}
        return _Head(name or factory, component, scores, None, "class_weights" in host)
    model.pop("class_weights", None)
    component = {
        "factory": "seqpipe_task",
        "task": TASK if name is None else task_of_head(name),
        "model": {"@architectures": "seqpipe.Head.v1", **model},
    }
    # The first is in every component's scores, and so says nothing of one of several.
    scores = {"task_score": 1.0} if name is None else {"task_score": 0.0, f"{name}_score": 1.0}
    return _Head(name or "task", component, scores, task, is_weighted=False)


def _names_embedder_or_encoder(written: Collection[str]) -> bool:
    """Return whether a file names the part of one of these sections, and so has chosen for itself."""
    return "embedder" in written or "encoder" in written


def _left_out(written: Collection[str], *, labels_words: bool) -> Mapping[str, Section]:
    """Return what stands for the sections that a file leaves out."""
    found = {name: left_out for name, left_out in LEFT_OUT.items() if name not in written}
    if labels_words and "embedder" in found:
        found["embedder"] = {**found["embedder"], **LEFT_OUT_OF_WORDS}
    return found


def _given(sections: Mapping[str, Any], name: str, defaults: Mapping[str, Section]) -> Section:
    """Return a section as the file has it, or what stands for one that it leaves out."""
    left_out = defaults.get(name, {})
    given = sections.get(name, {})
    registry = DEFAULT_PARTS.get(name, ("", ""))[0]
    # Options may name another part, which has other settings.
    another = embedders_in(given) or given.get(registry) not in (None, left_out.get(registry))
    return dict(given) if another else {**left_out, **given}


def _task(given: Section | None, head: Section, find_part: FindPart) -> Section | None:
    """Return the block of what the head learns; None for text classification, which spaCy's own components do."""
    named = find_part("heads", head["@seqpipe_heads"]).task(_settings(head))
    task = {"@seqpipe_tasks": named, **(given or {})}
    return None if task["@seqpipe_tasks"] == TEXT_CLASSES else task


def _wide(
    sections: Mapping[str, Any],
    heads: Sequence[_Head],
    find_part: FindPart,
    written: Collection[str],
) -> Section | None:
    """Return the section of the classifier beside a head that puts texts into classes; None for none.

    By default there's one if the file names neither embedder nor encoder.
    """
    given = sections.get("wide")
    training = sections.get("training", {})
    # A part of a stream isn't enough to fit on, and a callback of the file's own would leave the mix untuned.
    is_unfit = training.get("max_epochs", 0) == -1 or "before_to_disk" in training
    is_named = _names_embedder_or_encoder(written)
    head = next((head for head in heads if head.categorizes), None)
    if head is None:
        return None
    own = sections.get("heads", {}).get(head.name, {}).get("data")
    reads_pairs = _reads_pairs(sections.get("data", {}) if own is None else own)
    if given is None and (is_unfit or is_named or reads_pairs):
        return None
    section = _with_defaults(_WIDE, given or {})
    weight = section.pop("weight", None)
    if weight == 0:
        return None
    part = find_part("classifiers", section["@seqpipe_classifiers"])
    if "exclusive" in part.settings:
        section.setdefault("exclusive", head.categorizes == TEXT_CATEGORIZERS[0])
    mix = {} if weight is None else {"weight": weight}
    component = sections.get("components", {}).get(head.name, {})
    if "threshold" in component:
        mix["threshold"] = component["threshold"]
    return {"factory": "seqpipe_wide", "classifier": section, **mix}


def _reads_pairs(data: Section) -> bool:
    """Return whether texts come in pairs, of which the default classifier sees no more than all their words."""
    parts = [data, *(data.get(part, {}) for part in DATA_PARTS)]
    return any(isinstance(part, Mapping) and part.get("pair") is not None for part in parts)


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
        "training": {**_TRAINING, **model["training"], "score_weights": _CLASSIFIED, **tuning},
    }


def _language_model(sections: Mapping[str, Any]) -> Section:
    """Expand a file that makes a language model: one component, which trains when it's initialised."""
    names = ("pipeline", "data", "tokenizer", "language_model.cell")
    given = {**sections, "language_model.cell": sections["language_model"].get("cell", {})}
    ours = {name: _with_defaults(name, given.get(name, {})) for name in names}
    data = _data(ours["data"], "seqpipe.Sequences.v1")
    there = {"train", *_named_parts(ours["data"])}
    corpora = {part: {**data, "part": part} for part in DATA_PARTS if part in there}
    component = {**sections["language_model"], "cell": ours["language_model.cell"]}
    used = {part: {**corpora[part]} for part in ("train", "dev") if part in corpora}
    return {
        **_system(ours),
        "nlp": {
            "lang": ours["pipeline"]["lang"],
            "tokenizer": _tokenizer(sections, ours),
            "pipeline": [_LANGUAGE_MODEL],
        },
        "components": {_LANGUAGE_MODEL: {"factory": "seqpipe_language_model", **component}},
        # `spacy train` evaluates on something, even where there's nothing to update.
        "corpora": {"dev": {**data, "part": "train", "limit": 100}, **corpora},
        "training": {
            **{key: _TRAINING[key] for key in ("seed", "gpu_allocator")},
            **{"max_epochs": -1, "max_steps": 1, "eval_frequency": 1},
        },
        "initialize": {"components": {_LANGUAGE_MODEL: used}},
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


def _parts_of(data: Section, own: Mapping[str, Section]) -> list[str]:
    # A pipeline can be trained without a test part, but not without the others.
    there = {"train", "dev", *_named_parts(data), *(part for each in own.values() for part in each)}
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


def _encoder(ours: Mapping[str, Section], ensemble: int) -> Section:
    embedder = ours["embedder"]
    trained = {key: embedder[key] for key in HOST_SETTINGS["embedder"] if key in embedder}
    tuned = [name for name, one in embedders_in(embedder).items() if one.get("tune")]
    if tuned and not trained.get("tune"):
        trained["tune"] = tuned
    if ensemble != 1:
        trained["ensemble"] = ensemble
    return {"@architectures": "seqpipe.Encoder.v1", "encoder": ours["encoder"], **trained}


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
