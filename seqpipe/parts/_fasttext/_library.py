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
    names = sorted(set(importlib.metadata.packages_distributions().get(_MODULE, [])))
    claiming = [importlib.metadata.distribution(name) for name in names]
    if len(claiming) < 2:
        return claiming
    return [each for each in claiming if _installed(each, file)] or claiming


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
