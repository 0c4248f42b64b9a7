"""Writes a wheel by its own specification (PEP 427): a zip file needs no tool to build it, and the same model gives the same bytes."""

import base64
import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import spacy
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from seqpipe import __version__, storage
from seqpipe.errors import ConfigError, SavedModelError
from seqpipe.messages import show
from seqpipe.packaging._card import write_card

#: The module that spaCy imports to load the pipeline.
_INIT: Final = '''"""{title}"""

from spacy.util import get_model_meta, load_model_from_init_py

__version__ = get_model_meta(__path__[0])["version"]


def load(**overrides):
    """Return the pipeline."""
    return load_model_from_init_py(__file__, **overrides)
'''
_META: Final = "meta.json"
#: The least date that a zip file can hold, for all files.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_CHUNK: Final = 1 << 20
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class Details:
    """What a package says of itself, in the place of what the pipeline's meta.json has.

    Attributes:
        name: The pipeline's name, without its language.
        version: Its version.
        description: What it does, in one line.
        author: Who made it.
        license: The licence: an SPDX identifier such as "MIT".
        intended_use: What it's for, and what it isn't for: a text for the card.
    """

    name: str | None = None
    version: str | None = None
    description: str | None = None
    author: str | None = None
    license: str | None = None
    intended_use: str = ""


def find_report(model: Path) -> dict[str, Any] | None:
    """Return the report.json of the run that a model is from, if it's beside it.

    Raises:
        SavedModelError: It's there and can't be read.
    """
    file = model.absolute().parent / "report.json"
    if not file.exists():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SavedModelError(f"{show(str(file))} can't be read: {error}") from error
    return found if isinstance(found, dict) else None


def write_wheel(
    model: Path, folder: Path, details: Details, report: Mapping[str, Any] | None = None
) -> Path:
    """Write a wheel with a saved pipeline, which `spacy.load` finds by its name where the wheel is installed.

    Args:
        model: The pipeline's folder.
        folder: Where the wheel is written; an older one of the same name is replaced.
        details: What it says of itself.
        report: The report of the run, for the card.

    Returns:
        The wheel.

    Raises:
        SavedModelError: The pipeline isn't there, is damaged, or the wheel can't be written.
        ConfigError: The name or the version can't be that of a package.
    """
    meta = _meta(model, details)
    if storage.has_manifest(model):
        storage.verify_folder(model)
    package = f"{meta['lang']}_{meta['name']}"
    wheel = folder / f"{package}-{meta['version']}-py3-none-any.whl"
    card = write_card(meta, report, intended_use=details.intended_use)
    storage.write_file(wheel, lambda file: _write(file, model, package, meta, card))
    return wheel


def _meta(model: Path, details: Details) -> dict[str, Any]:
    file = model / _META
    try:
        meta: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SavedModelError(
            f"{show(str(model))} is no saved pipeline: it has no meta.json"
        ) from error
    except ValueError as error:
        raise SavedModelError(f"{show(str(file))} can't be read: {error}") from error
    if "requirements" not in meta:
        # Of models that were saved before it was written down.
        meta["requirements"] = spacy.load(model).meta.get("requirements", [])
    told = {name: value for name, value in vars(details).items() if name != "intended_use"}
    meta.update({name: value for name, value in told.items() if value is not None})
    if not _NAME.fullmatch(f"{meta['lang']}_{meta['name']}"):
        raise ConfigError(
            f"{meta['name']!r} can't be the name of a package: it should be lower-case letters, digits and single underscores, "
            'such as "reviews"',
            setting="name",
        )
    try:
        meta["version"] = str(Version(str(meta["version"])))
    except InvalidVersion as error:
        raise ConfigError(
            f"{meta['version']!r} can't be the version of a package: write such as 1.0.0",
            setting="version",
        ) from error
    for name in ("description", "author", "license", "url", "email"):
        if len(str(meta.get(name) or "").splitlines()) > 1:
            raise ConfigError(f"`{name}` has several lines, and should be one", setting=name)
    return meta


def _write(out: IO[bytes], model: Path, package: str, meta: Mapping[str, Any], card: str) -> None:
    info = f"{package}-{meta['version']}.dist-info"
    inside = f"{package}/{package}-{meta['version']}"
    texts = {
        f"{package}/__init__.py": _INIT.format(title=f"The pipeline {package}, for spaCy."),
        f"{package}/{_META}": json.dumps(meta, indent=2, ensure_ascii=False) + "\n",
        f"{package}/README.md": card,
        f"{info}/METADATA": _metadata(package, meta, card),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: seqpipe {__version__}\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[spacy_models]\n{package} = {package}\n",
        f"{info}/top_level.txt": f"{package}\n",
    }
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in _files(model):
            name = f"{inside}/{file.relative_to(model).as_posix()}"
            # spaCy reads both: the one beside the module to find the folder, and the one in the folder for `nlp.meta`.
            if file == model / _META:
                texts[name] = texts[f"{package}/{_META}"]
                continue
            with file.open("rb") as opened:
                rows.writerow([name, *_add(archive, name, opened)])
        for name, text in texts.items():
            rows.writerow([name, *_add(archive, name, io.BytesIO(text.encode("utf-8")))])
        rows.writerow([f"{info}/RECORD", "", ""])
        _add(archive, f"{info}/RECORD", io.BytesIO(record.getvalue().encode("utf-8")))


def _files(model: Path) -> Iterator[Path]:
    """Yield a model's files, but hidden ones, which no part reads."""
    for file in sorted(model.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(model).parts)
        if file.is_file() and not hidden:
            yield file


def _add(archive: zipfile.ZipFile, name: str, content: IO[bytes]) -> tuple[str, int]:
    """Add a file, piece by piece; return its hash and its size, as a wheel's record has them."""
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    digest, size = hashlib.sha256(), 0
    with archive.open(entry, "w", force_zip64=True) as packed:
        while piece := content.read(_CHUNK):
            digest.update(piece)
            packed.write(piece)
            size += len(piece)
    encoded = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode("ascii")
    return f"sha256={encoded}", size


def _metadata(package: str, meta: Mapping[str, Any], card: str) -> str:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {package.replace('_', '-')}",
        f"Version: {meta['version']}",
        f"Summary: {meta.get('description') or f'The pipeline {package}, for spaCy'}",
        *(f"{what}: {meta[key]}" for what, key in _FIELDS.items() if meta.get(key)),
        "Requires-Python: >=3.10",
        *(f"Requires-Dist: {each}" for each in _requirements(meta)),
        "Description-Content-Type: text/markdown",
    ]
    return "\n".join(lines) + f"\n\n{card}"


_FIELDS: Final = {
    "Author": "author",
    "Author-email": "email",
    "Home-page": "url",
    "License": "license",
}


def _requirements(meta: Mapping[str, Any]) -> list[str]:
    found = [f"spacy{meta.get('spacy_version', '')}", *meta.get("requirements", [])]
    for each in found:
        try:
            Requirement(each)
        except InvalidRequirement as error:
            raise SavedModelError(
                f"the pipeline requires {each!r}, which pip can't read: {error}"
            ) from error
    return found
