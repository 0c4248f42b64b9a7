"""A part as a plugin offers it, and what a pipeline file may say to it."""

import functools
import inspect
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_type_hints

from seqpipe.errors import PluginError
from seqpipe.plugins._factory import unwrap
from seqpipe.plugins._owner import Owner
from seqpipe.plugins._package import PACKAGE, check_package, checked_type
from seqpipe.plugins._reference import follow, look_up
from seqpipe.plugins._trouble import Trouble, TroubleError, tell_authors, trouble_of

#: The sizes that the host supplies by position.
_SIZES: Final[dict[str, tuple[str, ...]]] = {
    "tokenizers": (),
    "embedders": (),
    "cells": ("input_width", "width"),
    "encoders": ("input_width",),
    "heads": ("input_width", "output_width"),
    "classifiers": (),
}
_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Part:
    """A named factory, with the plugin that owns it.

    Attributes:
        kind: One of `seqpipe.hookspecs.KINDS`.
        name: Such as "seqpipe.LSTM.v1".
        offer: The factory, or a reference to it: "package.module:Name".
        owner: The distribution that offers the part.
    """

    kind: str
    name: str
    offer: Callable[..., Any] | str
    owner: Owner

    @functools.cached_property
    def factory(self) -> Callable[..., Any]:
        """What's called with the sizes that the host supplies by position, and settings by keyword.

        Raises:
            PluginError: The reference to it leads nowhere.
        """
        if not isinstance(self.offer, str):
            return self.offer
        try:
            return follow(self.offer, self.name, self.owner)
        except TroubleError as error:
            raise PluginError(str(error.trouble)) from error

    def find_trouble(self, *, imports: bool) -> Trouble | None:
        """Return what keeps the factory from being had, if anything does.

        Args:
            imports: Whether to import it, which shows everything. Otherwise it's told that the module that
                it's in doesn't exist, as far as that shows without importing anything.
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

    @functools.cached_property
    def settings(self) -> dict[str, inspect.Parameter]:
        """The keyword-only parameters by name, with their annotations resolved.

        Raises:
            PluginError: The factory can't be had, takes ``*args`` or ``**kwargs``, other parameters by position
                than the sizes, or its annotations name something that doesn't exist.
        """
        return {
            name: parameter
            for name, parameter in self._parameters().items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }

    @property
    def takes_package(self) -> bool:
        """Whether the package that it's from goes on record, as that of all parts but ours does."""
        return self.owner.is_distribution and not self.owner.is_seqpipe

    @functools.cached_property
    def block_settings(self) -> dict[str, inspect.Parameter]:
        """What a block of a configuration may give: the settings, and `package` for third parties.

        Raises:
            PluginError: As `settings`.
        """
        if not self.takes_package:
            return self.settings
        keyword = inspect.Parameter.KEYWORD_ONLY
        package = inspect.Parameter(PACKAGE, keyword, default=str(self.owner), annotation=str)
        return {**self.settings, PACKAGE: package}

    @functools.cached_property
    def sizes(self) -> dict[str, inspect.Parameter]:
        """The parameters that the host supplies by position, by name, with their annotations resolved.

        Raises:
            PluginError: As `settings`.
        """
        return {
            name: parameter
            for name, parameter in self._parameters().items()
            if parameter.kind in _POSITIONAL
        }

    @property
    def takes_sizes(self) -> bool:
        """Whether the host supplies sizes, so that settings alone don't make the part yet."""
        return bool(self.sizes)

    def default_width(self) -> int:
        """Return the width of an encoder's output where a pipeline file doesn't give it.

        Raises:
            PluginError: As `settings`, or it has no setting `width` with a default.
        """
        setting = self.settings.get("width")
        if setting is None or not isinstance(setting.default, int):
            raise PluginError(
                f"{self.name} of {self.owner} has no setting `width` with a default: every encoder "
                "states the width of its output by it"
            )
        return setting.default

    @property
    def embeds_documents(self) -> bool:
        """Whether an embedder gives whole documents a vector too.

        Raises:
            PluginError: The factory can't be had.
        """
        # Listing plugins imports no numpy.
        from seqpipe.parts.embedders import DocumentEmbedder

        made, _ = unwrap(self.factory)
        return inspect.isclass(made) and issubclass(made, DocumentEmbedder)

    def component(self, settings: Mapping[str, Any]) -> str:
        """Return the component of spaCy's that a head serves with some settings.

        Raises:
            PluginError: The factory can't be had, or it doesn't say.
        """
        head, given = unwrap(self.factory)
        component = getattr(head, "component", None)
        if not callable(component):
            raise PluginError(
                f"{self.name} of {self.owner} doesn't say which component of spaCy's it serves: a head "
                "has the class method `component`"
            )
        return str(component({**given, **settings}))

    def _parameters(self) -> dict[str, inspect.Parameter]:
        factory = self.factory
        try:
            parameters = inspect.signature(factory).parameters
            hints = get_type_hints(_annotated(factory))
        except Exception as error:
            # Resolving annotations runs what they say.
            raise PluginError(
                f"{self.name} of {self.owner} has no readable signature: {error}"
            ) from error
        for parameter in parameters.values():
            if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
                raise PluginError(
                    f"{self.name} of {self.owner} takes {parameter}: a part states each of its "
                    "settings, so that a pipeline file can be checked"
                )
        if PACKAGE in parameters:
            raise PluginError(
                f"{self.name} of {self.owner} has a setting `{PACKAGE}`, which is the name that "
                f"seqpipe records a part's package under; {tell_authors(self.owner)}"
            )
        self._check_sizes([n for n, p in parameters.items() if p.kind in _POSITIONAL])
        return {
            name: parameter.replace(annotation=hints.get(name, Any))
            for name, parameter in parameters.items()
        }

    def _check_sizes(self, positional: list[str]) -> None:
        sizes = _SIZES[self.kind]
        if len(positional) != len(sizes):
            raise PluginError(
                f"{self.name} of {self.owner} takes ({', '.join(positional)}) by position, where "
                f"{self.kind} get ({', '.join(sizes)}); settings are keyword-only: put `*` before them"
            )


def _annotated(factory: Any) -> Any:
    given, _ = unwrap(factory)
    return given.__init__ if inspect.isclass(given) else given


# By identity: what a plugin makes may be unhashable, or equal to something else.
_MADE: Final[dict[int, tuple[weakref.ref[Any], Part]]] = {}


def note_maker(made: Any, part: Part) -> None:
    """Remember which part made an object, for as long as that lives."""
    key = id(made)
    try:
        reference = weakref.ref(made, lambda _: _MADE.pop(key, None))
    except TypeError:  # an object with slots, say; its class may still tell
        return
    _MADE[key] = (reference, part)


def noted_maker(made: Any) -> Part | None:
    """Return the part that `note_maker` remembers for an object."""
    reference, part = _MADE.get(id(made), (None, None))
    return part if reference is not None and reference() is made else None


def bind(part: Part) -> Callable[..., Any]:
    """Return the function that a config block calls: it takes the part's settings, by keyword only.

    It returns the part itself, or, where the host supplies sizes that aren't known yet, a factory
    that takes those. A part of a third party takes the setting `package` too; see
    `seqpipe.plugins._package`.
    """

    def make(**settings: Any) -> Any:
        if PACKAGE in settings:
            check_package(settings.pop(PACKAGE), part.name, part.owner)
        make_it = functools.partial(part.factory, **settings)
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
    make.__doc__ = inspect.getdoc(part.factory)
    return make
