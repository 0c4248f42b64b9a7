"""The seven hooks through which a plugin provides its parts, and the marker for their implementations.

A plugin is a module named by an entry point of the group ``seqpipe``. It implements any of the hooks
below; each returns a dictionary from the part's full name, ``<entry point>.<Name>.v<N>``, to its factory.

How a factory is called is one rule for every kind: **positional parameters come from the host,
keyword-only parameters are the settings that a pipeline file may give.** So a cell is just its class,
with the constructor ``__init__(self, input_width, width, *, forget_bias=1.0)``.

In place of a factory there may be a reference to it, the string ``"package.module:Name"``. It's imported when
the part is used, so that a plugin can be listed without importing torch.

A hook may gain arguments in a later release. An implementation names those that it needs, so older ones
keep working.
"""

from collections.abc import Callable
from typing import Any, Final

import pluggy

from seqpipe.kinds import KINDS as _KINDS

__all__ = ["KINDS", "ONE_OF", "Factories", "hookimpl"]

_PROJECT: Final = "seqpipe"

#: The kinds of part by name; see `seqpipe.kinds`. Kept here until 0.3.
KINDS: Final = tuple(_KINDS)
ONE_OF: Final = {name: kind.one for name, kind in _KINDS.items()}

hookspec = pluggy.HookspecMarker(_PROJECT)
hookimpl = pluggy.HookimplMarker(_PROJECT)

#: Factories, or references to them, by the part's full name.
Factories = dict[str, Callable[..., Any] | str]


@hookspec
def seqpipe_tokenizers() -> Factories:  # type: ignore[empty-body]
    """Provide tokenizers: factories of a callable from text to words."""


@hookspec
def seqpipe_embedders() -> Factories:  # type: ignore[empty-body]
    """Provide embedders: factories of an `Embedder`."""


@hookspec
def seqpipe_cells() -> Factories:  # type: ignore[empty-body]
    """Provide cells: factories of a `Cell`, called with ``(input_width, width)``."""


@hookspec
def seqpipe_encoders() -> Factories:  # type: ignore[empty-body]
    """Provide encoders: factories of an `Encoder`, called with ``(input_width)``."""


@hookspec
def seqpipe_heads() -> Factories:  # type: ignore[empty-body]
    """Provide heads: factories of a `Head`, called with ``(input_width, output_width)``."""


@hookspec
def seqpipe_tasks() -> Factories:  # type: ignore[empty-body]
    """Provide tasks: factories of a `Task`, what a pipeline learns from rows."""


@hookspec
def seqpipe_classifiers() -> Factories:  # type: ignore[empty-body]
    """Provide classifiers: factories of a `Classifier`, a whole model from words to labels."""
