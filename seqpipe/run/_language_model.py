"""Runs files that make a language model: trained on unlabelled texts, measured on the dev and the test part."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from spacy.language import Language
from spacy.util import registry

from seqpipe import storage
from seqpipe.adapters import LanguageModelPipe, SequenceCorpus, language_model_in
from seqpipe.config import PipelineFile
from seqpipe.errors import DataError
from seqpipe.parts.language_models import Figures, Step
from seqpipe.reporting import Progress
from seqpipe.run._build import check_initial_files, placed, placed_at_work
from seqpipe.run._models import (
    load_unfinished,
    promote,
    save_unfinished,
    set_interrupted_aside,
)
from seqpipe.run._report import report_language_model
from seqpipe.run._stages import Meter, Stages

_PARTS: Final[tuple[str, ...]] = ("train", "dev", "test")
_CORPUS: Final = "seqpipe.Sequences.v1"
#: How the sample is written.
_SAMPLE: Final[dict[str, Any]] = {"length": 200, "temperature": 0.8}


def run_language_model(
    nlp: Language, file: PipelineFile, output: Path, stages: Stages
) -> tuple[Language, dict[str, Any]]:
    """Train the language model of a pipeline, saving each best one, and measure what was saved.

    Returns:
        The pipeline as it was saved, and the report.

    Raises:
        NotFiniteError: A loss or a gradient is NaN or infinite.
        SeqpipeError: The data or a part can't be used.
    """
    with stages.stage("data"):
        with placed(file, nlp.config, "corpora"):
            corpora = _corpora(nlp)
        check_initial_files(nlp, file)
        with placed_at_work(file, nlp.config, "corpora", "components"):
            sizes = {part: _check_part(corpora[part], part) for part in _PARTS if part in corpora}
        stages.reporter.note(
            ", ".join(f"{size:,} {part}" for part, size in sizes.items()) + " texts"
        )
    training = _Training(nlp, output, stages)
    with (
        stages.stage("training"),
        placed_at_work(file, nlp.config, "components.language_model", "corpora", "initialize"),
    ):
        set_interrupted_aside(output)
        pipe = language_model_in(nlp)
        pipe.on_step = training.add
        try:
            nlp.initialize()
        finally:
            pipe.on_step = None
        warnings = list(_warnings(training.dev, pipe.by_frequencies))
        for warning in warnings:
            stages.reporter.note(f"warning: {warning}")
    with stages.stage("evaluation"):
        saved = load_unfinished(output, nlp)
        trained = language_model_in(saved)
        test = _measure(saved, trained, corpora["test"]) if "test" in corpora else None
        seed = nlp.config.interpolate()["training"]["seed"] or 0
        sample = trained.generate(**_SAMPLE, seed=seed)
    promote(output)
    report = report_language_model(
        saved,
        sizes,
        vocabulary=len(trained.vocabulary),
        figures={
            part: _plain(found) for part, found in (("dev", training.dev), ("test", test)) if found
        },
        sample=sample,
        history=training.history,
        warnings=warnings,
        units_per_second=training.units_per_second,
        seconds=stages.seconds,
    )
    return saved, report


class _Training:
    """Follows a training: saves each best model, and reports how far it is."""

    def __init__(self, nlp: Language, output: Path, stages: Stages) -> None:
        self._nlp = nlp
        self._output = output
        self._reporter = stages.reporter
        self._series = storage.SaveSeries()
        self._meter: Meter | None = None
        self._score: float | None = None
        self.dev: Figures | None = None
        self.history: list[dict[str, Any]] = []

    @property
    def units_per_second(self) -> float | None:
        return self._meter.words_per_second if self._meter else None

    def add(self, step: Step) -> None:
        self._meter = meter = self._meter or Meter()
        meter.add(step.units, step.loss)
        loss = meter.mean_loss
        if step.dev:
            self._score = step.dev.perplexity
            measured = _plain(step.dev)
            taken = meter.take()
            line = {"step": step.number, "epoch": step.epoch, "loss": taken["loss"]}
            self.history.append(
                {**line, "units": taken["words"], **measured, "is_best": step.is_best}
            )
        if step.is_best:
            self.dev = step.dev
            self._nlp.meta["performance"] = _plain(step.dev) if step.dev else {}
            save_unfinished(self._output, self._nlp.to_disk, self._series)
        speed = meter.words_per_second
        self._reporter.progress(
            Progress(step.fraction, step.epoch, loss, self._score, speed, unit="units")
        )


def _corpora(nlp: Language) -> dict[str, SequenceCorpus]:
    config = nlp.config.interpolate()
    # The dev part that spaCy is given where a file has none isn't ours.
    used = {
        part: corpus
        for part, corpus in config["corpora"].items()
        if part in _PARTS and corpus.get("@readers") == _CORPUS and corpus["part"] == part
    }
    made: dict[str, SequenceCorpus] = registry.resolve(used)
    return made


def _check_part(corpus: SequenceCorpus, part: str) -> int:
    """Return how many texts a part has.

    Raises:
        DataError: It has none.
    """
    count = sum(1 for _ in corpus.texts())
    if not count:
        raise DataError(
            f"the {part} part has no text; give it a larger share in `split`, or a [data.{part}] of its own"
        )
    return count


def _measure(nlp: Language, pipe: LanguageModelPipe, corpus: SequenceCorpus) -> Figures:
    return pipe.measure_units(pipe.read(nlp, corpus))


def _warnings(found: Figures | None, by_frequencies: Figures | None) -> Iterator[str]:
    """Yield what looks wrong with a model, by what the dev part costs it and the frequencies of units alone."""
    if found and by_frequencies and found.bits > by_frequencies.bits:
        yield (
            f"the best model has a perplexity of {found.perplexity:.4g} on the dev part, and the frequencies of units "
            f"alone have {by_frequencies.perplexity:.4g}: it hasn't learned anything of use. Try a smaller `learn_rate` or more "
            "`epochs` in [language_model]"
        )


def _plain(figures: Figures) -> dict[str, float]:
    return {
        "perplexity": figures.perplexity,
        "bits_per_character": figures.bits_per_character,
    }
