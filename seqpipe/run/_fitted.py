"""Runs files whose pipeline is fitted in one call: a classifier, or an embedding."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.util import registry

from seqpipe.adapters import (
    Corpus,
    SequenceCorpus,
    Watched,
    watch_fit,
)
from seqpipe.config import PipelineFile
from seqpipe.parts.classifiers import FitProgress
from seqpipe.run._build import check_initial_files, placed, placed_at_work
from seqpipe.run._models import (
    load_unfinished,
    promote,
    save_unfinished,
    set_interrupted_aside,
    set_performance,
)
from seqpipe.run._report import make_report, report_embedding
from seqpipe.run._scores import resolve_scores, score_embedding
from seqpipe.run._stages import Stages
from seqpipe.run._task import check_data, note_tuned, read_all, score_texts
from seqpipe.run._warnings import warn

_PARTS = ("train", "dev", "test")
_CORPUS = "seqpipe.Corpus.v1"


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
            read_all(nlp, corpora)
        with placed_at_work(file, nlp.config, "corpora", "components"):
            check_data(nlp, corpora, stages.reporter)
        check_initial_files(nlp, file)
    with stages.stage("training"), placed_at_work(file, nlp.config, "components", "corpora"):
        last = _fit(nlp, corpora["train"], stages)
        for tune in _callbacks(nlp):
            nlp = tune(nlp)
        dev = score_texts(nlp, corpora["dev"]) if "dev" in corpora else None
        if dev:
            set_performance(nlp, dev["spacy"])
    with stages.stage("saving"):
        set_interrupted_aside(output)
        save_unfinished(output, nlp.to_disk)
    with stages.stage("evaluation"):
        saved = load_unfinished(output, nlp)
        scores = score_texts(saved, corpora["test"], output=output) if "test" in corpora else {}
        note_tuned(saved, stages.reporter)
        warnings = warn(saved, stages.reporter, scores=scores)
    promote(output)
    report = make_report(
        saved,
        corpora,
        scores=scores,
        embedding={},
        history=_history(dev, last),
        warnings=warnings,
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
    """Fit, and return the last progress that was reported."""
    reports = [FitProgress(0.0)]

    def relay(progress: FitProgress) -> None:
        reports.append(progress)
        stages.relay_fit(progress)

    with watch_fit(nlp, relay):
        nlp.initialize(lambda: train(nlp))
    return reports[-1]


def _callbacks(nlp: Language) -> list[Callable[[Language], Language]]:
    """Return what's called before the pipeline is saved; it may tune components."""
    section = nlp.config.interpolate()["training"]
    made = registry.resolve({"training": {"before_to_disk": section["before_to_disk"]}})
    callback = made["training"]["before_to_disk"]
    return [] if callback is None else [callback]


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


def run_embedding(
    nlp: Language, file: PipelineFile, output: Path, stages: Stages
) -> tuple[Language, dict[str, Any]]:
    """Fit the embedder of a pipeline, save the pipeline, and score what was saved.

    Returns:
        The pipeline as it was saved, and the report.

    Raises:
        SeqpipeError: The data or a part can't be used.
    """
    with stages.stage("data"):
        with placed(file, nlp.config, "corpora"):
            corpora = {part: _corpus(nlp, part) for part in ("train", "test")}
        check_initial_files(nlp, file)
        scores = resolve_scores(nlp, file)
    with stages.stage("embedder"), watch_fit(nlp, stages.relay_fit) as watched:
        with placed_at_work(file, nlp.config, "nlp.vectors", "corpora", "initialize"):
            nlp.initialize()
        stages.reporter.note(_sizes(nlp, watched))
    with stages.stage("saving"):
        set_interrupted_aside(output)
        save_unfinished(output, nlp.to_disk)
    with stages.stage("evaluation"):
        saved = load_unfinished(output, nlp)
        found = score_embedding(saved, scores, **corpora, reporter=stages.reporter)
    promote(output)
    return saved, report_embedding(saved, watched, scores=found, seconds=stages.seconds)


def _corpus(nlp: Language, part: str) -> SequenceCorpus | None:
    # By itself: spaCy's defaults hold a corpus called dev that can't be made.
    corpora = nlp.config.interpolate()["corpora"]
    if part not in corpora:
        return None
    corpus: SequenceCorpus = registry.resolve({part: corpora[part]})[part]
    return corpus


def _sizes(nlp: Language, watched: Watched) -> str:
    known, width = nlp.vocab.vectors.shape
    vectors = f"{known:,} known, {width} wide"
    if not watched.sequences:
        # An embedder that was trained elsewhere reads none.
        return vectors
    return f"{watched.words:,} words in {watched.sequences:,} sequences; {vectors}"
