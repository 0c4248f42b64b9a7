"""Which of the many builds of the fastText library is installed, its seeds, and how words are written for it.

All builds install the same modules, over each other, so they're identified by their files and not by names.
"""

import base64
import functools
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from seqpipe.errors import EmbedderError

if TYPE_CHECKING:
    from importlib.metadata import Distribution, PackagePath

_MODULE = "fasttext_pybind"
_WANTED = "fasttext-community"
#: Where a distribution lists its modules or files, by how it was installed.
_LISTS = ("top_level.txt", "RECORD", "installed-files.txt", "SOURCES.txt")
_SINCE = (0, 11, 9)
_INSTALL = f'pip install --force-reinstall "{_WANTED}>={".".join(map(str, _SINCE))}"'


def library_version() -> str:
    """Return which distribution the fastText library is from, such as "fasttext-community 0.11.9".

    Doesn't load it.

    Raises:
        EmbedderError: None is installed, or one that can't be used.
    """
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or spec.origin is None:
        raise EmbedderError(f"the fastText library isn't installed; run: {_INSTALL}")
    return _version(spec.origin, _changes(map(Path, [spec.origin, *sys.path])))


def _changes(paths: Iterable[Path]) -> tuple[tuple[Path, int], ...]:
    """Return when each file or folder was changed last, as the folder of what's installed, or removed, is."""
    return tuple((path, path.stat().st_mtime_ns) for path in paths if path.exists())


@functools.lru_cache(maxsize=1)
def _version(file: str, changes: tuple[tuple[Path, int], ...]) -> str:
    found = _providers(Path(file))
    title = " or ".join(f"{_name(each)} {each.version}" for each in found) or "an unknown build"
    if len(found) != 1 or not _is_usable(found[0]):
        raise EmbedderError(_refusal(title, [_name(each) for each in found]))
    return title


def _providers(file: Path) -> list["Distribution"]:
    # Without it, the process that trains begins in half the time.
    import importlib.metadata

    claiming: dict[str, Distribution] = {}
    for distribution in filter(_claims, importlib.metadata.distributions()):
        claiming.setdefault(_name(distribution), distribution)
    found = [claiming[name] for name in sorted(claiming)]
    if len(found) < 2:
        return found
    return [each for each in found if _installed(each, file)] or found


def _claims(distribution: "Distribution") -> bool:
    """Say whether a distribution holds the library.

    `importlib.metadata.packages_distributions` would tell, after it has made a path of each installed
    file, tens of thousands; nearly all distributions don't even mention the library.
    """
    if not any(_MODULE in (distribution.read_text(name) or "") for name in _LISTS):
        return False
    modules = {path.parts[0].partition(".")[0] for path in distribution.files or ()}
    return _MODULE in {*modules, *(distribution.read_text("top_level.txt") or "").split()}


def _installed(distribution: "Distribution", file: Path) -> bool:
    return any(
        Path(str(path.locate())).resolve() == file.resolve() and _is_unchanged(path, file)
        for path in distribution.files or ()
    )


def _is_unchanged(path: "PackagePath", file: Path) -> bool:
    if path.hash is None:
        return False
    digest = hashlib.new(path.hash.mode, file.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") == path.hash.value


def _is_usable(distribution: "Distribution") -> bool:
    version = tuple(int(number) for number in re.findall(r"\d+", distribution.version)[:3])
    return _name(distribution) == _WANTED and version >= _SINCE


def _name(distribution: "Distribution") -> str:
    return re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()


def _refusal(title: str, names: list[str]) -> str:
    others = " ".join(name for name in names if name != _WANTED)
    removal = f"pip uninstall {others}; " if others else ""
    return (
        f"the fastText library that's installed is {title}, and seqpipe trains only with {_WANTED}, from "
        f"{'.'.join(map(str, _SINCE))} on: with fewer than ten threads the others leave most of the input "
        f"matrix uninitialised, and training ends in NaN; run: {removal}{_INSTALL}"
    )


def library_seed(seed: int) -> int:
    """Return the library's seed for one of ours: at least 1, and far from those of neighbouring seeds.

    The library seeds its ten random streams with seed, seed + 1, ...: neighbouring seeds would share
    most of them.
    """
    digest = hashlib.blake2b(str(seed).encode(), digest_size=4).digest()
    return 1 + int.from_bytes(digest, "little") % 2**30


# How words are written for the library, which splits a text at some characters and can't quote them.
#
# Those characters are exchanged for private ones (U+F0000 and what follows), so that an item called
# "New York" is one word. Two words are never written alike.


# The last one ends a text file on Windows.
_SEPARATORS = "\0\t\n\v\f\r \x1a"
_PRIVATE = 0xF0000
_EXCHANGE = {ord(char): _PRIVATE + ord(char) for char in _SEPARATORS}
_BACK = {private: char for char, private in _EXCHANGE.items()}

# The library ends a line where it reads this word.
_END_OF_LINE = "</s>"
_WRITTEN_END_OF_LINE = f"<{chr(_PRIVATE + ord('/'))}s>"

_private = "".join(map(chr, _EXCHANGE.values())) + chr(_PRIVATE + ord("/"))
_UNWRITABLE = re.compile(f"[\ud800-\udfff{_private}]")


def written(word: str) -> str | None:
    """Return how a word is written for the library; None if it can't be written.

    That's so for the empty word, for lone surrogates, which UTF-8 doesn't have, and for words that
    hold one of the private characters themselves.
    """
    if word == _END_OF_LINE:
        return _WRITTEN_END_OF_LINE
    if not word or _UNWRITABLE.search(word):
        return None
    return word.translate(_EXCHANGE)


def unwritten(form: str) -> str:
    """Return the word that `written` wrote."""
    return _END_OF_LINE if form == _WRITTEN_END_OF_LINE else form.translate(_BACK)


def is_written_as_it_is(line: str, words: int) -> bool:
    """Whether so many words, joined by blanks, are written for the library as they are, which is so for nearly all."""
    # Nothing printable but the blank is written otherwise.
    return (
        bool(line)
        and line.isprintable()
        and line.count(" ") == words - 1
        and not ("  " in line or line[0] == " " or line[-1] == " ")
        and _END_OF_LINE not in line
    )
