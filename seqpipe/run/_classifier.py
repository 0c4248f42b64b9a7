"""Runs a file whose whole model is a classifier: fit, save, score."""

from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.util import registry

from seqpipe.adapters import ClassifierPipe, Corpus, watch_fit
from seqpipe.config import PipelineFile
from seqpipe.parts.classifiers import FitProgress
from seqpipe.run._build import check_initial_files, placed, placed_at_work
from seqpipe.run._classes import check_labels, score_texts
from seqpipe.run._data import note_data
from seqpipe.run._description import set_performance
from seqpipe.run._models import UNFINISHED, promote, save_unfinished, set_interrupted_aside
from seqpipe.run._report import make_report
from seqpipe.run._stages import Stages

_PARTS = ("train", "dev", "test")
_CORPUS = "seqpipe.Corpus.v1"


def is_classifier(nlp: Language) -> bool:
    """Whether a pipeline is a classifier and nothing else, and learns from rows that we read."""
    train = nlp.config["corpora"].get("train", {})
    alone = [type(pipe) for _, pipe in nlp.pipeline] == [ClassifierPipe]
    return alone and train.get("@readers") == _CORPUS


def run_classifier(
    nlp: Language, file: PipelineFile, output: Path, stages: Stages
) -> tuple[Language, dict[str, Any]]:
    """Fit the classifier of a pipeline, save the pipeline, and score what was saved.

    Returns:
        The pipeline as it was saved, and the report.

    Raises:
        SeqpipeError: The data or a part can't be used.
    """
    with stages.stage("data"):
        with placed(file, nlp.config, "corpora"):
            corpora = _corpora(nlp)
        with placed_at_work(file, nlp.config, "corpora", "components"):
            check_labels(nlp, corpora)
        note_data(corpora, stages.reporter)
        check_initial_files(nlp, file)
    with stages.stage("training"), placed_at_work(file, nlp.config, "components", "corpora"):
        last = _fit(nlp, corpora["train"], stages)
        dev = score_texts(nlp, corpora["dev"]) if "dev" in corpora else None
        if dev:
            set_performance(nlp, dev["spacy"])
    with stages.stage("saving"):
        set_interrupted_aside(output)
        save_unfinished(output, nlp.to_disk)
    with stages.stage("evaluation"):
        saved = spacy.load(output / UNFINISHED)
        scores = score_texts(saved, corpora["test"]) if "test" in corpora else {}
    promote(output)
    report = make_report(
        saved,
        corpora,
        scores=scores,
        embedding={},
        history=_history(dev, last),
        seconds=stages.seconds,
    )
    return saved, {**report, "words_per_second": _speed(last)}


def _corpora(nlp: Language) -> dict[str, Corpus]:
    config = nlp.config.interpolate()
    # By themselves: spaCy's defaults hold a corpus called dev that can't be made.
    ours = {
        part: corpus
        for part, corpus in config["corpora"].items()
        if part in _PARTS and corpus.get("@readers") == _CORPUS
    }
    made: dict[str, Corpus] = registry.resolve(ours)
    return made


def _fit(nlp: Language, train: Corpus, stages: Stages) -> FitProgress:
    """Fit, and return what was told of it last."""
    told = [FitProgress(0.0)]

    def relay(progress: FitProgress) -> None:
        told[0] = progress
        stages.relay_fit(progress)

    with watch_fit(relay):
        nlp.initialize(lambda: train(nlp))
    return told[0]


def _speed(last: FitProgress) -> int | None:
    return None if last.words_per_second is None else round(last.words_per_second)


def _history(dev: dict[str, Any] | None, last: FitProgress) -> list[dict[str, Any]]:
    """Return the one line that there is: the model as it was fitted, scored on the dev part."""
    if dev is None:
        return []
    return [
        {
            "step": 1,
            "epoch": None,
            "loss": last.loss,
            "words": 0,
            "score": dev["micro_f"],
            "is_best": True,
        }
    ]
