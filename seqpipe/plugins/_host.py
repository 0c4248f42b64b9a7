"""Finds plugins by their entry points, resolves conflicting claims, and loads each when it's used."""

import functools
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from pathlib import Path
from typing import Final

from seqpipe.errors import PluginError
from seqpipe.kinds import KINDS
from seqpipe.messages import did_you_mean, nearest
from seqpipe.plugins._load import load_parts
from seqpipe.plugins._owner import Owner, canonical_name, owner_of, read_metadata
from seqpipe.plugins._package import absent, check_package
from seqpipe.plugins._part import Part
from seqpipe.plugins._plugin import Plugin
from seqpipe.plugins._trouble import Trouble, TroubleError, advise_authors, describe_error

BUILTIN: Final = "seqpipe"
#: A part's name, and its version: "seqpipe.FastText", "2".
_VERSION: Final = re.compile(r"(.+)\.v(\d+)")


@dataclass(frozen=True, eq=False)
class Claim:
    """An entry point, which claims a plugin's name.

    Attributes:
        entry_point: Names the plugin and its module.
        owner: The distribution that declares the entry point.
    """

    entry_point: EntryPoint
    owner: Owner

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.entry_point.name

    @property
    def is_builtin(self) -> bool:
        """Whether it's the plugin of seqpipe's own parts."""
        ours = (self.name, self.entry_point.value) == (BUILTIN, "seqpipe.builtin")
        return ours and (self.owner.is_seqpipe or not self.owner.is_distribution)


def installed_entry_points(group: str) -> tuple[list[EntryPoint], dict[Owner, Trouble]]:
    """Return the entry points of a group, and the distributions whose entry points can't be read.

    A single damaged file, in any distribution, prevents Python from reading all others.
    """
    try:
        return list(entry_points(group=group)), {}
    except Exception:  # whatever a malformed file or encoding raises
        found: list[EntryPoint] = []
        damaged: dict[Owner, Trouble] = {}
        for distribution in distributions():
            try:
                found += distribution.entry_points.select(group=group)
            except Exception as error:
                owner = Owner(read_metadata(distribution, "name") or "?", "")
                damaged.setdefault(owner, _damaged(distribution, owner, error))
        return found, damaged


def _damaged(distribution: Distribution, owner: Owner, error: Exception) -> Trouble:
    folder = getattr(distribution, "_path", None)
    file = f"{folder}/entry_points.txt" if folder else "its entry_points.txt"
    return Trouble(
        f"the entry points of {owner} can't be read ({describe_error(error)}): {file} is damaged, and spaCy, which "
        "reads those of all distributions, can't be used either",
        f"pip install --force-reinstall {owner.name}, or pip uninstall {owner.name}",
    )


def read_claims(entry_points: Iterable[EntryPoint], folder: Path | None = None) -> list[Claim]:
    """Return the claims that entry points make, sorted by name.

    Claims that differ only in the version count as one, the first: a distribution may be found
    twice, for example if an older version left its metadata behind.

    Args:
        entry_points: The entry points.
        folder: The author's working copy, if messages are addressed to the author.
    """
    claims: dict[tuple[str, str, str], Claim] = {}
    for entry_point in entry_points:
        owner = owner_of(entry_point, folder)
        same = (entry_point.name, entry_point.value, canonical_name(owner.name))
        claims.setdefault(same, Claim(entry_point, owner))
    return sorted(claims.values(), key=lambda claim: (claim.name, str(claim.owner)))


def contest(claim: Claim, claims: Sequence[Claim]) -> Trouble | None:
    """Return why a claim conflicts with the others, or None if it doesn't."""
    if claim.is_builtin:
        return None
    name, owner = claim.name, claim.owner
    if name == BUILTIN:
        return Trouble(
            f"{owner} claims the plugin name {BUILTIN!r}, which is that of seqpipe's own parts",
            f"pip uninstall {owner.name}, or rename its entry point",
        )
    rivals = [other for other in claims if other.name == name]
    if len(rivals) == 1:
        return None
    owners = list(dict.fromkeys(str(rival.owner) for rival in rivals))
    if len(owners) == 1:
        modules = " and ".join(sorted(rival.entry_point.value for rival in rivals))
        return Trouble(
            f"{owner} claims the plugin name {name!r} more than once: for {modules}",
            advise_authors(owner),
        )
    together = "both" if len(owners) == 2 else "all"
    return Trouble(
        f"{' and '.join(owners)} {together} claim the plugin name {name!r}",
        f"pip uninstall {' or '.join(rival.owner.name for rival in rivals)}: only one may have it",
    )


GROUP: Final = "seqpipe"
ALLOWED: Final = "SEQPIPE_PLUGINS"
STRICT: Final = "SEQPIPE_STRICT_PLUGINS"

