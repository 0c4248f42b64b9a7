"""The vectors of nodes, and their files: one of JSON, one of safetensors, no code."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from seqpipe.errors import SavedModelError

_FORMAT = 1
_NODES = "nodes.json"
_VECTORS = "vectors.safetensors"
_TABLE = "vectors"


@dataclass(frozen=True, eq=False)
class NodeVectors:
    """The vectors of nodes. An unknown one has the zero vector.

    Attributes:
        names: The nodes, `[N]`, all different.
        vectors: Theirs, `[N, width]`.
    """

    names: tuple[str, ...]
    vectors: NDArray[np.float32]
    _rows: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {name: row for row, name in enumerate(self.names)})

    def embed(self, nodes: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of nodes, `[N, width]`."""
        rows = np.array([self._rows.get(node, -1) for node in nodes], dtype=np.intp)
        vectors = self.vectors[rows]
        vectors[rows < 0] = 0
        return vectors


def write_vectors(nodes: NodeVectors, folder: Path, *, kind: str) -> None:
    """Write vectors into an existing folder.

    Args:
        nodes: What to write.
        folder: Where to.
        kind: The name of the embedder's class.

    Raises:
        SavedModelError: A file can't be written.
    """
    # JSON in ASCII, so that lone surrogates can be written.
    text = json.dumps({"format": _FORMAT, "kind": kind, "nodes": nodes.names})
    try:
        (folder / _NODES).write_text(text, encoding="ascii")
        save_file({_TABLE: np.ascontiguousarray(nodes.vectors)}, folder / _VECTORS)
    except (OSError, SafetensorError) as error:
        raise SavedModelError(f"the embedder can't be written to {folder}: {error}") from error


def read_vectors(folder: Path, *, kind: str, width: int) -> NodeVectors:
    """Read what `write_vectors` wrote.

    Args:
        folder: Where from.
        kind: The name of the embedder's class.
        width: The width that the vectors must have.

    Raises:
        SavedModelError: A file is missing, damaged, or doesn't fit the other or the embedder.
    """
    names = _read_names(folder / _NODES, kind)
    path = folder / _VECTORS
    try:
        vectors = load_file(path).get(_TABLE)
    except (OSError, SafetensorError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error
    if vectors is None or vectors.dtype != np.float32 or vectors.shape != (len(names), width):
        raise SavedModelError(
            f"{path} doesn't hold {len(names)} vectors of the embedder's width, {width}"
        )
    if not np.isfinite(vectors).all():
        raise SavedModelError(f"{path} is damaged: a vector isn't finite")
    return NodeVectors(names, vectors)


def _read_names(path: Path, kind: str) -> tuple[str, ...]:
    try:
        saved: Any = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError, RecursionError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error
    if not isinstance(saved, dict) or saved.get("format") != _FORMAT:
        raise SavedModelError(f"{path} isn't the nodes of an embedder, in the format {_FORMAT}")
    if saved.get("kind") != kind:
        raise SavedModelError(f"{path} is of the embedder {saved.get('kind')}, not of {kind}")
    names = saved.get("nodes")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SavedModelError(f"{path} is damaged: its nodes aren't a list of texts")
    if not names or len(set(names)) < len(names):
        raise SavedModelError(f"{path} is damaged: a node is there twice, or none is")
    return tuple(names)
