"""Checks all of a pipeline file against what its parts take, before anything of it is called."""

import contextlib
import copy
import functools
import importlib.util
import math
import pathlib
import re
from collections.abc import Mapping
from typing import Any, Final

from packaging.version import InvalidVersion, Version

from seqpipe import plugins
from seqpipe.config._blocks import Blocks
from seqpipe.config._expand import embedders_in
from seqpipe.config._read import PipelineFile
from seqpipe.config._report import Path, Report, title
from seqpipe.config._schema import (
    DATA_PARTS,
    DECISION_SETTINGS,
    EVALUATION,
    FREE_SECTIONS,
    HOST_SETTINGS,
    KIND_SLOTS,
    LANGUAGE_MODEL_SETTINGS,
    NOT_WITH_LANGUAGE_MODEL,
    ONE_OF_HEADS,
    PIPELINE_SETTINGS,
    REPLACED,
    SECTIONS,
    SLOTS,
    SPACY_SECTIONS,
    TEXT_CATEGORIZERS,
    TEXT_CLASSES,
    Makes,
    Slot,
    what_is_made,
)
from seqpipe.config._spacy_defaults import spacy_defaults
from seqpipe.config._spacy_facts import (
    ImportedFacts,
    NotRecordedError,
    SpacyFacts,
    recorded_facts,
)
from seqpipe.config._spacy_sections import SpacySections
from seqpipe.config._types import descend, is_block
from seqpipe.devices import NameProblem, device_problem, precision_problem
from seqpipe.messages import Problems, did_you_mean, nearest, quote

_KNOWN: Final = (*SECTIONS, EVALUATION, *SPACY_SECTIONS, *FREE_SECTIONS)
#: The largest seed that numpy accepts.
_MAX_SEED: Final = 2**32 - 1
#: The names of the components that a pipeline has beside those of its heads.
#: And what spaCy's own scores begin with.
_TAKEN: Final = ("tok2vec", "wide", "decision", "task", "cats", "ents", "token")
#: What the predictions of our tasks become. A task of another name is taken for one that writes to a place of its own.
_PLACES: Final = {
    TEXT_CLASSES: "doc.cats",
    "seqpipe.OrderedClasses.v1": "doc.cats",
    "seqpipe.Entities.v1": "doc.ents",
    "seqpipe.Numbers.v1": "doc._.numbers",
}
#: What's made of texts without labels.
_UNLABELLED: Final = {
    Makes.EMBEDDING: "an embedding",
    Makes.LANGUAGE_MODEL: "a language model",
}
_SPLIT_HELP: Final = 'such as split = {"train": 0.8, "dev": 0.1, "test": 0.1}'


def check(file: PipelineFile) -> None:
    """Check a pipeline file: its sections, the kind of part in each slot, settings and values.

    Nothing that the file names is called; the plugins and packages that it names are imported.

    Args:
        file: The file as `read` returns it.

    Raises:
        PipelineFileError: There are errors; it has all of them.
    """
    _check(file, ImportedFacts())


def check_by_record(file: PipelineFile) -> bool:
    """Check a pipeline file without importing torch or spaCy, as far as that's possible.

    What parts and spaCy take is read from what was recorded when they were last imported.

    Returns:
        Whether the file was checked; False if something that it needs isn't recorded.

    Raises:
        PipelineFileError: There are errors; it has all of them.
    """
    plugins.host().check_environment()
    facts = None if plugins.host().is_strict else recorded_facts()
    if facts is None:
        return False
    try:
        _check(file, facts)
    except NotRecordedError:
        return False
    return True


def _check(file: PipelineFile, facts: SpacyFacts) -> None:
    plugins.host().check_environment()
    problems = Problems(file.index.name)
    try:
        _Check(file, problems, facts).run()
    except Problems.Enough:
        problems.raise_any(more=True)
    problems.raise_any()


