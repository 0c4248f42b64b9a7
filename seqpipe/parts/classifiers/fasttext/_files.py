"""A trained model as files: one of JSON, and one of the library's own format."""

import json
from pathlib import Path
from typing import Any

from seqpipe.errors import SavedModelError
from seqpipe.parts.classifiers.fasttext._forms import label_of
from seqpipe.parts.classifiers.fasttext._trained import Trained
from seqpipe.parts.embedders.formats.fasttext import read_fasttext, write_fasttext

_FORMAT = 1
_KIND = "FastTextClassifier"
_SETTINGS = "classifier.json"
_MODEL = "model.bin"
_QUANTIZED = "model.ftz"
_TYPES: dict[str, type] = {
    "labels": list,
    "lower": bool,
    "library": str,
    "arguments": dict,
}


def write_trained(trained: Trained, folder: Path) -> None:
    """Write a model into an existing folder.

    Raises:
        SavedModelError: A file can't be written.
    """
    told = {
        "format": _FORMAT,
        "kind": _KIND,
        "labels": list(trained.labels),
        "lower": trained.lower,
        "library": trained.library,
        "arguments": dict(trained.arguments),
    }
    try:
        (folder / _SETTINGS).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SavedModelError(f"the classifier can't be written to {folder}: {error}") from error
    write_fasttext(trained.model, folder / _name(told))


def read_trained(folder: Path) -> Trained:
    """Read what `write_trained` wrote.

    Raises:
        SavedModelError: A file is missing, damaged, or doesn't fit the other.
    """
    told = _read_settings(folder / _SETTINGS)
    path = folder / _name(told)
    # In memory, so that the folder may be moved or replaced.
    model = read_fasttext(path, mapped=False)
    missing = set(told["labels"]) ^ {label_of(form) for form in model.labels}
    if missing:
        raise SavedModelError(
            f"{path} and {folder / _SETTINGS} don't belong together: only one of them has the label "
            f"{min(missing)!r}"
        )
    return Trained(
        labels=tuple(told["labels"]),
        model=model,
        lower=told["lower"],
        library=told["library"],
        arguments=told["arguments"],
    )


def _name(told: dict[str, Any]) -> str:
    return _QUANTIZED if told["arguments"].get("quantized") else _MODEL


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SavedModelError(f"{path} can't be read: {error}") from error
    if not isinstance(told, dict) or told.get("format") != _FORMAT or told.get("kind") != _KIND:
        raise SavedModelError(f"{path} isn't of a {_KIND}, in the format {_FORMAT}")
    for name, expected in _TYPES.items():
        if type(told.get(name)) is not expected:
            raise SavedModelError(f"{path} is damaged: `{name}` is {told.get(name)!r}")
    if not all(isinstance(label, str) for label in told["labels"]):
        raise SavedModelError(f"{path} is damaged: not every label is a text")
    if len(set(told["labels"])) < len(told["labels"]):
        raise SavedModelError(f"{path} is damaged: a label is there twice")
    return told
