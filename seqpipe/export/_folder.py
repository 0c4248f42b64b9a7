"""An exported pipeline as a folder: the graph, tables, settings, and the reader."""

import contextlib
import json
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
from spacy.language import Language

from seqpipe import storage
from seqpipe.errors import SavedModelError
from seqpipe.export._check import check_reader
from seqpipe.export._graph import check_installed
from seqpipe.export._model import export_model
from seqpipe.export._pipeline import Parts, Tuned, Wide, parts_of
from seqpipe.export._recurrent import to_numpy
from seqpipe.parts.embedders import VectorTable
from seqpipe.parts.heads import Crf

#: The version of the folder's format, which the reader beside it reads.
_FORMAT: Final = 1


def export_pipeline(nlp: Language, folder: str | Path) -> None:
    """Export a pipeline to a folder that's read without torch, spaCy and seqpipe.

    The folder holds "model.onnx" (see `export_model`), "pipeline.json", tables of vectors as arrays of numpy's, and
    "reader.py", which needs numpy and onnxruntime. It's there whole, or not at all.

    Args:
        nlp: The pipeline: an embedder, `seqpipe.Recurrent.v1`, and a head for classes of texts or labels of words.
        folder: Where it's written; an older export there is replaced, and nothing else is.

    Raises:
        ExportError: A part can't be exported, the reader gives something else than the pipeline does, or onnx or
            onnxruntime isn't installed. Nothing has been written then.
        SavedModelError: The folder can't be written, or something else than an export stands there.
    """
    check_installed()
    _check_target(Path(folder))
    parts = parts_of(nlp)
    model = export_model(parts.encoder, parts.head)

    def write(into: Path) -> None:
        (into / "model.onnx").write_bytes(model)
        _write_json(into / "pipeline.json", _settings(parts))
        for number, table in enumerate(parts.tables):
            _write_table(into, f"vectors{number}", table)
        if parts.tuned is not None:
            _write_tuned(into, parts.tuned)
        if parts.wide is not None:
            _write_wide(into, parts.wide, parts.labels)
        if chain := _chain(parts):
            np.savez(into / "chain.npz", **chain)
        reader = resources.files("seqpipe.export") / "reader.py"
        (into / "reader.py").write_text(reader.read_text(encoding="utf-8"), encoding="utf-8")
        check_reader(nlp, parts, into)

    storage.write_folder(Path(folder), write)


def _check_target(folder: Path) -> None:
    """Check that nothing stands at a folder but an older export.

    Raises:
        SavedModelError: Something else does, such as a trained model.
    """
    if storage.has_manifest(folder):
        if not _is_export(folder):
            raise SavedModelError(
                f"{folder} can't be replaced by an export: a model of seqpipe's that isn't an export stands there. Choose another folder."
            )
        _forget_bytecode(folder)
    storage.check_replaceable(folder)


def _is_export(folder: Path) -> bool:
    try:
        settings = json.loads((folder / "pipeline.json").read_text(encoding="utf-8"))
    # Absent, or of somebody else's.
    except (OSError, ValueError):
        return False
    has_format = isinstance(settings, dict) and "format" in settings
    return has_format and (folder / "model.onnx").is_file()


def _forget_bytecode(folder: Path) -> None:
    """Remove what Python has left beside the reader of an older export, which would count as somebody's file."""
    for file in (folder / "__pycache__").glob("reader.*.pyc"):
        file.unlink()
    with contextlib.suppress(OSError):
        (folder / "__pycache__").rmdir()


def _settings(parts: Parts) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "tokenizer": parts.tokenizer,
        "tables": [f"vectors{number}" for number in range(len(parts.tables))],
        "tuned": parts.tuned is not None,
        "level": parts.head.level,
        "labels": list(parts.labels),
        "exclusive": bool(getattr(parts.head, "exclusive", True)),
        "thresholds": parts.thresholds,
        "temperature": parts.temperature,
        "wide": None if parts.wide is None else {"weights": parts.wide.weights},
        "chain": bool(_chain(parts)),
    }


def _chain(parts: Parts) -> dict[str, Any]:
    """Return what's known of labels beside each other: the scores of a CRF, and what the scheme allows."""
    found: dict[str, Any] = {}
    if isinstance(parts.head, Crf):
        chain = parts.head.chain._asdict()
        found |= {name: to_numpy(tensor).astype(np.float64) for name, tensor in chain.items()}
    return found | ({} if parts.allowed is None else parts.allowed._asdict())


def _write_table(folder: Path, name: str, table: VectorTable) -> None:
    arrays: dict[str, Any] = {"vectors": np.asarray(table.vectors, dtype=np.float32)}
    settings = {"lower": table.lower, "min_n": 0, "max_n": 0}
    if (parts := table.subwords) is not None:
        arrays |= {"rows": parts.rows, "hashes": parts.hashes, "row_of_hash": parts.row_of_hash}
        settings |= {"min_n": parts.min_n, "max_n": parts.max_n}
    np.savez(folder / f"{name}.npz", **arrays)
    _write_json(folder / f"{name}.json", {**settings, "words": table.words})


def _write_tuned(folder: Path, tuned: Tuned) -> None:
    np.savez(folder / "tuned.npz", offsets=tuned.offsets, start=tuned.start)
    _write_json(folder / "tuned.json", {"words": tuned.words})


def _write_wide(folder: Path, wide: Wide, labels: tuple[str, ...]) -> None:
    model = wide.classifier.model
    vocabulary, rarity = model.vocabulary, model.features.rarity
    longer = {f"ngrams{n}": keys for n, keys in enumerate(vocabulary.longer, start=2)}
    arrays: dict[str, Any] = {**longer, **{f"rarity{n}": each for n, each in enumerate(rarity)}}
    np.savez(folder / "ngrams.npz", weights=model.linear.weights, bias=model.linear.bias, **arrays)
    places = {label: number for number, label in enumerate(model.labels)}
    settings = {
        "lower": vocabulary.lower,
        "min_n": vocabulary.min_n,
        "max_n": vocabulary.max_n,
        "text_ends": vocabulary.text_ends,
        "longest": len(vocabulary.longer) + 1,
        "weighting": model.features.weighting,
        "loss": model.loss,
        # A label that it couldn't learn has the place behind the last.
        "columns": [places.get(label, len(places)) for label in labels],
        "words": list(vocabulary.words),
        "characters": list(vocabulary.characters),
    }
    _write_json(folder / "ngrams.json", settings)


def _write_json(path: Path, value: Any) -> None:
    # As ASCII, so that words may hold what UTF-8 can't.
    path.write_text(json.dumps(value), encoding="ascii")
