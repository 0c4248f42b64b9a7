"""Fits a model in a process that runs the library."""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from seqpipe.errors import ClassifierError, EmbedderError, SavedModelError
from seqpipe.formats.fasttext import read_fasttext
from seqpipe.parts.classifiers._contract import LabelledWords
from seqpipe.parts.classifiers.fasttext._corpus import (
    Corpus,
    fitted_buckets,
    write_corpus,
    write_dev,
)
from seqpipe.parts.classifiers.fasttext._forms import PREFIX, label_form, label_of, word_of
from seqpipe.parts.classifiers.fasttext._settings import SEARCHED, Settings
from seqpipe.parts.classifiers.fasttext._trained import Trained
from seqpipe.parts.embedders import Embedder
from seqpipe.parts.fasttext import Progress, library_seed, library_version
from seqpipe.parts.fasttext import _worker as job
from seqpipe.workers._process import run_module
from seqpipe.workers._progress import FitProgress, OnProgress

# The library's options.

_LOSSES: Final = {
    "softmax": "softmax",
    "one-vs-rest": "ova",
    "hierarchical": "hs",
    "negative-sampling": "ns",
}


def library_options(
    settings: Settings, corpus: Corpus, *, seed: int, begins: bool
) -> dict[str, Any]:
    """Return the options of the process that trains.

    Args:
        settings: The settings.
        corpus: What it trains on.
        seed: As `Classifier.fit` has it.
        begins: Whether there's a file of initial word vectors.
    """
    options = {
        "input": job.CORPUS,
        "model": "supervised",
        "loss": _LOSSES[settings.loss],
        "dim": settings.width,
        "epoch": settings.epochs,
        "lr": settings.learning_rate,
        "wordNgrams": settings.word_ngrams,
        "minn": settings.min_n if settings.max_n else 0,
        "maxn": settings.max_n,
        "bucket": _buckets(settings, corpus),
        "minCount": settings.min_count,
        "minCountLabel": settings.min_count_label,
        "neg": settings.negatives,
        "thread": settings.threads,
        "seed": library_seed(seed),
        "label": PREFIX,
        "verbose": 2,
    }
    if begins:
        options["pretrainedVectors"] = job.VECTORS
    if settings.autotune:
        options |= _search(settings)
    fixed = _fixed(settings, begins=begins) if settings.autotune else []
    return {"settings": options, "fixed": fixed, "quantize": _quantization(settings)}


def _buckets(settings: Settings, corpus: Corpus) -> int:
    if settings.word_ngrams < 2 and not settings.max_n and not settings.autotune:
        return 0
    if settings.buckets is not None:
        return settings.buckets
    known = [word for word, count in corpus.words.items() if count >= settings.min_count]
    return fitted_buckets(corpus.ngrams.count, known, min_n=settings.min_n, max_n=settings.max_n)


def _search(settings: Settings) -> dict[str, Any]:
    return {
        "autotuneValidationFile": job.DEV,
        "autotuneDuration": settings.autotune,
        "autotuneMetric": _metric(settings.autotune_metric),
        "autotuneModelSize": settings.autotune_model_size or "",
    }


def _metric(metric: str) -> str:
    name, colon, label = metric.partition(":")
    return f"{name}{colon}{label_form(label)}" if name == "f1" and label else metric


def _fixed(settings: Settings, *, begins: bool) -> list[str]:
    """Return the options that the search doesn't change: what isn't at its default, and the kind of scores."""
    fixed = {"loss"}
    for name, (default, theirs) in SEARCHED.items():
        if getattr(settings, name) != default:
            fixed.update(theirs)
    if begins:
        fixed.add("dim")
    return sorted(fixed)


def _quantization(settings: Settings) -> dict[str, Any] | None:
    if not settings.quantize:
        return None
    return {
        "cutoff": settings.cutoff,
        "retrain": settings.retrain,
        "norm": settings.quantize_norm,
        "output": settings.quantize_output,
        "subvector": settings.subvector,
    }


# Initial word vectors, from an embedder.

_AT_ONCE: Final = 1000


def write_first_vectors(
    embedder: Embedder, folder: Path, corpus: Corpus, settings: Settings, *, seed: int
) -> None:
    """Fit an embedder on the texts to train on, and write the vectors of their frequent words.

    Words that it has zeros for are left out, so that they're initialised at random.

    Raises:
        ClassifierError: The embedder can't be fitted, or has no vector for any of the words.
    """
    try:
        embedder.fit(_Sequences(folder / job.CORPUS), seed=seed)
    except EmbedderError as error:
        raise ClassifierError(f"the classifier's embedder can't be fitted: {error}") from error
    known = [form for form, count in corpus.words.items() if count >= settings.min_count]
    lines = list(_lines(embedder, known))
    if not lines:
        raise ClassifierError(
            "the classifier's embedder has no vector for any word of the texts: is it of another language?"
        )
    with (folder / job.VECTORS).open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{len(lines)} {embedder.width}\n")
        file.writelines(lines)


