"""What a pipeline file may contain, and what it makes: sections, and which registry fills which slot. Plain tables.

Everything here is known without importing spaCy or a plugin; the settings of a part come from its signature.
"""

import enum
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal

from seqpipe.kinds import KINDS
from seqpipe.parts.class_weights import ClassWeights

#: Our own sections, in the order of the documentation.
SECTIONS: Final[tuple[str, ...]] = (
    *("pipeline", "data", "tokenizer", "embedder", "encoder", "head", "heads", "wide", "task"),
    *("classifier", "decision", "language_model"),
)


class Makes(enum.Enum):
    """What a pipeline file makes."""

    #: A pipeline whose encoder and head are trained for a task.
    HEAD = "head"
    #: A pipeline with a complete model, from words to labels, that's fitted in one go.
    CLASSIFIER = "classifier"
    #: A pipeline with a language model, which is trained by itself on unlabelled texts.
    LANGUAGE_MODEL = "language_model"
    #: A pipeline with vectors and nothing on top of them.
    EMBEDDING = "embedding"


#: Any of these sections means that a file makes more than an embedding.
_MORE_THAN_AN_EMBEDDING: Final = (
    *("encoder", "head", "heads", "wide", "task", "decision", "nlp", "components"),
)


def what_is_made(sections: Collection[str]) -> Makes | None:
    """Return what a file with these sections makes.

    None for a spaCy config, which has none of our sections: there the components say it.
    """
    if not any(name in SECTIONS for name in sections):
        return None
    if "classifier" in sections:
        return Makes.CLASSIFIER
    if "language_model" in sections:
        return Makes.LANGUAGE_MODEL
    if "embedder" in sections and not any(name in sections for name in _MORE_THAN_AN_EMBEDDING):
        return Makes.EMBEDDING
    return Makes.HEAD


#: The sections that a classifier replaces, and the scores of an embedder, which it has none of.
REPLACED: Final = (
    *("embedder", "encoder", "head", "heads", "wide", "task", "evaluation"),
    "language_model",
)

#: What a language model can't be combined with.
NOT_WITH_LANGUAGE_MODEL: Final = (
    *("embedder", "encoder", "head", "heads", "wide", "task", "evaluation", "decision"),
)

#: Scores of the embedding, by any name: [evaluation.analogies]. Allowed in a spaCy config too.
EVALUATION: Final = "evaluation"

#: The parts of a data set: [data.train] and so on, and the names in `split`.
DATA_PARTS: Final[tuple[str, ...]] = ("train", "dev", "test")

#: The keys of [pipeline], and the type of each.
PIPELINE_SETTINGS: Final[dict[str, Any]] = {
    "lang": str,
    "seed": int,
    "name": str | None,
    "version": str,
    "device": str,
    "precision": str,
}

#: The keys of [decision], likewise.
DECISION_SETTINGS: Final[dict[str, Any]] = {
    "temperature": float | Literal["tuned"],
    "thresholds": float | dict[str, float] | Literal["tuned"],
    "abstain_below": float | None,
}

#: The keys of [language_model], likewise, beside its cell.
LANGUAGE_MODEL_SETTINGS: Final[dict[str, Any]] = {
    "unit": Literal["character", "word"],
    "width": int,
    "layers": int,
    "embedding_width": int | None,
    "tied": bool,
    "direction": Literal["forward", "backward"],
    "dropout": float,
    "min_count": int,
    "max_vocabulary": int | None,
    "cutoffs": list[int] | Literal["auto"],
    "sequence_length": int,
    "batch_size": int,
    "epochs": int,
    "seconds": float | None,
    "fresh_starts": float,
    "learn_rate": float,
    "warmup": float,
    "weight_decay": float,
    "grad_clip": float,
    "evaluations": int,
}

#: The keys that the host itself reads in a section, beside the settings of the part that's named there.
HOST_SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "data": {"split": dict[str, float], "fold": dict[str, int] | None},
    "head": {"class_weights": ClassWeights | None},
    "embedder": {
        "trained_width": int,
        "trained_rows": int,
        "trained_features": list[Literal["lower", "norm", "prefix", "suffix", "shape", "bigram"]]
        | None,
        "trained_dropout": float,
        "characters": int,
        "character_encoder": Literal["convolution", "recurrent"],
        "language_models": list[str] | None,
        "gazetteers": dict[str, str] | None,
        "lexicon": str | None,
        "lexicon_words": int,
        "tune": bool,
        "tuned_words": int,
    },
    "encoder": {"ensemble": int},
    "wide": {"weight": float | None},
    "training": {"adversarial": float},
}

#: The default part of each slot, used where only settings are given, as on the command line.
DEFAULT_PARTS: Final[dict[str, tuple[str, str]]] = {
    # Before the section of its kind, which counts where a registry has one.
    "wide": (KINDS["classifiers"].registry, "seqpipe.NGramClassifier.v1"),
    "language_model.cell": (KINDS["cells"].registry, KINDS["cells"].default),
    **{kind.section: (kind.registry, kind.default) for kind in KINDS.values()},
}

#: The task that spaCy's own components do.
TEXT_CLASSES: Final = KINDS["tasks"].default

#: spaCy's components that put texts into classes: into exactly one, or into any number of them.
TEXT_CATEGORIZERS: Final = ("textcat", "textcat_multilabel")

#: Where spaCy's default for a language isn't its rules, which would take what stands between blanks for a word. Those
#: of other such languages need packages that may not be there.
OWN_TOKENIZERS: Final[dict[str, dict[str, Any]]] = {
    "zh": {"@tokenizers": "spacy.zh.ChineseTokenizer", "segmenter": "char"},
}

