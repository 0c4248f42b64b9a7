"""Reads and writes a pipeline's folder as a whole, where spaCy reads and writes file by file.

spaCy has no hook around `Language.from_disk` and `Language.to_disk`, and its components see their own
files only. So these two methods are wrapped as soon as a part of ours is looked up, which is before any folder is
read. For pipelines without parts of ours, in folders that we didn't write, they do what they did.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from spacy.language import Language
from spacy.util import split_requirement
from thinc.api import Model

from seqpipe import __version__, storage
from seqpipe.adapters._classifier_pipe import ClassifierPipe
from seqpipe.adapters._language_model_pipe import LanguageModelPipe
from seqpipe.adapters._shim import TorchShim
from seqpipe.adapters._tokenizer import WordTokenizer
from seqpipe.adapters._vectors import DocumentVectors, EmbedderVectors
from seqpipe.errors import PluginError
from seqpipe.plugins import find_part, host

#: In a saved pipeline's meta.json: the SHA-256 of the config that it was saved with. `spacy.load` reads both
#: before it calls `from_disk`, so this shows whether the folder is still the one that they were read from.
_CONFIG: Final = "seqpipe_config"
#: What `from_disk` reads in a pipeline's folder, beside the folders of its components.
_FILES: Final = ("config.cfg", "meta.json", "tokenizer", "vocab")
_REQUIREMENTS: Final = "requirements"
_REGISTRY: Final = "@seqpipe_"


def wrap_language() -> None:
    """Have every pipeline read and written as a whole, if it has parts of ours or is in a folder of ours."""
    Language.from_disk = _reading_whole(Language.from_disk)
    Language.to_disk = _writing_whole(Language.to_disk)


def requirements(nlp: Language) -> list[str]:
    """Return what must be installed for a pipeline to load, as `pip` takes it, spaCy itself aside.

    That's this release of seqpipe or a later one, each plugin whose parts the pipeline uses, in its major
    version, with the extras that they name (`extras`, a sequence of strings at the factory), and what its description requires already.
    """
    needed = {"seqpipe": f"seqpipe>={Version(__version__).public}"}
    extras: dict[str, set[str]] = {}
    config = nlp.config.interpolate()
    for kind, name in _parts_in({"nlp": config["nlp"], "components": config["components"]}):
        try:
            part = find_part(kind, name)
            owner, version = part.owner, Version(part.owner.version)
            wanted = getattr(part.factory, "extras", ())
        except (PluginError, InvalidVersion):
            continue
        if not owner.is_seqpipe:
            key = canonicalize_name(owner.name)
            chosen = extras.setdefault(key, set())
            chosen.update(wanted)
            listed = f"[{','.join(sorted(chosen))}]" if chosen else ""
            needed[key] = f"{owner.name}{listed}>={version.public},<{version.major + 1}"
    # Those of plugins that it used before count no more.
    ours = {*needed, *(canonicalize_name(owner.name) for owner in host().owners)}
    others = [
        text
        for text in nlp.meta.get(_REQUIREMENTS, [])
        if canonicalize_name(split_requirement(text)[0]) not in ours
    ]
    return [*others, *needed.values()]


def _reading_whole(read: Callable[..., Language]) -> Callable[..., Language]:
    @functools.wraps(read)
    def from_disk(nlp: Language, path: str | Path, **settings: Any) -> Language:
        folder = Path(path)
        if not _is_ours(nlp, folder):
            return read(nlp, path, **settings)
        with storage.unchanged(folder, read=(*_FILES, *nlp.component_names)):
            built_from = nlp.meta.pop(_CONFIG, None)
            if built_from not in (None, _config_in(folder)):
                raise storage.ReplacedError(folder)
            read(nlp, path, **settings)
        nlp.meta.pop(_CONFIG, None)
        # For `spacy package`, of models that were saved without them.
        nlp.meta.setdefault(_REQUIREMENTS, requirements(nlp))
        return nlp

    return from_disk


def _writing_whole(write: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(write)
    def to_disk(nlp: Language, path: str | Path, **settings: Any) -> None:
        folder = Path(path)
        if not _is_ours(nlp, folder):
            write(nlp, path, **settings)
            return
        nlp.meta[_REQUIREMENTS] = requirements(nlp)
        nlp.meta[_CONFIG] = hashlib.sha256(nlp.config.to_bytes()).hexdigest()
        try:
            with storage.written_in_place(folder) as new:
                write(nlp, new, **settings)
        finally:
            del nlp.meta[_CONFIG]

    return to_disk


def _is_ours(nlp: Language, folder: Path) -> bool:
    return storage.has_manifest(folder) or storage.is_marked(folder) or _has_our_parts(nlp)


def _has_our_parts(nlp: Language) -> bool:
    parts = [nlp.vocab.vectors, nlp.tokenizer]
    for _, component in nlp._components:
        parts.append(component)
        if isinstance(model := getattr(component, "model", None), Model):
            parts += [shim for node in model.walk() for shim in node.shims]
    ours = (
        *(EmbedderVectors, WordTokenizer, ClassifierPipe, DocumentVectors),
        *(LanguageModelPipe, TorchShim),
    )
    return any(isinstance(part, ours) for part in parts)


def _config_in(folder: Path) -> str | None:
    found: str | None = json.loads((folder / "meta.json").read_bytes()).get(_CONFIG)
    return found


def _parts_in(config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the kind and name of each part of plugins that a configuration names."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _parts_in(value)
        elif key.startswith(_REGISTRY):
            yield key.removeprefix(_REGISTRY), value
