"""Knows all installed plugins, and loads each when a part of it is asked for."""

import difflib
import functools
import os
import threading
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Final, Literal, TypeAlias

from seqpipe.errors import PluginError
from seqpipe.hookspecs import KINDS
from seqpipe.plugins._load import Parts, load_parts
from seqpipe.plugins._owner import Owner, owner_of
from seqpipe.plugins._part import Part
from seqpipe.plugins._trouble import Trouble, TroubleError

GROUP: Final = "seqpipe"
BUILTIN: Final = "seqpipe"
ALLOWED: Final = "SEQPIPE_PLUGINS"
STRICT: Final = "SEQPIPE_STRICT_PLUGINS"

PluginState: TypeAlias = Literal["loaded", "quarantined", "not allowed"]


def _no_parts() -> Parts:
    return {kind: {} for kind in KINDS}


@dataclass(frozen=True)
class Plugin:
    """What became of an installed plugin.

    Attributes:
        name: The entry point's name, with which the names of its parts begin.
        owner: The distribution that it comes from.
        state: "loaded", "quarantined" for one that can't be used, or "not allowed" for one that
            ``SEQPIPE_PLUGINS`` leaves out. The latter two have no parts.
        seconds: How long its import and its hooks took.
        parts: Its parts by kind and name.
        trouble: What keeps it from being used; None if it's loaded.
    """

    name: str
    owner: Owner
    state: PluginState
    seconds: float = 0.0
    parts: Parts = field(default_factory=_no_parts)
    trouble: Trouble | None = None


@dataclass(frozen=True, eq=False)
class _Claim:
    """An entry point, which claims a plugin's name."""

    entry_point: EntryPoint
    owner: Owner

    @property
    def name(self) -> str:
        return self.entry_point.name

    @property
    def is_builtin(self) -> bool:
        return (self.name, self.entry_point.value) == (BUILTIN, "seqpipe.builtin")


