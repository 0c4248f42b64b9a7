"""A part as a plugin provides it, and the settings that a pipeline file may give it."""

import contextlib
import functools
import inspect
import json
import weakref
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, get_type_hints

from seqpipe.errors import PluginError
from seqpipe.kinds import KINDS
from seqpipe.plugins._owner import Owner
from seqpipe.plugins._package import PACKAGE, check_package, checked_type
from seqpipe.plugins._records import read_record, write_record
from seqpipe.plugins._reference import follow, look_up, unwrap
from seqpipe.plugins._signature import (
    CannotWriteError,
    Documentation,
    docstrings_of,
    parameters_from_json,
    parameters_to_json,
    read_docstrings,
)
from seqpipe.plugins._trouble import Trouble, TroubleError, advise_authors, trouble_of

_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Description:
    """The description of a part.

    Attributes:
        parameters: The parameters of its factory by name, with annotations resolved.
        docstrings: That of the factory, followed by those of its base classes.
        embeds_documents: Whether it's an embedder that gives whole documents vectors too.
        labels_words: Whether it's a head that scores words rather than texts.
    """

    parameters: Mapping[str, inspect.Parameter]
    docstrings: tuple[str, ...]
    embeds_documents: bool
    labels_words: bool


@dataclass(frozen=True)
class Part:
    """A named factory, with the distribution that provides it.

    Attributes:
        kind: One of `seqpipe.kinds.KINDS`.
        name: Such as "seqpipe.LSTM.v1".
        offer: The factory, or a reference to it: "package.module:Name".
        owner: The distribution that provides the part.
    """

    kind: str
    name: str
    offer: Callable[..., Any] | str
    owner: Owner

    @functools.cached_property
    def factory(self) -> Callable[..., Any]:
        """The callable that takes the host's sizes by position and the settings by keyword.

        Raises:
            PluginError: The reference to it can't be resolved.
        """
        if not isinstance(self.offer, str):
            return self.offer
        try:
            factory = follow(self.offer, self.name, self.owner)
        except TroubleError as error:
            raise PluginError(str(error.trouble)) from error
        self._write_description(factory)
        return factory

    def find_trouble(self, *, imports: bool) -> Trouble | None:
        """Return why the factory can't be loaded, or None if it can.

        Args:
            imports: Whether to import it, which finds everything. Otherwise only a module that doesn't exist
                is found, as far as that's possible without importing anything.
        """
        try:
            if imports:
                _ = self.factory
            elif isinstance(self.offer, str):
                look_up(self.offer, self.name, self.owner)
        except TroubleError as error:
            return error.trouble
        except PluginError as error:
            return trouble_of(error)
        return None

    @property
    def description(self) -> Description:
        """The part's description: from its code if that's imported, else from the record.

        Raises:
            PluginError: The factory can't be loaded, takes ``*args`` or ``**kwargs``, has other positional
                parameters than the sizes, or its annotations name something that doesn't exist.
        """
        return (None if self._is_imported else self._recorded) or self._described

    @property
    def settings(self) -> dict[str, inspect.Parameter]:
        """The keyword-only parameters by name, with their annotations resolved.

        Raises:
            PluginError: As `description`.
        """
        return {
            name: parameter
            for name, parameter in self.description.parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }

    @property
    def takes_package(self) -> bool:
        """Whether its package is recorded in configurations, as that of all parts but ours is."""
        return self.owner.is_distribution and not self.owner.is_seqpipe

    @property
    def block_settings(self) -> dict[str, inspect.Parameter]:
        """The settings that a block of a configuration may give, including `package` for third-party parts.

        Raises:
            PluginError: As `description`.
        """
        if not self.takes_package:
            return self.settings
        keyword = inspect.Parameter.KEYWORD_ONLY
        package = inspect.Parameter(PACKAGE, keyword, default=str(self.owner), annotation=str)
        return {**self.settings, PACKAGE: package}

    @property
    def sizes(self) -> dict[str, inspect.Parameter]:
        """The parameters that the host supplies by position, by name, with their annotations resolved.

        Raises:
            PluginError: As `description`.
        """
        return {
            name: parameter
            for name, parameter in self.description.parameters.items()
            if parameter.kind in _POSITIONAL
        }

    @property
    def takes_sizes(self) -> bool:
        """Whether the host supplies sizes, so settings alone aren't enough to create the part."""
        return bool(self.sizes)

    def default_width(self) -> int:
        """Return the width of an encoder's output if a pipeline file doesn't give it.

        Raises:
            PluginError: As `description`, or it has no setting `width` with a default.
        """
        setting = self.settings.get("width")
        if setting is None or not isinstance(setting.default, int):
            raise PluginError(
                f"{self.name} of {self.owner} has no setting `width` with a default: every encoder "
                "gives the width of its output by it"
            )
        return setting.default

    @property
    def documentation(self) -> Documentation:
        """The part's documentation, from its docstrings.

        Raises:
            PluginError: As `description`.
        """
        known = None if self._is_imported else self._record("documentation")
        # A record of another release, or a damaged one, may have another form.
        if isinstance(known, dict) and set(known) == {each.name for each in fields(Documentation)}:
            return Documentation(**known)
        found = read_docstrings(self.description.docstrings)
        self._write_record("documentation", asdict(found))
        return found

    @property
    def embeds_documents(self) -> bool:
        """Whether an embedder gives whole documents vectors too.

        Raises:
            PluginError: As `description`.
        """
        return self.description.embeds_documents

    @property
    def labels_words(self) -> bool:
        """Whether a head scores words rather than texts.

        Raises:
            PluginError: As `description`.
        """
        return self.description.labels_words

    def component(self, settings: Mapping[str, Any]) -> str:
        """Return the spaCy component that a head for text classification belongs to with these settings.

        Raises:
            PluginError: The factory can't be loaded, or it names none.
        """
        named = self._ask("component", settings)
        if not named:
            raise PluginError(
                f"{self.name} of {self.owner} doesn't say which spaCy component it belongs to: a head "
                "has the class method `component`"
            )
        return named

    def task(self, settings: Mapping[str, Any]) -> str:
        """Return the task of a head with these settings; the default one if it names none.

        Raises:
            PluginError: The factory can't be loaded.
        """
        return self._ask("task", settings) or KINDS["tasks"].default

    def _ask(self, method: str, settings: Mapping[str, Any]) -> str:
        """Return the result of a head's class method for these settings; "" if there's no such method."""
        record = f"{method}s"
        known = None if self._is_imported else self._record(record)
        key = json.dumps(settings, sort_keys=True, default=repr)
        if known and key in known:
            return str(known[key])
        head, given = unwrap(self.factory)
        ask = getattr(head, method, None)
        try:
            named = str(ask({**given, **settings})) if callable(ask) else ""
        except Exception as error:
            raise PluginError(
                f"{self.name} of {self.owner} raised {type(error).__name__}: {error} when it was asked for its "
                f"`{method}`"
            ) from error
        self._write_record(record, {**(self._record(record) or {}), key: named})
        return named

    @property
    def _is_imported(self) -> bool:
        return not isinstance(self.offer, str) or "factory" in vars(self)

    @functools.cached_property
    def _described(self) -> Description:
        return self._describe(self.factory)

    @functools.cached_property
    def _recorded(self) -> Description | None:
        record = self._record("description")
        try:
            return record and Description(
                parameters_from_json(record["parameters"]),
                tuple(record["docstrings"]),
                bool(record["embeds_documents"]),
                bool(record["labels_words"]),
            )
        except (
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
        ):  # of another release, or damaged
            return None

    @property
    def _package(self) -> str:
        return str(self.offer).partition(":")[0].partition(".")[0]

    def _key(self, what: str) -> str:
        return f"{what} of {self.kind}/{self.name}"

    def _record(self, what: str) -> Any:
        if not isinstance(self.offer, str):
            return None
        return read_record(self._package, str(self.owner), self._key(what))

    def _write_record(self, what: str, record: Any) -> None:
        if isinstance(self.offer, str):
            write_record(self._package, str(self.owner), self._key(what), record)

    def _write_description(self, factory: Callable[..., Any]) -> None:
        """Record the description of a factory, for when it isn't imported."""
        # Invalid parts, and those with parameters that can't be written, are inspected each time.
        with contextlib.suppress(PluginError, CannotWriteError):
            found = self._describe(factory)
            record = {
                "parameters": parameters_to_json(found.parameters),
                "docstrings": list(found.docstrings),
                "embeds_documents": found.embeds_documents,
                "labels_words": found.labels_words,
            }
            self._write_record("description", record)

    def _describe(self, factory: Callable[..., Any]) -> Description:
        parameters = self._parameters(factory)
        return Description(
            parameters,
            tuple(docstrings_of(factory)),
            _embeds_documents(self.kind, factory),
            _labels_words(self.kind, factory),
        )

    def _parameters(self, factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
        try:
            parameters = inspect.signature(factory).parameters
            hints = get_type_hints(_annotated(factory))
        except Exception as error:
            # Resolving annotations runs their code.
            raise PluginError(
                f"{self.name} of {self.owner} has no readable signature: {error}"
            ) from error
        for parameter in parameters.values():
            if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
                raise PluginError(
                    f"{self.name} of {self.owner} takes {parameter}: a part has to declare each of its "
                    "settings, so that a pipeline file can be checked"
                )
        if PACKAGE in parameters:
            raise PluginError(
                f"{self.name} of {self.owner} has a setting `{PACKAGE}`, a name that "
                f"seqpipe uses to record a part's package; {advise_authors(self.owner)}"
            )
        self._check_sizes([n for n, p in parameters.items() if p.kind in _POSITIONAL])
        return {
            name: parameter.replace(annotation=hints.get(name, Any))
            for name, parameter in parameters.items()
        }

    def _check_sizes(self, positional: list[str]) -> None:
        sizes = KINDS[self.kind].sizes
        if len(positional) != len(sizes):
            raise PluginError(
                f"{self.name} of {self.owner} takes ({', '.join(positional)}) by position, where "
                f"{self.kind} get ({', '.join(sizes)}); settings are keyword-only: put `*` before them"
            )


def reference_to(part: Part) -> str:
    """Return a reference to the code of a part: "package.module:Name"."""
    if isinstance(part.offer, str):
        return part.offer
    factory, _ = unwrap(part.offer)
    named = factory if hasattr(factory, "__qualname__") else type(factory)
    return f"{getattr(named, '__module__', None) or 'builtins'}:{named.__qualname__}"


def _embeds_documents(kind: str, factory: Callable[..., Any]) -> bool:
    if kind != "embedders":
        return False
    # Listing plugins imports no numpy.
    from seqpipe.parts.embedders import DocumentEmbedder

    made, _ = unwrap(factory)
    return inspect.isclass(made) and issubclass(made, DocumentEmbedder)


def _labels_words(kind: str, factory: Callable[..., Any]) -> bool:
    # A function that's offered as a head has its class attributes too, or it couldn't say its task either.
    made, _ = unwrap(factory)
    return kind == "heads" and getattr(made, "level", None) == "word"


def _annotated(factory: Any) -> Any:
    given, _ = unwrap(factory)
    return given.__init__ if inspect.isclass(given) else given


# By identity: objects of a plugin may be unhashable, or equal to something else.
_MADE: Final[dict[int, tuple[weakref.ref[Any], Part]]] = {}


def note_maker(made: Any, part: Part) -> None:
    """Remember which part created an object, for as long as that exists."""
    key = id(made)
    try:
        reference = weakref.ref(made, lambda _: _MADE.pop(key, None))
    except TypeError:  # such as an object with slots; its class may still show it
        return
    _MADE[key] = (reference, part)


def noted_maker(made: Any) -> Part | None:
    """Return the part that `note_maker` remembers for an object."""
    reference, part = _MADE.get(id(made), (None, None))
    return part if reference is not None and reference() is made else None


def bind(part: Part) -> Callable[..., Any]:
    """Return the function that a config block calls: it takes the part's settings, by keyword only.

    It returns the part itself, or, if the host supplies sizes that aren't known yet, a factory
    that takes them. A third-party part takes the setting `package` too; see
    `seqpipe.plugins._package`.
    """
    # Import the factory first: confection couldn't check values against a mere record.
    factory = part.factory

    def make(**settings: Any) -> Any:
        if PACKAGE in settings:
            check_package(settings.pop(PACKAGE), part.name, part.owner)
        make_it = functools.partial(factory, **settings)
        made = make_it if part.takes_sizes else make_it()
        note_maker(made, part)
        return made

    parameters = part.block_settings
    # confection reads defaults and types from the signature.
    make.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    make.__annotations__ = {name: p.annotation for name, p in parameters.items()}
    if PACKAGE in parameters:
        make.__annotations__[PACKAGE] = checked_type(part.name, part.owner)
    make.__name__ = make.__qualname__ = part.name
    make.__doc__ = inspect.getdoc(factory)
    return make
