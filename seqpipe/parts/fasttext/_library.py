"""Which of the many builds of the fastText library is installed.

They all install the same modules, over each other, so that the files tell and not the names.
"""

import base64
import hashlib
import importlib.metadata
import importlib.util
import re
from importlib.metadata import Distribution, PackagePath
from pathlib import Path

from seqpipe.errors import EmbedderError

_MODULE = "fasttext_pybind"
_WANTED = "fasttext-community"
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
    found = _providers(Path(spec.origin))
    title = " or ".join(f"{_name(each)} {each.version}" for each in found) or "an unknown build"
    if len(found) != 1 or not _is_usable(found[0]):
        raise EmbedderError(_refusal(title, [_name(each) for each in found]))
    return title


def _providers(file: Path) -> list[Distribution]:
    names = sorted({_name(each) for each in importlib.metadata.distributions() if _claims(each)})
    claiming = [importlib.metadata.distribution(name) for name in names]
    if len(claiming) < 2:
        return claiming
    return [each for each in claiming if _installed(each, file)] or claiming


def _claims(distribution: Distribution) -> bool:
    """Whether a distribution says that it installs the module.

    `packages_distributions` would parse what all that's installed says, for half a second.
    """
    if declared := (distribution.read_text("top_level.txt") or "").split():
        return _MODULE in declared
    record = distribution.read_text("RECORD")
    if record is not None and _MODULE not in record:
        return False
    return any(path.parts[0].partition(".")[0] == _MODULE for path in distribution.files or ())


def _installed(distribution: Distribution, file: Path) -> bool:
    return any(
        Path(str(path.locate())).resolve() == file.resolve() and _is_unchanged(path, file)
        for path in distribution.files or ()
    )


def _is_unchanged(path: PackagePath, file: Path) -> bool:
    if path.hash is None:
        return False
    digest = hashlib.new(path.hash.mode, file.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") == path.hash.value


def _is_usable(distribution: Distribution) -> bool:
    version = tuple(int(number) for number in re.findall(r"\d+", distribution.version)[:3])
    return _name(distribution) == _WANTED and version >= _SINCE


def _name(distribution: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()


def _refusal(title: str, names: list[str]) -> str:
    others = " ".join(name for name in names if name != _WANTED)
    removal = f"pip uninstall {others}; " if others else ""
    return (
        f"the fastText library that's installed is {title}, and seqpipe trains only with {_WANTED}, from "
        f"{'.'.join(map(str, _SINCE))} on: with fewer than ten threads the others leave most of the input "
        f"matrix uninitialised, and training ends in NaN; run: {removal}{_INSTALL}"
    )


# Seeds for the library.


def library_seed(seed: int) -> int:
    """Return what the library is to be told in the place of a seed: from 1 on, far from its neighbours'.

    The library starts its ten blocks of random numbers at seed, seed + 1, ...: those of neighbouring
    seeds would be the same numbers, shifted.
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
    """Return how the library is to see a word; None if it can't be written.

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
    """Whether so many words, joined by blanks, are how the library is to see them, as nearly all are."""
    # Nothing printable but the blank is written otherwise.
    return (
        bool(line)
        and line.isprintable()
        and line.count(" ") == words - 1
        and not ("  " in line or line[0] == " " or line[-1] == " ")
        and _END_OF_LINE not in line
    )