#: spaCy's sections; the free ones hold any keys.
SPACY_SECTIONS: Final[tuple[str, ...]] = (
    *("system", "nlp", "components", "corpora"),
    *("training", "pretraining", "initialize"),
)
FREE_SECTIONS: Final[tuple[str, ...]] = ("paths", "variables", "vars")


@dataclass(frozen=True)
class Slot:
    """What a block may name.

    Attributes:
        registries: The registries, without the ``@``; empty for any that's harmless (see `HARMFUL`).
    """

    registries: tuple[str, ...] = ()


#: A nested block with the name of a kind contains a part of that kind.
KIND_SLOTS: Final[dict[str, Slot]] = {
    kind.one: Slot((kind.registry.removeprefix("@"),)) for kind in KINDS.values()
}

#: Registries that a file can't use in just any block: their functions read, write or run something when called.
HARMFUL: Final[tuple[str, ...]] = (
    "readers",
    "loggers",
    "callbacks",
    "cli",
    "models",
    "factories",
    "languages",
)

_READERS = Slot(("readers",))
_SCORERS = Slot(("scorers",))
_CALLBACKS = Slot(("callbacks",))
_MODELS = Slot(("architectures", "layers"))
_SCHEDULES = Slot(("schedules",))

#: The keys that the host reads in each section of [heads].
ONE_OF_HEADS: Final[dict[str, Any]] = {
    **HOST_SETTINGS["head"],
    "weight": float,
    "task": KIND_SLOTS["task"],
}

#: Where an expansion has corpora; a star matches any one name.
CORPORA: Final[tuple[tuple[str, ...], ...]] = (
    ("corpora", "*"),
    ("initialize", "before_init", "corpus"),
    ("initialize", "after_init", "corpus"),
    ("training", "before_to_disk", "corpus"),
)

#: Slots by their path; a star matches any one name.
SLOTS: Final[dict[tuple[str, ...], Slot]] = {
    ("data",): _READERS,
    **{("data", part): _READERS for part in DATA_PARTS},
    **{(kind,): slot for kind, slot in KIND_SLOTS.items() if kind != "cell"},
    ("embedder", "*"): KIND_SLOTS["embedder"],
    ("encoder", "layers", "*"): KIND_SLOTS["encoder"],
    ("heads", "*"): KIND_SLOTS["head"],
    ("wide",): KIND_SLOTS["classifier"],
    (EVALUATION, "*"): _SCORERS,
    ("nlp", "tokenizer"): Slot(("tokenizers",)),
    ("nlp", "vectors"): Slot(("vectors",)),
    ("nlp", "before_creation"): _CALLBACKS,
    ("nlp", "after_creation"): _CALLBACKS,
    ("nlp", "after_pipeline_creation"): _CALLBACKS,
    ("components", "*", "model"): _MODELS,
    ("components", "*", "scorer"): _SCORERS,
    ("corpora",): _READERS,
    ("corpora", "*"): _READERS,
    ("corpora", "*", "augmenter"): Slot(("augmenters",)),
    ("corpora", "*", "tasks", "*"): KIND_SLOTS["task"],
    **{
        (*corpus, "own", "*", part): _READERS
        for corpus in CORPORA
        for part in ("data", *DATA_PARTS)
    },
    **{("heads", "*", "data", part): _READERS for part in DATA_PARTS},
    ("heads", "*", "data"): _READERS,
    ("training", "batcher"): Slot(("batchers",)),
    ("training", "optimizer"): Slot(("optimizers",)),
    ("training", "logger"): Slot(("loggers",)),
    ("training", "before_to_disk"): _CALLBACKS,
    ("training", "before_update"): _CALLBACKS,
    ("training", "dropout"): _SCHEDULES,
    ("pretraining", "batcher"): Slot(("batchers",)),
    ("pretraining", "optimizer"): Slot(("optimizers",)),
    ("pretraining", "objective"): Slot(("architectures",)),
    ("initialize", "lookups"): Slot(("misc", "lookups")),
    ("initialize", "before_init"): _CALLBACKS,
    ("initialize", "after_init"): _CALLBACKS,
    # Labels and patterns are read there, as spaCy documents it.
    ("initialize", "tokenizer", "*"): Slot(("readers", "misc", "lookups")),
    ("initialize", "components", "*", "*"): Slot(("readers", "misc", "lookups")),
}

#: Slots inside a block that names a function of the registry: by the argument's name, "*" for any.
NESTED_SLOTS: Final[dict[str, dict[str, Slot]]] = {
    "readers": {
        **{name: _READERS for name in ("data", *DATA_PARTS)},
        "augmenter": Slot(("augmenters",)),
        "task": KIND_SLOTS["task"],
    },
    "scorers": {"reader": _READERS},
    "callbacks": {"corpus": _READERS, "*": Slot(("callbacks", "misc", "lookups"))},
    "loggers": {"*": Slot(("loggers", "callbacks", "misc"))},
    "batchers": {"size": _SCHEDULES, "batcher": Slot(("batchers",))},
    "optimizers": {"*": _SCHEDULES},
    "augmenters": {"*": Slot(("augmenters", "readers", "misc"))},
    "architectures": {name: _MODELS for name in ("model", "tok2vec", "embed", "encode")},
    "layers": {name: _MODELS for name in ("model", "tok2vec", "embed", "encode", "layer")},
}
