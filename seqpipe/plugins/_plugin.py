"""An installed plugin and its state."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from seqpipe.kinds import KINDS
from seqpipe.plugins._load import Parts
from seqpipe.plugins._owner import Owner
from seqpipe.plugins._part import Part
from seqpipe.plugins._trouble import Trouble

PluginState: TypeAlias = Literal["loaded", "quarantined", "not allowed"]


def _no_parts() -> Parts:
    return {kind: {} for kind in KINDS}


@dataclass(frozen=True)
class Plugin:
    """An installed plugin and its state.

    Attributes:
        name: The entry point's name, which is the prefix of its parts' names.
        owner: The distribution that it comes from.
        state: "loaded", "quarantined" for one that can't be used, or "not allowed" for one that
            ``SEQPIPE_PLUGINS`` leaves out. The latter two have no parts.
        seconds: How long its import and its hooks took.
        parts: Its parts by kind and name.
        trouble: Why it can't be used; None if it's loaded.
    """

    name: str
    owner: Owner
    state: PluginState
    seconds: float = 0.0
    parts: Parts = field(default_factory=_no_parts)
    trouble: Trouble | None = None

    @property
    def all_parts(self) -> list[Part]:
        """Its parts of all kinds, each kind's sorted by name."""
        return [self.parts[kind][name] for kind in KINDS for name in sorted(self.parts[kind])]