class _Sequences:
    """The words of each text, from the file that the library reads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[list[str]]:
        with self._path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                forms = line.rstrip("\n").split(" ")
                yield [word_of(form) for form in forms if not form.startswith(PREFIX)]


def _lines(embedder: Embedder, forms: list[str]) -> Iterator[str]:
    for start in range(0, len(forms), _AT_ONCE):
        some = forms[start : start + _AT_ONCE]
        vectors = embedder.embed([word_of(form) for form in some])
        for form, vector in zip(some, vectors, strict=True):
            if np.any(vector):
                yield f"{form} {' '.join(f'{value:.9g}' for value in vector)}\n"


# The progress of autotuning, read from the process's output.

_TRIALS = re.compile(r"Progress:\s*(?P<percent>[\d.]+)%\s+Trials:")
_NOISE = re.compile(r"Training again with best arguments|Best selected args|^\w+ = ")
#: The search's share of the progress; the rest is the training with what was found.
_SHARE = 0.9


class SearchProgress:
    """Reads the output of a search, and of the training after it.

    Args:
        training: Reads the output of a training.
        on_progress: Receives the progress.
    """

    def __init__(self, training: Progress, on_progress: OnProgress | None) -> None:
        self._training = training
        self._on_progress = on_progress

    def read(self, line: str) -> bool:
        """Take a line of the output, and return whether it was understood."""
        found = _TRIALS.search(line)
        if found and self._on_progress is not None:
            self._on_progress(FitProgress(_SHARE * min(1.0, float(found["percent"]) / 100)))
        return bool(found) or _NOISE.search(line) is not None or self._training.read(line)


def after_search(on_progress: OnProgress | None) -> OnProgress | None:
    """Return the callback for the progress of the training after a search."""
    if on_progress is None:
        return None

    def report(progress: FitProgress) -> None:
        fraction = _SHARE + (1 - _SHARE) * progress.fraction
        on_progress(FitProgress(fraction, progress.loss, progress.words_per_second))

    return report


@dataclass(frozen=True)
class Task:
    """What a model is to be fitted on; see `Classifier.fit`."""

    examples: Iterable[LabelledWords]
    labels: Sequence[str]
    embedder: Embedder | None
    seed: int
    on_progress: OnProgress | None
    dev: Iterable[LabelledWords] | None


def fit_model(settings: Settings, task: Task) -> Trained:
    """Train in a process of its own, in a temporary folder; see `Classifier.fit`."""
    library = _library()
    with tempfile.TemporaryDirectory(prefix="seqpipe-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        corpus = _write_texts(folder, settings, task)
        if task.embedder is not None:
            write_first_vectors(task.embedder, folder, corpus, settings, seed=task.seed)
        options = library_options(
            settings, corpus, seed=task.seed, begins=task.embedder is not None
        )
        (folder / job.CLASSIFIER).write_text(json.dumps(options), encoding="utf-8")
        training = _progress(folder, corpus, settings, task.on_progress)
        reader = SearchProgress(training, task.on_progress) if settings.autotune else training
        run_module(job.__name__, folder, on_line=reader.read, error=ClassifierError)
        trained = _read_result(folder, settings, task, library)
    training.finish()
    return trained


def _library() -> str:
    try:
        return library_version()
    except EmbedderError as error:
        raise ClassifierError(str(error)) from error


def _write_texts(folder: Path, settings: Settings, task: Task) -> Corpus:
    if settings.autotune:
        if task.dev is None:
            raise ClassifierError(
                "`autotune` chooses settings by a dev part, and there's none: give it one, or set 0"
            )
        write_dev(task.dev, folder / job.DEV, labels=task.labels, lower=settings.lower)
    path = folder / job.CORPUS
    return write_corpus(task.examples, path, labels=task.labels, settings=settings)


def _progress(
    folder: Path, corpus: Corpus, settings: Settings, on_progress: OnProgress | None
) -> Progress:
    return Progress(
        size=(folder / job.CORPUS).stat().st_size,
        passes=settings.epochs,
        words=corpus.words.total(),
        threads=settings.threads,
        on_progress=after_search(on_progress) if settings.autotune else on_progress,
    )


def _read_result(folder: Path, settings: Settings, task: Task, library: str) -> Trained:
    arguments: dict[str, Any] = json.loads((folder / job.ARGUMENTS).read_text(encoding="utf-8"))
    try:
        model = read_fasttext(folder / job.MODEL, mapped=False, name="the model that was trained")
    except SavedModelError as error:
        raise ClassifierError(
            f"{error}; a smaller `learning_rate` helps if numbers aren't finite"
        ) from error
    learnt = {label_of(form) for form in model.labels}
    return Trained(
        labels=tuple(label for label in task.labels if label in learnt),
        model=model,
        lower=settings.lower,
        library=library,
        arguments=arguments,
    )
