"""Fit a model by a process that runs the library."""

import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqpipe.errors import ClassifierError, EmbedderError, SavedModelError
from seqpipe.parts._fasttext import Progress, library_version
from seqpipe.parts._fit_progress import OnProgress
from seqpipe.parts._process import run_module
from seqpipe.parts.classifiers._contract import LabelledWords
from seqpipe.parts.classifiers.fasttext import _job as job
from seqpipe.parts.classifiers.fasttext._corpus import Corpus, write_corpus, write_dev
from seqpipe.parts.classifiers.fasttext._forms import label_of
from seqpipe.parts.classifiers.fasttext._progress import SearchProgress, after_search
from seqpipe.parts.classifiers.fasttext._settings import Settings
from seqpipe.parts.classifiers.fasttext._told import told_to_library
from seqpipe.parts.classifiers.fasttext._trained import Trained
from seqpipe.parts.classifiers.fasttext._vectors import write_first_vectors
from seqpipe.parts.embedders import Embedder
from seqpipe.parts.embedders.formats.fasttext import read_fasttext

_WORKER = "seqpipe.parts.classifiers.fasttext._worker"


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
        told = told_to_library(settings, corpus, seed=task.seed, begins=task.embedder is not None)
        (folder / job.JOB).write_text(json.dumps(told), encoding="utf-8")
        training = _progress(folder, corpus, settings, task.on_progress)
        reader = SearchProgress(training, task.on_progress) if settings.autotune else training
        run_module(_WORKER, folder, on_line=reader.read, error=ClassifierError)
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