class _Check:
    def __init__(self, file: PipelineFile, problems: Problems, facts: SpacyFacts) -> None:
        self._sections = file.sections
        self._makes = file.makes
        self._report = Report(file, problems)
        self._facts = facts
        self._blocks = Blocks(self._report, facts, self._default_at)
        self._spacy = SpacySections(self._report, self._blocks, facts, file.lang, self._expansion)

    def run(self) -> None:
        meant = self._unknown_sections()
        if meant:
            self._makes = what_is_made({*self._sections, *meant})
        self._required_sections(meant)
        self._replaced_sections()
        if self._makes is Makes.HEAD and "wide" in self._sections:
            self._mixed_section(self._sections["wide"])
        if "decision" in self._sections:
            self._decided_section(self._sections["decision"])
        if self._makes is Makes.HEAD:
            self._weights_of_classes()
            self._ensemble(self._sections.get("encoder", {}).get("ensemble"))
        for name, section in self._sections.items():
            if name == "pipeline":
                self._pipeline(section)
            elif name == "decision":
                self._decision(section)
            elif name == "language_model":
                self._language_model(section)
            elif name == "data":
                self._data(section)
            elif name == EVALUATION:
                self._blocks_by_name(name, section, "name its @scorers there")
            elif name == "embedder" and embedders_in(section):
                self._embedders(section)
            elif name == "heads":
                self._heads(section)
            elif name in SECTIONS:
                self._blocks.check((name,), section, SLOTS[(name,)], host=HOST_SETTINGS.get(name))
            elif name in _KNOWN:
                self._spacy.check(name, section)
        self._language(("nlp", "lang"), self._sections.get("nlp", {}).get("lang"))
        self._check_integers((), self._sections)

    def _ensemble(self, count: Any) -> None:
        if isinstance(count, int) and count < 1:
            message = f"`ensemble` is {count}, and at least one encoder is needed"
            self._report.add(("encoder", "ensemble"), message, "1 is no ensemble", value=True)

    def _check_integers(self, path: tuple[str | int, ...], value: Any) -> None:
        """Check that integers fit into 64 bits: neither torch nor the JSON writer accepts larger ones."""
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            names = ".".join(str(step) for step in path if not isinstance(step, int))
            message = f"{quote(names)} is an integer of more than 64 bits"
            self._report.add(path, message, "use a smaller one", value=True)
        pairs = value.items() if isinstance(value, dict) else ()
        for step, inner in enumerate(value) if isinstance(value, list) else pairs:
            self._check_integers((*path, step), inner)

    def _unknown_sections(self) -> set[str]:
        meant = set[str]()
        for name in self._sections:
            if name in _KNOWN:
                continue
            near = nearest(name, _KNOWN)
            meant.update(near)
            help = f"a pipeline file has the sections {', '.join((*SECTIONS, EVALUATION))}; and spaCy's: "
            help += ", ".join((*SPACY_SECTIONS, *FREE_SECTIONS))
            message = f"there's no section [{quote(name)[1:-1]}]"
            label = did_you_mean([f"[{section}]" for section in near]).replace('"', "")
            self._report.add((name,), message, label, help=(help,))
        return meant

    def _required_sections(self, meant: set[str]) -> None:
        """Check that the file has the sections it needs; a misspelt section counts as present."""
        there = {*self._sections, *meant}
        if self._makes is None and {"nlp", "components"} <= there:
            return
        has_no_head = self._makes not in (None, Makes.HEAD) or "heads" in there
        has_own = self._has_own_rows()
        for name in ("data",) if has_no_head else ("data", "head"):
            if name not in there and not (name == "data" and has_own):
                registry = SLOTS[(name,)].registries[0]
                help = () if self._makes else ("a spaCy config has [nlp] and [components]",)
                self._report.add(
                    (),
                    f"the file has no section [{name}]",
                    f"add one, with @{registry} = …",
                    help=help,
                )

    def _has_own_rows(self) -> bool:
        """Return whether each of several heads has rows of its own."""
        heads = self._sections.get("heads", {}).values()
        return bool(heads) and all(isinstance(each, dict) and "data" in each for each in heads)

    def _replaced_sections(self) -> None:
        """Check that the file has no section or key that its kind of pipeline doesn't use."""
        if self._makes is Makes.CLASSIFIER:
            for name in REPLACED:
                if name in self._sections:
                    message = (
                        f"[{name}] can't be combined with [classifier], which is a whole model"
                    )
                    self._report.add((name,), message, "remove this section, or that one")
            self._untrained("[classifier], which trains by itself", "remove this section")
        if self._makes is Makes.LANGUAGE_MODEL:
            for name in NOT_WITH_LANGUAGE_MODEL:
                if name in self._sections:
                    message = f"[{name}] can't be combined with [language_model], which predicts texts and no labels"
                    self._report.add((name,), message, "remove this section, or that one")
            self._untrained(
                "[language_model], which trains by itself",
                "remove this section, and say in [language_model] how long it's trained",
            )
        if self._makes is Makes.EMBEDDING:
            for key in HOST_SETTINGS["embedder"]:
                if key in self._sections.get("embedder", {}):
                    message = (
                        f"{quote(key)} is for vectors that an encoder trains, and there's none"
                    )
                    self._report.add(("embedder", key), message, "remove this, or add a [head]")
            self._untrained(
                "an [embedder] alone, which trains by itself",
                "remove this section, or add a [head]",
            )

    def _categorizer(self) -> str | None:
        """Return the factory of the component that puts texts into classes; None if the file has none."""
        components = self._expanded.get("components", {})
        factories = (each.get("factory") for each in components.values())
        return next((factory for factory in factories if factory in TEXT_CATEGORIZERS), None)

    def _learns(self) -> str:
        """Return what the heads of the file are for."""
        variables = self._expanded.get("variables", {})
        tasks = [variables.get("task", {}), *variables.get("tasks", {}).values()]
        return ", ".join(task["@seqpipe_tasks"] for task in tasks if task)

    def _mixed_section(self, section: dict[str, Any]) -> None:
        """Check that the scores of [wide] can be mixed with those of the head."""
        name = self._categorizer()
        if name is None and section.get("weight") != 0:
            message = f"[wide] is for heads that put texts into classes, and this file's is for {self._learns()}"
            self._report.add(("wide",), message, "remove this section")
        classifier = self._expanded.get("components", {}).get("wide", {}).get("classifier", {})
        is_exclusive = name in (None, TEXT_CATEGORIZERS[0])
        if "exclusive" in section and classifier.get("exclusive", is_exclusive) != is_exclusive:
            number = "exactly one class" if is_exclusive else "any number of classes"
            message = f"the head gives a text {number}, and [wide] has to do the same"
            label = "leave this out, and it's as the head has it"
            self._report.add(("wide", "exclusive"), message, label, value=True)

    def _decided_section(self, section: dict[str, Any]) -> None:
        """Check that there are classes for [decision] to decide on, and something to tune it on."""
        components = self._expanded.get("components", {})
        is_exclusive = components.get("decision", {}).get("exclusive", True)
        settings = ("temperature",) if is_exclusive else ("temperature", "thresholds")
        tuned = [each for each in settings if section.get(each, "tuned") == "tuned"]
        given = f"give {' and '.join(f'`{each}`' for each in tuned)} in [decision]"
        if tuned and "before_to_disk" in self._sections.get("training", {}):
            message = "this replaces the callback that tunes [decision]"
            label = f"remove this, or {given}"
            self._report.add(("training", "before_to_disk"), message, label)
        elif tuned and "decision" in components and "dev" not in self._expanded.get("corpora", {}):
            message = "there's no dev part to tune [decision] on"
            self._report.add(("decision",), message, f"add one to `split`, or {given}")
        if self._makes is not Makes.HEAD:
            return
        if self._categorizer() is None:
            message = f"[decision] is for heads that put texts into classes, and this file's is for {self._learns()}"
            self._report.add(("decision",), message, "remove this section")

    def _weights_of_classes(self) -> None:
        variables = self._expanded.get("variables", {})
        if isinstance(head := self._sections.get("head"), dict):
            self._class_weights(("head",), head, variables.get("task"))
        for name, head in self._sections.get("heads", {}).items():
            if isinstance(head, dict):
                self._class_weights(("heads", name), head, variables.get("tasks", {}).get(name))

    def _class_weights(
        self, section: Path, head: Mapping[str, Any], task: Mapping[str, Any] | None
    ) -> None:
        """Check that the weights of classes can be computed, and are of use to the head's task."""
        weights, path = head.get("class_weights"), (*section, "class_weights")
        if weights is None:
            return
        task = (task or {}).get("@seqpipe_tasks", TEXT_CLASSES)
        if task != TEXT_CLASSES:
            message = f"`class_weights` are for heads that put texts into classes, and this file's is for {task}"
            self._report.add(path, message, "remove this")
        for label, weight in weights.items() if isinstance(weights, dict) else ():
            if isinstance(weight, (int, float)) and not 0 <= weight < math.inf:
                message = f"the weight of {quote(label)} has to be at least 0"
                self._report.add((*path, label), message, "use another number", value=True)
        own = self._sections.get("initialize", {}).get("after_init", {})
        if own != {} and descend(own, ("@callbacks",)) != "seqpipe.WeighClasses.v1":
            message = (
                f"this replaces the callback that computes the `class_weights` of {title(section)}"
            )
            label = "remove this, or `class_weights`"
            self._report.add(("initialize", "after_init"), message, label)

    def _untrained(self, what: str, label: str) -> None:
        """Check that there's no [training] for a model that isn't trained in steps."""
        if "training" in self._sections:
            self._report.add(("training",), f"[training] can't be combined with {what}", label)

    def _pipeline(self, section: dict[str, Any]) -> None:
        self._report.no_block(("pipeline",), section)
        for key, value in section.items():
            path = ("pipeline", key)
            if key.startswith("@"):
                continue
            if key not in PIPELINE_SETTINGS:
                self._report.unknown(path, PIPELINE_SETTINGS)
            elif self._report.check_plain(path, value, PIPELINE_SETTINGS[key]):
                {
                    "lang": self._language,
                    "seed": self._seed,
                    "name": self._name,
                    "version": self._version,
                    "device": self._device,
                    "precision": self._precision,
                }[key](path, value)

    def _decision(self, section: dict[str, Any]) -> None:
        self._report.no_block(("decision",), section)
        for key, value in section.items():
            path = ("decision", key)
            if key.startswith("@"):
                continue
            if key not in DECISION_SETTINGS:
                self._report.unknown(path, DECISION_SETTINGS)
            else:
                self._report.check_plain(path, value, DECISION_SETTINGS[key])

    def _language_model(self, section: dict[str, Any]) -> None:
        self._report.no_block(("language_model",), section)
        for key, value in section.items():
            path = ("language_model", key)
            if key.startswith("@"):
                continue
            if key == "cell" and isinstance(value, dict):
                self._blocks.check(path, value, KIND_SLOTS["cell"])
            elif key == "cell":
                message = "`cell` is a section"
                self._report.add(path, message, "write it as [language_model.cell]")
            elif key not in LANGUAGE_MODEL_SETTINGS:
                self._report.unknown(path, [*LANGUAGE_MODEL_SETTINGS, "cell"])
            else:
                self._report.check_plain(path, value, LANGUAGE_MODEL_SETTINGS[key])

    def _name(self, path: Path, value: str | None) -> None:
        if value is not None and not re.fullmatch(r"\w+", value, re.ASCII):
            message = f"a pipeline can't be named {quote(value)}"
            help = "`spacy package` names a Python package after it: letters a-z, digits and _ may be in it"
            self._report.add(path, message, "choose another name", value=True, help=(help,))

    def _version(self, path: Path, value: str) -> None:
        try:
            Version(value)
        except InvalidVersion:
            message = f"{quote(value)} isn't a valid Python package version"
            self._report.add(path, message, 'use one such as "1.0.0"', value=True)

    def _device(self, path: Path, value: str) -> None:
        # Whether this machine has it shows when it's needed: torch takes seconds to import.
        self._named(path, value, "device", device_problem(value))

    def _precision(self, path: Path, value: str) -> None:
        self._named(path, value, "precision", precision_problem(value))

    def _named(self, path: Path, value: str, kind: str, problem: NameProblem | None) -> None:
        if problem is not None:
            message = f"there's no {kind} {quote(value)}"
            help = (problem.allowed,)
            self._report.add(path, message, problem.question, value=True, help=help)

    def _seed(self, path: Path, value: int) -> None:
        if not 0 <= value <= _MAX_SEED:
            message = f"a seed is an integer from 0 to {_MAX_SEED}"
            self._report.add(path, message, "use another number", value=True)

    def _language(self, path: Path, value: Any) -> None:
        if not isinstance(value, str) or value in _languages():
            return
        if value in (known := self._facts.languages()):
            return
        near = nearest(value, {*_languages(), *known})
        message = f"spaCy has no language {quote(value)}"
        help = 'languages have codes such as "en", "de", "zh"; "xx" is for any other'
        self._report.add(path, message, did_you_mean(near), value=True, help=(help,))

    def _data(self, section: dict[str, Any]) -> None:
        if self._has_own_rows():
            self._shares_only(section)
        else:
            self._read_data(("data",), section, HOST_SETTINGS["data"])
        if "split" in section:
            self._split(section["split"])
        if section.get("fold") is not None and self._makes in _UNLABELLED:
            message = f"a file that makes {_UNLABELLED[self._makes]} has no labelled texts to cut into folds"
            self._report.add(("data", "fold"), message, "remove it")

    def _shares_only(self, section: dict[str, Any]) -> None:
        """Check a [data] whose rows nobody would learn from."""
        for key, value in section.items():
            if key not in HOST_SETTINGS["data"]:
                message = (
                    "every head has rows of its own, and [data] has some that none learns from"
                )
                self._report.add(("data", key), message, "remove this, or the rows of a head")
                return
            self._report.check_type(("data", key), value, HOST_SETTINGS["data"][key])

    def _read_data(self, at: Path, section: dict[str, Any], host: Mapping[str, Any]) -> None:
        """Check a section that says where rows come from, with a reader of the whole or one of each part."""
        host = {**host, **{part: SLOTS[("data", part)] for part in DATA_PARTS}}
        if is_block(section) or not any(part in section for part in DATA_PARTS):
            self._blocks.check(at, section, SLOTS[("data",)], host=host)
            return
        for key, value in section.items():
            path, expected = (*at, key), host.get(key)
            if expected is None:
                self._report.unknown(path, host)
            elif not isinstance(expected, Slot):
                self._report.check_type(path, value, expected)
            elif isinstance(value, dict):
                self._blocks.check(path, value, expected)
            else:
                self._report.add(path, f"{title(path)} is a section", "name its @readers there")

    def _embedders(self, section: dict[str, Any]) -> None:
        """Check an [embedder] with several embedders by name."""
        host = HOST_SETTINGS["embedder"]
        for key, value in section.items():
            path = ("embedder", key)
            if key in host:
                self._report.check_type(path, value, host[key])
            elif isinstance(value, dict):
                tune = {"tune": host["tune"]}
                self._blocks.check(path, value, SLOTS[("embedder", "*")], host=tune)
            else:
                self._report.unknown(path, host, owner=" (several embedders)")

    def _heads(self, section: dict[str, Any]) -> None:
        """Check the heads of a file that has several, and that it says nothing of a single one."""
        if is_block(section):
            message = "[heads] holds heads by name, and names none itself"
            self._report.add(("heads",), message, "did you mean [head], or [heads.NAME]?")
            return
        if not section:
            self._report.add(("heads",), "[heads] has no head", "add a section [heads.NAME]")
        for name in ("head", "task"):
            if name in self._sections:
                other = "[heads.NAME]" if name == "head" else "[heads.NAME.task]"
                message = f"[{name}] can't be combined with [heads]"
                self._report.add((name,), message, f"write {other} instead")
        for name, head in section.items():
            if isinstance(head, dict):
                self._one_of_heads(name, head)
            else:
                message = f"[heads.{name}] is a section"
                self._report.add(("heads", name), message, "name its part there")
        self._written_twice()

    def _one_of_heads(self, name: str, head: dict[str, Any]) -> None:
        path = ("heads", name)
        if not name.isidentifier() or name in _TAKEN:
            message = f"a head can't be called {quote(name)}, as a component of the pipeline is called after it"
            help = (
                f"names are made of letters, digits and _, and these are taken: {', '.join(_TAKEN)}"
            )
            self._report.add(path, message, "choose another name", help=(help,))
        rest = {key: value for key, value in head.items() if key != "data"}
        self._blocks.check(path, rest, SLOTS[("heads", "*")], host=ONE_OF_HEADS)
        if isinstance(data := head.get("data"), dict):
            self._read_data((*path, "data"), data, {})
        elif data is not None:
            message = f"[heads.{name}.data] is a section"
            self._report.add((*path, "data"), message, "name its @readers there")

    def _written_twice(self) -> None:
        """Check that no two heads write their predictions to the same place."""
        writers: dict[str, str] = {}
        for name, task in self._expanded.get("variables", {}).get("tasks", {}).items():
            place = _place_of(task)
            first = writers.setdefault(place, name)
            if first != name:
                message = f"[heads.{name}] and [heads.{first}] both write to {place}"
                label = "remove one of them, or train it in a file of its own"
                self._report.add(("heads", name), message, label)

    def _blocks_by_name(self, name: str, section: dict[str, Any], label: str) -> None:
        """Check a section that holds a block for each of any number of freely chosen names."""
        self._report.no_block((name,), section)
        for key, value in section.items():
            path = (name, key)
            if isinstance(value, dict):
                self._blocks.check(path, value, SLOTS[(name, "*")])
            else:
                self._report.add(path, f"[{name}.{key}] is a section", label)

    def _split(self, split: Any) -> None:
        path: Path = ("data", "split")
        if not isinstance(split, dict) or is_block(split):
            return
        fractions = {
            k: v for k, v in split.items() if isinstance(v, (int, float)) and v is not True
        }
        for name in split:
            if name not in DATA_PARTS:
                self._report.unknown((*path, name), DATA_PARTS, help=_SPLIT_HELP)
        for name, fraction in fractions.items():
            if not fraction > 0:
                message = f"the share of {quote(name)} has to be above 0"
                self._report.add((*path, name), message, "leave it out for none", value=True)
        total = math.fsum(fractions.values())
        if total > 1 + 1e-9:
            message = f"the shares of split add up to {total:g}, which is more than 1"
            self._report.add(
                path, message, "make them add up to 1 at most", value=True, help=(_SPLIT_HELP,)
            )

    def _default_at(self, path: Path) -> Mapping[str, Any] | None:
        """Return the block of spaCy's defaults, or of our expansion, that a block of the file is merged into."""
        if path[0] in SECTIONS:
            return None
        for tree in (self._expansion(), spacy_defaults()):
            node = descend(tree, path)
            if isinstance(node, dict):
                return node
        return self._component_default(path)

    def _component_default(self, path: Path) -> Mapping[str, Any] | None:
        component = descend(self._sections, path[:2]) if path[0] == "components" else None
        factory = component.get("factory") if isinstance(component, dict) else None
        if not isinstance(factory, str):
            return None
        node = descend(self._spacy.default_component(factory), path[2:])
        return node if isinstance(node, dict) else None

    def _expansion(self) -> Mapping[str, Any]:
        """Return what our sections of the file expand to; nothing if they don't."""
        return self._expanded

    @functools.cached_property
    def _expanded(self) -> Mapping[str, Any]:
        from seqpipe.config._expand import expand

        ours = {name: section for name, section in self._sections.items() if name in SECTIONS}
        # Sections with errors, which are reported on their own, don't expand: fall back to the defaults.
        tries: list[dict[str, Any]] = [ours, {"pipeline": {}}] if ours else []
        for sections in tries:
            with contextlib.suppress(Exception):
                return expand(copy.deepcopy(sections), self._makes, plugins.find_part)
        return {}


def _place_of(task: Mapping[str, Any]) -> str:
    """Return what a task's predictions become."""
    name = task.get("@seqpipe_tasks", "")
    if name == "seqpipe.TokenLabels.v1":
        attribute = task.get("attribute", "tag")
        return f"token.{attribute}" if attribute.startswith("_") else f"token.{attribute}_"
    return _PLACES.get(name, f"what {name} writes to")


@functools.cache
def _languages() -> frozenset[str]:
    """Return the languages that spaCy has a folder for, without importing spaCy."""
    found = importlib.util.find_spec("spacy")
    folders = (found.submodule_search_locations if found else None) or []
    files = (
        file for folder in folders for file in pathlib.Path(folder, "lang").glob("*/__init__.py")
    )
    return frozenset(file.parent.name for file in files)
