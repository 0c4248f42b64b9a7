"""Checks spaCy's own sections against spaCy's schemas, its defaults, and its component factories."""

from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any, cast

from seqpipe.config._blocks import Blocks, slot_at
from seqpipe.config._report import Path, Report, title
from seqpipe.config._schema import HOST_SETTINGS, SLOTS
from seqpipe.config._spacy_defaults import spacy_defaults
from seqpipe.config._spacy_facts import Factory, SpacyFacts
from seqpipe.config._types import is_block
from seqpipe.messages import did_you_mean, listed, nearest, quote

#: Keys of a component that belong to spaCy rather than to its factory.
_HOST = {"replace_listeners": list[str]}
_SOURCED = ("source", "component", "replace_listeners")


class SpacySections:
    """Checks the sections that are spaCy's.

    Args:
        report: Collects the problems.
        blocks: Checks blocks.
        facts: Describes spaCy's schemas and factories.
        lang: The language of the pipeline.
        expansion: Returns what the file's other sections expand to; empty for a spaCy config.
    """

    def __init__(
        self,
        report: Report,
        blocks: Blocks,
        facts: SpacyFacts,
        lang: str,
        expansion: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._report = report
        self._blocks = blocks
        self._facts = facts
        self._lang = lang
        self._expansion = expansion
        self._factories: dict[str, Factory | None] = {}

    def check(self, name: str, section: dict[str, Any]) -> None:
        """Check one of spaCy's sections."""
        checks = {"system": self._system, "components": self._components, "corpora": self._corpora}
        if name in checks:
            checks[name](section)
        elif name in (schemas := self._facts.schemas()):
            # Each of spaCy's is read on access only.
            fields = ChainMap(HOST_SETTINGS.get(name, {}), cast(dict[str, Any], schemas[name]))
            self._with_schema(name, section, fields)
        else:
            self._blocks.check_nested((name,), section)

    def default_component(self, factory: str) -> Mapping[str, Any]:
        """Return the default settings of a component factory; nothing if there's no such factory."""
        found = self._find_factory(factory)
        return found[1] if found else {}

    def _find_factory(self, factory: str) -> Factory | None:
        if factory not in self._factories:
            self._factories[factory] = self._facts.factory(self._lang, factory)
        return self._factories[factory]

    def _with_schema(self, name: str, section: dict[str, Any], fields: Mapping[str, Any]) -> None:
        self._report.no_block((name,), section)
        for key, value in section.items():
            path = (name, key)
            if key.startswith("@"):
                continue
            slot = slot_at(path)
            if key not in fields:
                self._report.unknown(path, fields)
            elif slot and isinstance(value, dict):
                self._blocks.check(path, value, slot)
            elif self._report.check_type(path, value, fields[key]):
                self._blocks.check_nested(path, value)

    def _system(self, section: dict[str, Any]) -> None:
        self._report.no_block(("system",), section)
        known: dict[str, Any] = {"seed": int | None, "gpu_allocator": str | None}
        known |= {key: Any for key in spacy_defaults().get("system", {}) if key not in known}
        for key, value in section.items():
            if key not in known and not key.startswith("@"):
                self._report.unknown(("system", key), known)
            elif key in known:
                self._report.check_plain(("system", key), value, known[key])

    def _corpora(self, section: dict[str, Any]) -> None:
        if is_block(section):
            # One reader may return all corpora, by name.
            self._blocks.check(("corpora",), section, SLOTS[("corpora",)])
            return
        for name, corpus in section.items():
            path = ("corpora", name)
            if isinstance(corpus, dict):
                self._blocks.check(path, corpus, SLOTS[("corpora", "*")])
            else:
                self._report.add(
                    path, f"a corpus is a section: {title(path)}", "name its @readers there"
                )

    def _components(self, section: dict[str, Any]) -> None:
        self._report.no_block(("components",), section)
        for name, component in section.items():
            path = ("components", name)
            if name.startswith("@"):
                continue
            if isinstance(component, dict):
                self._component(path, component)
            else:
                self._report.add(
                    path, f"a component is a section: {title(path)}", "name its factory there"
                )

    def _component(self, path: Path, component: dict[str, Any]) -> None:
        self._report.no_block(path, component, "a component names its factory: factory = …")
        plain = {key: value for key, value in component.items() if not key.startswith("@")}
        if "source" in plain:
            self._sourced(path, plain)
            return
        expanded = self._expansion().get("components", {})
        default = expanded.get(path[1], {})
        factory = plain.get("factory", default.get("factory"))
        if factory is None:
            help = 'write factory = "textcat", or source = "…" for one of a trained pipeline'
            label = did_you_mean(nearest(path[1], expanded)) or "add a line factory = …"
            self._report.add(path, f"{title(path)} names no factory", label, help=(help,))
        elif self._report.check_plain((*path, "factory"), factory, str):
            self._made(path, plain, factory, frozenset(default))

    def _sourced(self, path: Path, component: dict[str, Any]) -> None:
        for key, value in component.items():
            if key not in _SOURCED:
                self._report.unknown(
                    (*path, key), _SOURCED, owner=" (a component of another pipeline)"
                )
            elif key == "replace_listeners":
                self._report.check_type((*path, key), value, list[str])
            else:
                self._report.check_plain((*path, key), value, str)

    def _made(
        self, path: Path, component: dict[str, Any], factory: str, given: frozenset[str]
    ) -> None:
        found = self._find_factory(factory)
        if found is None:
            names = self._facts.factories(self._lang)
            message = f"spaCy has no component factory {quote(factory)}"
            near = did_you_mean(nearest(factory, names))
            help = f"there are {listed(names, 40)}"
            self._report.add((*path, "factory"), message, near, value=True, help=(help,))
            return
        function, default = found
        rest = {key: value for key, value in component.items() if key != "factory"}
        given |= frozenset(default)
        self._blocks.check_arguments(path, rest, function, host=_HOST, given=given)
