"""A trained model as files: one of JSON, and one of the library's own format."""

from pathlib import Path
from typing import Any

from seqpipe.errors import SavedModelError
from seqpipe.parts._saved import read_settings, write_settings
from seqpipe.parts.classifiers.fasttext._forms import label_of
from seqpipe.parts.classifiers.fasttext._trained import Trained
from seqpipe.parts.embedders.formats.fasttext import read_fasttext, write_fasttext

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
        "labels": list(trained.labels),
        "lower": trained.lower,
        "library": trained.library,
        "arguments": dict(trained.arguments),
    }
    write_settings(folder / _SETTINGS, told, kind=_KIND)
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
    return Trained(**{**told, "labels": tuple(told["labels"])}, model=model)


def _name(told: dict[str, Any]) -> str:
    return _QUANTIZED if told["arguments"].get("quantized") else _MODEL


def _read_settings(path: Path) -> dict[str, Any]:
    told = read_settings(path, _TYPES, kind=_KIND)
    if not all(isinstance(label, str) for label in told["labels"]):
        raise SavedModelError(f"{path} is damaged: not every label is a text")
    if len(set(told["labels"])) < len(told["labels"]):
        raise SavedModelError(f"{path} is damaged: a label is there twice")
    return told
