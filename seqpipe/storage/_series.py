"""Saves of a training one after another, in which files that stay the same are linked instead of written anew.

A saved folder isn't written into, but replaced as a whole and removed. So a file that stands in the old and in the new
one, as one hard link each, is the new one's alone as soon as the old one is gone.
"""

import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from seqpipe.storage._files import list_files
from seqpipe.storage._leftovers import IN_PLACE
from seqpipe.storage._manifest import Entry

#: Which file it is, how many links it has, its size, and when it was changed last.
_Status: TypeAlias = tuple[int, ...]
_Write: TypeAlias = Callable[[Path], object]


@dataclass(frozen=True)
class _Part:
    """Files that stay the same as long as they belong to the same object, in the same version."""

    owner: object
    version: str
    names: tuple[str, ...]


@dataclass
class SaveSeries:
    """Saves to the same folder by `write_folder`, one after another.

    What `write_once` is to write is linked from the save before if its owner is the same object, and if the files are
    the very ones that were written then, unchanged since. They keep the hashes that they had, and are on the disk already.
    """

    _target: Path | None = None
    _files: Mapping[str, tuple[Entry, _Status]] = field(default_factory=dict)
    _parts: Mapping[str, _Part] = field(default_factory=dict)

    @contextmanager
    def saving(self, new: Path, target: Path) -> Iterator["Saving"]:
        """Have `write_once` know of a save into the folder `new`, which will stand at `target`, in the block."""
        saving = Saving(new, target, self._parts if target == self._target else {})
        token = _current.set(saving)
        try:
            yield saving
        finally:
            _current.reset(token)

    def link(self, saving: "Saving") -> dict[str, Entry]:
        """Add the files that stay the same, now that all others have been written; return what's known of them.

        Those that can't be linked are written.
        """
        known = {}
        for place, write in saving.left_out.items():
            names = saving.parts[place].names
            if self._link(names, saving):
                known.update({name: self._files[name][0] for name in names})
            else:
                write(saving.new / place)
        return known

    def _link(self, names: tuple[str, ...], saving: "Saving") -> bool:
        """Link files into a new folder: all of them, or none."""
        extra = f".seqpipe-link-{secrets.token_hex(4)}"
        links = {saving.new / name: saving.new / f"{name}{extra}" for name in names}
        missing = {p for path in links for p in path.parents if saving.new in p.parents}
        made = sorted(folder for folder in missing if not folder.exists())
        try:
            for folder in made:
                folder.mkdir()
            for name, link in zip(names, links.values(), strict=True):
                if _status(saving.target / name) != self._files[name][1]:
                    raise FileNotFoundError(name)
                os.link(saving.target / name, link)
        except (OSError, KeyError):
            # What was saved before has changed, or the file system has no links.
            for link in links.values():
                link.unlink(missing_ok=True)
            for folder in reversed(made):
                with suppress(FileNotFoundError):
                    folder.rmdir()
            return False
        # Only now, as what stands there may be read when the files are written.
        for path, link in links.items():
            link.replace(path)
        return True

    def note(self, saving: "Saving", entries: Mapping[str, Entry]) -> None:
        """Note what a save has left, now that its folder stands at the target."""
        self._target, self._parts, self._files = saving.target, saving.parts, {}
        with suppress(OSError):
            found = {n: (each, _status(saving.target / n)) for n, each in entries.items()}
            # One that the old folder has too, which couldn't be removed, isn't linked once more.
            self._files = {n: each for n, each in found.items() if each[1][2] == 1}


class Saving:
    """A save under way.

    Args:
        new: The folder that's written to.
        target: Where it will stand.
        before: What the save before wrote once, by its folder.
    """

    def __init__(self, new: Path, target: Path, before: Mapping[str, _Part]) -> None:
        self.new = new
        self.target = target
        self.parts: dict[str, _Part] = {}
        self.left_out: dict[str, _Write] = {}
        self._before = before

    def write(self, folder: Path, owner: object, write: _Write, version: str) -> None:
        """Write files, or leave them out, to be linked; see `write_once`."""
        place = self._place(folder)
        if place is None:
            write(folder)
            return
        part = self._before.get(place)
        if part and part.owner is owner and part.version == version:
            self.left_out[place] = write
        else:
            before = _statuses(folder)
            write(folder)
            names = [n for n, each in _statuses(folder).items() if each != before.get(n)]
            start = f"{place}/" if place else ""
            part = _Part(owner, version, tuple(start + name for name in names))
        self.parts[place] = part

    def _place(self, folder: Path) -> str | None:
        """Return a folder's path within the new one; None if it's elsewhere."""
        if not folder.is_relative_to(self.new):
            return None
        steps = folder.relative_to(self.new).parts
        # Where a pipeline is written before its files take their places.
        return "/".join(steps[1:] if steps and steps[0].startswith(IN_PLACE) else steps)


_current: Final[ContextVar[Saving | None]] = ContextVar("saving", default=None)


def write_once(folder: Path, owner: object, write: _Write, *, version: str = "") -> None:
    """Write files that stay the same in each save of a series, as long as it's the same owner and version.

    In a `SaveSeries` these may be left out and linked from the save before, when all else has been written. Then `write`
    is called after this has returned, or never. Elsewhere it's called at once.

    Args:
        folder: Where to; a folder in which one owner writes.
        owner: Which object they're the files of. It doesn't change during the series.
        write: Writes them into the folder that it's given.
        version: What else they depend on.
    """
    current = _current.get()
    if current is None:
        write(folder)
    else:
        current.write(folder, owner, write, version)


def _status(path: Path) -> _Status:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{path} is no plain file")
    which = found.st_dev, found.st_ino, found.st_nlink, found.st_size
    return *which, found.st_mtime_ns, found.st_ctime_ns


def _statuses(folder: Path) -> dict[str, _Status]:
    return {name: _status(folder / name) for name in list_files(folder)}
