"""The vectors of a spaCy pipeline, from its folder."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import SavedModelError
from seqpipe.formats._floret import FloretTable
from seqpipe.formats._numpy import as_vectors, open_table
from seqpipe.formats._saved import (
    SavedEmbedder,
    find_saved,
    read_saved,
    saved_width,
    unchanged,
)
from seqpipe.formats._words import Options, WordTable, make_table
from seqpipe.storage.part_files import read_json

_TABLE: Final = "vectors"
_FLORET: Final = {
    "minn": int,
    "maxn": int,
    "hash_count": int,
    "hash_seed": int,
    "bow": str,
    "eow": str,
}


def find_spacy(folder: Path) -> Path | None:
    """Return the folder with the vectors of a pipeline; None if there are none.

    Args:
        folder: The pipeline's, its vocabulary's, or that of vectors alone.
    """
    for candidate in (folder / "vocab", folder):
        if (candidate / _TABLE).is_file():
            return candidate
    return None


def no_vectors(folder: Path) -> str:
    """Say that a folder holds no vectors, and what it is and may be done."""
    best = folder / "model-best"
    if (best / "config.cfg").is_file():
        return f"{folder} is what a run wrote: name its pipeline, {best}"
    if not folder.exists():
        return f"{folder} isn't there"
    if (folder / "config.cfg").is_file():
        return (
            f"{folder} is a pipeline without vectors: name one that was trained or saved with some"
        )
    return (
        f"{folder} is a folder with neither vectors of spaCy's (vocab/vectors) nor an embedder of seqpipe's "
        "(vocab/embedder): name a pipeline with vectors, or a file"
    )


def read_spacy(path: Path, options: Options) -> WordTable | FloretTable | SavedEmbedder:
    """Read the vectors of a pipeline: a table of spaCy's, or the embedder of a pipeline of ours.

    Raises:
        SavedModelError: There are none, a file is damaged, or one doesn't fit the others.
    """
    if saved := find_saved(path):
        return read_saved(*saved)
    folder = _folder(path)
    with unchanged(folder.parent):
        return _read(folder, options)


def _read(folder: Path, options: Options) -> WordTable | FloretTable:
    table = open_table(folder / _TABLE, str(folder / _TABLE))
    settings = read_json(folder / "vectors.cfg") if (folder / "vectors.cfg").exists() else {}
    if not isinstance(settings, dict):
        raise SavedModelError(f"{folder / 'vectors.cfg'} isn't made of settings")
    if settings.get("mode", "default") == "floret":
        return _floret(folder, as_vectors(table, str(folder / _TABLE)), settings)
    words, rows = _words(folder, len(table))
    if options.most_words is not None:
        words, rows = words[: options.most_words], rows[: options.most_words]
    vectors = as_vectors(table[rows], str(folder / _TABLE))
    options.on_fraction(1.0)
    return make_table(words, vectors, str(folder))


def spacy_width(path: Path) -> int:
    """Return the width of a pipeline's vectors.

    Raises:
        SavedModelError: There are none, or their table is damaged.
    """
    if saved := find_saved(path):
        return saved_width(*saved)
    folder = _folder(path)
    return int(open_table(folder / _TABLE, str(folder / _TABLE)).shape[1])


def _folder(path: Path) -> Path:
    folder = find_spacy(path)
    if folder is None:
        raise SavedModelError(no_vectors(path))
    return folder


def _floret(folder: Path, rows: NDArray[np.float32], settings: dict[str, Any]) -> FloretTable:
    for name, kind in _FLORET.items():
        if type(settings.get(name)) is not kind:
            raise SavedModelError(
                f"{folder / 'vectors.cfg'} is damaged: {name!r} is no {kind.__name__}"
            )
    return FloretTable(rows, *(settings[name] for name in _FLORET))


def _words(folder: Path, count: int) -> tuple[list[str], NDArray[np.intp]]:
    """Return the words that have a vector, and the row of each, by rows."""
    # Takes a second to import, which every process that trains would wait for.
    from spacy.strings import get_string_id

    row_of_key = _read_rows(folder / "key2row", count)
    strings = read_json(folder / "strings.json")
    if not isinstance(strings, list) or not all(isinstance(string, str) for string in strings):
        raise SavedModelError(f"{folder / 'strings.json'} isn't a list of words")
    found = [(row_of_key.get(get_string_id(_encodable(word)), -1), word) for word in strings]
    known = sorted((pair for pair in found if pair[0] >= 0), key=lambda pair: pair[0])
    return [word for _, word in known], np.array([row for row, _ in known], dtype=np.intp)


def _encodable(word: str) -> str:
    # spaCy keeps none with lone surrogates, so such a one is damage, and has no vector.
    return word.encode("utf-8", "replace").decode("utf-8")


def _read_rows(path: Path, count: int) -> dict[int, int]:
    import srsly

    try:
        rows = srsly.msgpack_loads(path.read_bytes())
    # What's in there may be of any shape.
    except Exception as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error
    if not isinstance(rows, dict) or not all(
        isinstance(row, int) and 0 <= row < count for row in rows.values()
    ):
        raise SavedModelError(f"{path} is damaged: it isn't the rows of a table of {count}")
    return rows