_CREATION_LOCK: Final = threading.Lock()


class Host:
    """Finds the installed plugins by their entry points, and imports each when one of its parts is used.

    A plugin that can't be used is quarantined: using it raises an error, and the others aren't affected.
    Each is imported at most once, whether that succeeds or not.

    A lock is held while a plugin is imported. So a plugin shouldn't request parts when it's imported: a thread
    that imports its module directly could deadlock with one that loads it here.

    Args:
        claims: The entry points to choose from; by default those of the installed distributions in
            the group ``seqpipe``.
        allowed: The names of the plugins that may be used besides seqpipe's own; None for all.
        strict: Whether any plugin in quarantine is an error, as well as any part that can't be loaded and any
            name in `allowed` without an installed plugin.
        folder: The author's working copy, if messages are addressed to the author.
    """

    def __init__(
        self,
        claims: Iterable[EntryPoint] | None = None,
        *,
        allowed: Collection[str] | None = None,
        strict: bool = False,
        folder: Path | None = None,
    ) -> None:
        damaged: dict[Owner, Trouble] = {}
        if claims is None:
            claims, damaged = installed_entry_points(GROUP)
        self._damaged = [
            Plugin(owner.name, owner, "quarantined", trouble=trouble)
            for owner, trouble in damaged.items()
        ]
        self._claims = read_claims(claims, folder)
        self._allowed = allowed
        self._strict = strict
        self._resolved: dict[Claim, Plugin] = {}
        # The names of plugins and parts that are being imported.
        self._loading: set[str] = set()
        self._lock = threading.RLock()

    @property
    def plugin_names(self) -> list[str]:
        """The names of the installed plugins, sorted; none is imported for this."""
        return sorted({claim.name for claim in self._claims})

    @property
    def owners(self) -> list[Owner]:
        """The distributions that the installed plugins come from; none is imported for this."""
        return list(dict.fromkeys(claim.owner for claim in self._claims))

    @property
    def loaded(self) -> list[Plugin]:
        """The plugins that have been loaded so far."""
        return [plugin for plugin in list(self._resolved.values()) if plugin.state == "loaded"]

    @property
    def missing(self) -> list[str]:
        """The names that are allowed but that no installed plugin has, sorted."""
        return sorted(set(self._allowed or ()) - set(self.plugin_names))

    @property
    def is_strict(self) -> bool:
        """Whether any plugin in quarantine is an error."""
        return self._strict

    def check_environment(self) -> None:
        """Check that the entry points of all distributions can be read, since spaCy reads them all too.

        Raises:
            PluginError: Some can't.
        """
        if self._damaged:
            raise PluginError("\n  ".join(str(plugin.trouble) for plugin in self._damaged))

    def survey(self, *, on_plugin: Callable[[str], object] | None = None) -> list[Plugin]:
        """Import every allowed plugin, and return all installed ones with their states.

        Args:
            on_plugin: Called with the name of each plugin before it's imported, which may take a while.
        """
        plugins = []
        with self._lock:
            for claim in self._claims:
                if on_plugin:
                    on_plugin(claim.name)
                plugins.append(self._resolve(claim))
        return [*plugins, *self._damaged]

    def broken_parts(self) -> list[tuple[Part, Trouble]]:
        """Return the parts that can't be loaded, and why.

        If the host is strict, every part is imported to find out. Otherwise none is imported, and only parts
        whose modules don't exist are found.
        """
        with self._lock:
            parts = [part for plugin in self.survey() for part in plugin.all_parts]
            found = [(part, self._find_trouble(part)) for part in parts]
        return [(part, trouble) for part, trouble in found if trouble]

    def load(self, name: str) -> Plugin:
        """Import and verify a plugin; a second call returns the same object.

        Raises:
            PluginError: There's no such plugin, it isn't allowed, two distributions claim its name,
                importing it failed, or it breaks the contract of `seqpipe.hookspecs`. If the host
                is strict: the same for any other plugin.
        """
        # Without the lock: another thread may hold it while it waits for an import in this thread.
        ready = None if self._strict else self._loaded(name)
        return ready or self._load(name)

    def find(self, kind: str, name: str) -> Part:
        """Return the part called `name`, such as "seqpipe.LSTM.v1", importing only its plugin.

        Raises:
            PluginError: As `load`, or the plugin provides no such part; the message suggests similar names.
        """
        plugin = self.load(name.partition(".")[0])
        if name not in plugin.parts[kind]:
            raise PluginError(_no_such_part(plugin, kind, name))
        return plugin.parts[kind][name]

    def newer(self, kind: str, name: str) -> list[Part]:
        """Return the newer versions of the part called `name`, the newest last; none if its name ends in no version.

        Raises:
            PluginError: As `load`.
        """
        match = _VERSION.fullmatch(name)
        if match is None:
            return []
        stem, number = match[1], int(match[2])
        versions = {
            int(other[2]): part
            for part in self.load(name.partition(".")[0]).parts[kind].values()
            if (other := _VERSION.fullmatch(part.name)) and other[1] == stem
        }
        return [versions[each] for each in sorted(versions) if each > number]

    def owners_of(self, name: str) -> list[Owner]:
        """Return the distributions that have a plugin of that name, usable or not."""
        return [claim.owner for claim in self._claims if claim.name == name]

    def _loaded(self, name: str) -> Plugin | None:
        return next((plugin for plugin in self.loaded if plugin.name == name), None)

    def _load(self, name: str) -> Plugin:
        with self._lock:
            # A plugin that requests a part while it's imported is in the middle of being resolved itself.
            if not self._loading:
                self.check_strict()
            found = [self._resolve(claim) for claim in self._claims if claim.name == name]
            if plugin := self._loaded(name):
                return plugin
            raise PluginError(str(found[0].trouble) if found else self._not_installed(name))

    def check_strict(self) -> None:
        """If the host is strict, check that every plugin and part can be used.

        Raises:
            PluginError: Some can't; all of them are listed.
        """
        if not self._strict:
            return
        broken = [str(plugin.trouble) for plugin in self.survey() if plugin.state == "quarantined"]
        broken += [str(trouble) for _, trouble in self.broken_parts()]
        broken += [
            f"{ALLOWED} lists {name!r}; {self._not_installed(name)}" for name in self.missing
        ]
        if broken:
            lines = "".join(f"\n  {line}" for line in broken)
            raise PluginError(f"{STRICT} is set, and not every plugin can be used:{lines}")

    #: The former name of `check_strict`, kept until 0.3.
    insist = check_strict

    def _find_trouble(self, part: Part) -> Trouble | None:
        self._loading.add(part.name)
        try:
            return part.find_trouble(imports=self._strict)
        finally:
            self._loading.discard(part.name)

    def _resolve(self, claim: Claim) -> Plugin:
        if claim not in self._resolved:
            self._resolved[claim] = self._load_claim(claim)
        return self._resolved[claim]

    def _load_claim(self, claim: Claim) -> Plugin:
        name, owner = claim.name, claim.owner
        if trouble := self._not_allowed(claim):
            return Plugin(name, owner, "not allowed", trouble=trouble)
        if trouble := contest(claim, self._claims):
            return Plugin(name, owner, "quarantined", trouble=trouble)
        if name in self._loading:
            raise PluginError(
                f"the plugin {name!r} of {owner} is requested while it's being imported: request parts "
                "when they're used"
            )
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

    def _not_allowed(self, claim: Claim) -> Trouble | None:
        if self._allowed is None or claim.name in self._allowed or claim.is_builtin:
            return None
        listed = ",".join(sorted(self._allowed))
        return Trouble(
            f"the plugin {claim.name!r} of {claim.owner} isn't allowed, as {ALLOWED} is {listed!r}",
            f"add {claim.name} to it, or unset it to allow all",
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
    offered = f"it provides {', '.join(names)}" if names else "it provides none"
    return f"{plugin.owner} has no {name!r} among its {kind}: {offered}" + _suggestion(name, names)


def _suggestion(name: str, names: Iterable[str]) -> str:
    near = nearest(name, names)
    return f"; {did_you_mean(near)}" if near else ""


def host() -> Host:
    """Return the host of the plugins installed in this environment.

    ``SEQPIPE_PLUGINS``, names separated by commas, lists those that may be used besides seqpipe's own; if
    it's empty, none may. ``SEQPIPE_STRICT_PLUGINS=1`` makes the host strict.
    """
    with _CREATION_LOCK:  # with the cache alone, two threads could each create one
        return _installed()


@functools.cache
def _installed() -> Host:
    listed = os.environ.get(ALLOWED)
    allowed = None if listed is None else {name.strip() for name in listed.split(",")} - {""}
    strict = os.environ.get(STRICT, "").lower() not in ("", "0", "false", "no")
    return Host(allowed=allowed, strict=strict)


def find_part(kind: str, name: str, *, package: str | None = None) -> Part:
    """Return an installed part.

    Args:
        kind: One of `seqpipe.kinds.KINDS`.
        name: Such as "seqpipe.LSTM.v1".
        package: The package that's recorded for it; see `seqpipe.plugins._package`.

    Raises:
        PluginError: As `Host.find`, or it's not from that package.
    """
    try:
        part = host().find(kind, name)
    except PluginError as error:
        if package is None:
            raise
        owners = host().owners_of(name.partition(".")[0])
        raise absent(name, package, error, owners) from error
    if package is not None and part.takes_package:
        check_package(package, name, part.owner)
    return part
