"""fastText's supervised classifier as a peer: 1- and 2-grams of words, settings picked on dev."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import fasttext
from accuracy_systems import Job, Trained, Words, label_names, share_right, texts_of
from text_sets import Parts

from seqpipe.parts.readers import Row

_RATES: Final = (0.1, 0.5, 1.0)
_EPOCHS: Final = (5, 25, 50)
#: Rows of the table of 2-grams: fastText's tutorial has the smaller number, the library's default is the larger.
_BUCKETS: Final = (200_000, 2_000_000)
_SEARCH_SECONDS: Final = 60


class _Lines:
    """Texts and labels in fastText's format; labels are numbered, as theirs may have blanks."""

    def __init__(self, job: Job, rows: Iterable[Row]) -> None:
        self._words = Words(job.lang)
        self._labels = label_names(rows)

    def lines(self, texts: Iterable[str]) -> list[str]:
        return [" ".join(words) for words in self._words(texts)]

    def write(self, rows: Sequence[Row], path: Path) -> list[str]:
        lines = self.lines(texts_of(rows))
        numbers = {label: number for number, label in enumerate(self._labels)}
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for row, line in zip(rows, lines, strict=True):
                known = (label for label in row.labels if label in numbers)
                marks = "".join(f"__label__{numbers[label]} " for label in known)
                file.write(f"{marks}{line}\n")
        return lines

    def predict(self, model: Any, lines: list[str]) -> list[str]:
        numbered, _ = model.predict(lines)
        return [self._labels[int(label.removeprefix("__label__"))] for (label,) in numbered]


def fit_grid(job: Job, parts: Parts) -> Trained:
    """Fit it by each learning rate and number of epochs, and keep what's best on dev."""
    lines = _Lines(job, parts["train"])
    texts = lines.write(parts["train"], Path("train.txt"))
    dev = lines.lines(texts_of(parts["dev"]))
    common = {"wordNgrams": 2, "bucket": _buckets(texts), **_common(job)}
    best: tuple[float, dict[str, Any], Any] | None = None
    for epochs in _EPOCHS:
        for rate in _RATES:
            settings = {"lr": rate, "epoch": epochs}
            model = fasttext.train_supervised("train.txt", **common, **settings)
            score = share_right(lines.predict(model, dev), parts["dev"])
            if best is None or score > best[0]:
                best = score, settings, model
    assert best is not None
    notes = {**best[1], "dev": best[0], "bucket": common["bucket"]}
    return _trained(lines, best[2], notes)


def fit_autotune(job: Job, parts: Parts) -> Trained:
    """Have the library itself look for the settings that are best on dev, for a minute."""
    lines = _Lines(job, parts["train"])
    lines.write(parts["train"], Path("train.txt"))
    dev = lines.write(parts["dev"], Path("dev.txt"))
    model = fasttext.train_supervised(
        "train.txt",
        autotuneValidationFile="dev.txt",
        autotuneDuration=_SEARCH_SECONDS,
        **_common(job),
    )
    found = model.f.getArgs()
    names = ("lr", "epoch", "wordNgrams", "dim", "maxn")
    notes = {name: getattr(found, name) for name in names}
    notes["dev"] = share_right(lines.predict(model, dev), parts["dev"])
    return _trained(lines, model, notes)


def _common(job: Job) -> dict[str, Any]:
    return {"seed": job.seed, "thread": job.threads, "verbose": 0}


def _buckets(texts: Iterable[str]) -> int:
    """Return a size of the table in which 2-grams rarely share a row."""
    distinct = {pair for line in texts for pair in pairwise(line.split())}
    small, large = _BUCKETS
    return small if 2 * len(distinct) <= small else large


def _trained(lines: _Lines, model: Any, notes: dict[str, Any]) -> Trained:
    return Trained(
        lambda texts: lines.predict(model, lines.lines(texts)),
        lambda folder: model.save_model(str(folder / "model.bin")),
        notes,
    )