class Host:
    """Knows the installed plugins by their entry points, and imports one when it's asked for a part.

    A plugin that can't be used is quarantined: it's told when somebody asks for it, and does no harm
    to the others. Each is imported once at most, whatever comes of it.

    Args:
        claims: The entry points to choose from; by default those of the installed distributions in
            the group ``seqpipe``.
        allowed: The names of the plugins that may be used beside seqpipe's own; None for all.
        strict: Whether any plugin in quarantine is an error, for all that are allowed.
    """

    def __init__(
        self,
        claims: Iterable[EntryPoint] | None = None,
        *,
        allowed: Collection[str] | None = None,
        strict: bool = False,
    ) -> None:
        if claims is None:
            claims = entry_points(group=GROUP)
        self._claims = [_Claim(each, owner_of(each)) for each in claims]
        self._claims.sort(key=lambda claim: (claim.name, str(claim.owner)))
        self._allowed = allowed
        self._strict = strict
        self._settled: dict[_Claim, Plugin] = {}
        self._loading: set[str] = set()
        self._lock = threading.RLock()

    @property
    def plugin_names(self) -> list[str]:
        """The names of the installed plugins, sorted; none is imported for this."""
        return sorted({claim.name for claim in self._claims})

    @property
    def loaded(self) -> list[Plugin]:
        """The plugins that have been loaded so far."""
        return [plugin for plugin in list(self._settled.values()) if plugin.state == "loaded"]

    def survey(self) -> list[Plugin]:
        """Import every plugin that's allowed, and return what became of each that's installed."""
        with self._lock:
            return [self._settle(claim) for claim in self._claims]

    def load(self, name: str) -> Plugin:
        """Import and verify a plugin; a second call returns what the first did.

        Raises:
            PluginError: There's no such plugin, it isn't allowed, two distributions claim its name,
                importing it failed, or it breaks the contract of `seqpipe.hookspecs`. If the host
                is strict: the same of any other.
        """
        with self._lock:
            if self._strict:
                self._insist()
            found = [self._settle(claim) for claim in self._claims if claim.name == name]
            for plugin in found:
                if plugin.state == "loaded":
                    return plugin
            raise PluginError(str(found[0].trouble) if found else self._not_installed(name))

    def find(self, kind: str, name: str) -> Part:
        """Return the part called `name`, such as "seqpipe.LSTM.v1", importing only its owner.

        Raises:
            PluginError: As `load`, or the plugin offers no such part; the message suggests near names.
        """
        plugin = self.load(name.partition(".")[0])
        if name not in plugin.parts[kind]:
            raise PluginError(_no_such_part(plugin, kind, name))
        return plugin.parts[kind][name]

    def _insist(self) -> None:
        broken = [plugin for plugin in self.survey() if plugin.state == "quarantined"]
        if broken:
            lines = "".join(f"\n  {plugin.trouble}" for plugin in broken)
            raise PluginError(f"{STRICT} is set, and not every plugin can be used:{lines}")

    def _settle(self, claim: _Claim) -> Plugin:
        if claim not in self._settled:
            self._settled[claim] = self._judge(claim)
        return self._settled[claim]

    def _judge(self, claim: _Claim) -> Plugin:
        name, owner = claim.name, claim.owner
        if trouble := self._not_allowed(claim):
            return Plugin(name, owner, "not allowed", trouble=trouble)
        if trouble := self._rivals(claim):
            return Plugin(name, owner, "quarantined", trouble=trouble)
        if name in self._loading:
            raise PluginError(f"the plugin {name!r} of {owner} asks for itself while it's imported")
        self._loading.add(name)
        start = time.perf_counter()
        try:
            parts = load_parts(claim.entry_point, owner)
        except TroubleError as error:
            seconds = time.perf_counter() - start
            return Plugin(name, owner, "quarantined", seconds, trouble=error.trouble)
        finally:
            self._loading.discard(name)
        return Plugin(name, owner, "loaded", time.perf_counter() - start, parts)

    def _not_allowed(self, claim: _Claim) -> Trouble | None:
        if self._allowed is None or claim.name in self._allowed or claim.is_builtin:
            return None
        listed = ",".join(sorted(self._allowed))
        return Trouble(
            f"the plugin {claim.name!r} of {claim.owner} isn't allowed, as {ALLOWED} is {listed!r}",
            f"add {claim.name} to it, or unset it to allow all",
        )

    def _rivals(self, claim: _Claim) -> Trouble | None:
        if claim.is_builtin:
            return None
        if claim.name == BUILTIN:
            return Trouble(
                f"{claim.owner} claims the plugin name {BUILTIN!r}, which is that of seqpipe's own "
                "parts",
                f"pip uninstall {claim.owner.name}, or rename its entry point",
            )
        owners = sorted(str(other.owner) for other in self._claims if other.name == claim.name)
        if len(owners) == 1:
            return None
        together = "both" if len(owners) == 2 else "all"
        return Trouble(
            f"{' and '.join(owners)} {together} claim the plugin name {claim.name!r}",
            "uninstall all but one of them",
        )

    def _not_installed(self, name: str) -> str:
        return (
            f"no installed plugin is called {name!r}; installed: {', '.join(self.plugin_names)}"
            + _suggestion(name, self.plugin_names)
        )


def _no_such_part(plugin: Plugin, kind: str, name: str) -> str:
    other = [k for k in KINDS if name in plugin.parts[k]]
    if other:
        return f"{name!r} of {plugin.owner} is one of its {other[0]}, not of its {kind}"
    names = sorted(plugin.parts[kind])
    offered = f"it offers {', '.join(names)}" if names else "it offers none"
    return f"{plugin.owner} has no {name!r} among its {kind}: {offered}" + _suggestion(name, names)


def _suggestion(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


@functools.cache
def host() -> Host:
    """Return the host of the plugins installed in this environment.

    ``SEQPIPE_PLUGINS``, names separated by commas, says which may be used beside seqpipe's own; empty,
    none. ``SEQPIPE_STRICT_PLUGINS=1`` makes it strict.
    """
    listed = os.environ.get(ALLOWED)
    allowed = None if listed is None else {name.strip() for name in listed.split(",")} - {""}
    strict = os.environ.get(STRICT, "").lower() not in ("", "0", "false", "no")
    return Host(allowed=allowed, strict=strict)


def find_part(kind: str, name: str) -> Part:
    """Return an installed part; see `Host.find`."""
    return host().find(kind, name)
