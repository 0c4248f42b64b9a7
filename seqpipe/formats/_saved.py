"""Embedders that seqpipe has saved with a pipeline, found in its folder and read."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from seqpipe import storage
from seqpipe.errors import ReplacedError, SavedModelError, SeqpipeError
from seqpipe.storage.part_files import read_json

_VECTORS: Final = "seqpipe.Vectors.v1"
_FOLDER: Final = "embedder"
_CONFIG: Final = "config.cfg"
_SETTINGS: Final = "embedder.json"

#: What a folder without its pipeline is read by, and the settings that are needed for that.
_ALONE: Final = {"FastText": ("width",), "Word2Vec": ("width",), "Pretrained": ()}
_NAMES: Final = frozenset(
    [*(f"seqpipe.{kind}.v1" for kind in _ALONE), "seqpipe.FastText.v2", "seqpipe.Word2Vec.v2"]
)


@runtime_checkable
class Vectors(Protocol):
    """What's needed of an embedder here; `seqpipe.parts.embedders.Embedder` is one."""

    #: The width of a vector.
    width: int

    @property
    def vocabulary(self) -> Sequence[str]:
        """The words that have a vector of their own."""

    def embed(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of words, `[N, width]`."""

    def to_disk(self, path: Path) -> None:
        """Write what `from_disk` reads."""

    def from_disk(self, path: Path) -> None:
        """Read what was saved."""


@dataclass(frozen=True, eq=False)
class SavedEmbedder:
    """An embedder that was saved.

    Attributes:
        embedder: As it was read.
        section: The section ``[nlp.vectors]`` of its pipeline, which makes such an embedder.
    """

    embedder: Vectors
    section: dict[str, Any]


def find_saved(path: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the folder of a saved embedder and its section ``[nlp.vectors]``; None if there is none.

    Args:
        path: The folder of a pipeline, its folder ``vocab``, or ``vocab/embedder``.
    """
    candidates = [(path / "vocab" / _FOLDER, path), (path / _FOLDER, path.parent)]
    if path.name == _FOLDER:
        candidates.append((path, path.parent.parent))
    for folder, pipeline in candidates:
        if folder.is_dir() and (pipeline / _CONFIG).is_file():
            section = _section_of(pipeline / _CONFIG)
            return (folder, section) if section else None
    return next(
        (
            (f, section)
            for f in (*(f for f, _ in candidates), path)
            if (section := _section_alone(f))
        ),
        None,
    )


def read_saved(folder: Path, section: dict[str, Any]) -> SavedEmbedder:
    """Read an embedder, once its pipeline is known to be undamaged and complete.

    Args:
        folder: Its folder.
        section: What makes such an embedder.

    Raises:
        SeqpipeError: It can't be made or read, or the pipeline is damaged, or was replaced meanwhile.
    """
    pipeline = folder.parent.parent
    with unchanged(pipeline):
        # It was looked for in a config that may be another's by now.
        if (pipeline / _CONFIG).is_file() and _section_of(pipeline / _CONFIG) != section:
            raise ReplacedError(pipeline)
        return make_saved(section, folder)


def unchanged(pipeline: Path) -> AbstractContextManager[None]:
    """Check the pipeline around vectors, if there's one, and that it stays the same while they're read.

    Raises:
        SavedModelError: It's damaged, only partly saved, or was replaced.
    """
    if not (
        (pipeline / _CONFIG).is_file()
        or storage.has_manifest(pipeline)
        or storage.is_marked(pipeline)
    ):
        return nullcontext()
    return storage.unchanged(pipeline, read=(_CONFIG, "vocab"))


def saved_width(folder: Path, section: dict[str, Any]) -> int:
    """Return the width of a saved embedder, without reading its vectors where its settings say it.

    Raises:
        SeqpipeError: As `read_saved`, if they don't.
    """
    path, part = folder / _SETTINGS, section.get("embedder")
    # What a plugin's part calls its width may be something else.
    if isinstance(part, dict) and part.get("@seqpipe_embedders") in _NAMES:
        for stored in (read_json(path) if path.is_file() else None, part):
            if isinstance(stored, dict) and type(stored.get("width")) is int:
                return int(stored["width"])
    return read_saved(folder, section).embedder.width


def make_saved(section: dict[str, Any], folder: Path) -> SavedEmbedder:
    """Read an embedder from a folder that isn't a pipeline's; see `read_saved`."""
    embedder = _make(section, folder)
    embedder.from_disk(folder)
    return SavedEmbedder(embedder, section)


def _section_of(config: Path) -> dict[str, Any] | None:
    # Takes a second to import, which every process that trains would wait for.
    from spacy.util import load_config

    try:
        sections = load_config(config, interpolate=True)
    except Exception as error:
        raise SavedModelError(f"{config} can't be read: {' '.join(str(error).split())}") from error
    section = sections.get("nlp", {}).get("vectors") or {}
    return dict(section) if section.get("@vectors") == _VECTORS else None


def _section_alone(folder: Path) -> dict[str, Any] | None:
    """Return the section that makes an embedder like the one in a folder, if that's one of a file's settings."""
    path = folder / _SETTINGS
    stored = read_json(path) if path.is_file() else None
    names = _ALONE.get(str(stored.get("kind"))) if isinstance(stored, dict) else None
    if not isinstance(stored, dict) or names is None:
        return None
    given = {name: stored.get(name) for name in names} or {"path": str(folder)}
    part = {"@seqpipe_embedders": f"seqpipe.{stored['kind']}.v1", **given}
    return {"@vectors": _VECTORS, "embedder": part}


def _make(section: dict[str, Any], folder: Path) -> Vectors:
    # By name, as spaCy does: what makes parts is above this package, and knows their plugins.
    from spacy import registry
    from spacy.vocab import Vocab

    try:
        embedder = registry.resolve({"vectors": section})["vectors"](Vocab()).embedder
    except SeqpipeError:
        raise
    # What confection raises, or a part of somebody's.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise SavedModelError(f"the embedder in {folder} can't be made: {reason}") from error
    if not isinstance(embedder, Vectors):
        raise SavedModelError(f"{folder} is no embedder's but that of {embedder!r}")
    return embedder
