"""Runs a pipeline file: from texts to a trained, evaluated and saved pipeline."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spacy.language import Language
from spacy.util import resolve_dot_names
from thinc.api import fix_random_seed

from seqpipe import storage
from seqpipe.adapters import (
    ClassifierPipe,
    Corpus,
    DocumentVectors,
    EmbedderVectors,
    LanguageModelPipe,
    chosen_by_embedder,
    move_pipeline,
    read_examples,
    watch_fit,
)
from seqpipe.config import Makes, PipelineFile, compile_read, read
from seqpipe.devices import check_names
from seqpipe.errors import InterruptedRun, NotFiniteError
from seqpipe.parts.readers import Row
from seqpipe.reporting import Progress, Reporter, Silent
from seqpipe.run._build import (
    build,
    check_initial_files,
    initialise,
    place,
    placed,
    placed_at_work,
)
from seqpipe.run._fitted import run_classifier, run_embedding
from seqpipe.run._language_model import run_language_model
from seqpipe.run._models import (
    BEST,
    check_replaceable,
    describe,
    load_unfinished,
    promote,
    save_unfinished,
    set_interrupted_aside,
    set_performance,
    what_was_kept,
)
from seqpipe.run._report import make_report
from seqpipe.run._scores import resolve_scores, score_embedding
from seqpipe.run._stages import Meter, Stages
from seqpipe.run._task import check_data, note_tuned, read_all, score_texts
from seqpipe.run._warnings import warn
from seqpipe.training import (
    CorpusOf,
    Step,
    Training,
    check_encoder,
    choose_training,
    computing,
    resolve_training,
    train,
)


@dataclass(frozen=True)
class RunResult:
    """What a run leaves behind.

    Attributes:
        model: The folder of the trained pipeline.
        report: The contents of report.json.
    """

    model: Path
    report: dict[str, Any]


def run(
    file: Path | PipelineFile,
    *,
    overrides: Sequence[str] = (),
    output: Path,
    threads: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    reporter: Reporter | None = None,
) -> RunResult:
    """Train, evaluate and save the pipeline that a file describes.

    A file without a head makes an embedding: its embedder is fitted, scored and saved. A classifier is
    a whole model, and fitted in one go. A language model is trained on unlabelled texts.

    The best model so far is in ``model-unfinished`` while the run lasts. At the end it takes the
    place of ``model-best``; until then one from an earlier run stays. What an interrupted run left
    is in ``model-interrupted`` until a run has finished.

    Args:
        file: The pipeline file, or what `seqpipe.config.read` made of it.
        overrides: Settings that replace those of the file: ``["--encoder.width", "128"]``; of one that was read,
            they're in it already.
        output: The folder for all results; it's made.
        threads: How many threads compute; None for one on each core. The results are the same for any number.
        device: Where torch computes, in the place of what the file says: see `seqpipe.devices.find_placement`.
        precision: In which precision, likewise.
        reporter: Receives the progress.

    Raises:
        InterruptedRun: Ctrl-C was pressed.
        NotFiniteError: A loss, gradient, weight, score or prediction is NaN or infinite.
        SeqpipeError: The file, the data or a part can't be used.
    """
    stages = Stages(reporter or Silent())
    try:
        with computing(threads):
            return _run(file, overrides, output, stages, {"device": device, "precision": precision})
    except KeyboardInterrupt:
        kept = what_was_kept(output)
        raise InterruptedRun(f"stopped during stage {stages.current!r}; {kept}") from None
    except NotFiniteError as error:
        raise NotFiniteError(f"{error}; {what_was_kept(output)}") from error


def _run(
    file: Path | PipelineFile,
    overrides: Sequence[str],
    output: Path,
    stages: Stages,
    asked: Mapping[str, str | None],
) -> RunResult:
    with stages.stage("file"):
        source = file if isinstance(file, PipelineFile) else read(file, overrides)
        check_names(**asked)
        config = compile_read(source)
        fix_random_seed(config.interpolate()["training"]["seed"] or 0)
        placement = place(source, asked)
        nlp = build(config, source)
        move_pipeline(nlp, placement)
        describe(nlp, source)
    check_replaceable(output)
    with storage.reserved(output):
        runs = {
            Makes.HEAD: _run_training,
            Makes.CLASSIFIER: run_classifier,
            Makes.EMBEDDING: run_embedding,
            Makes.LANGUAGE_MODEL: run_language_model,
        }
        best, report = runs[source.makes or _made_by(nlp)](nlp, source, output, stages)
        storage.write_text(output / "config.cfg", best.config.to_str())
        storage.write_text(output / "report.json", to_json(report))
    return RunResult(output / BEST, report)


def _estimate_words(rows: Sequence[Row]) -> int:
    """Return about how many words rows have, where no embedder has read them."""
    return sum(len(row.text) + len(row.pair or "") for row in rows) // _LETTERS


#: How many characters a word has, the blank after it included, on average.
_LETTERS: Final = 5


def _made_by(nlp: Language) -> Makes:
    """Return what a spaCy config makes, such as a file was compiled to: what its pipeline and its corpus show."""
    reader = nlp.config["corpora"].get("train", {}).get("@readers")
    pipes = [pipe for _, pipe in nlp.pipeline]
    if [type(pipe) for pipe in pipes] == [ClassifierPipe] and reader == "seqpipe.Corpus.v1":
        return Makes.CLASSIFIER
    if [type(pipe) for pipe in pipes] == [LanguageModelPipe] and reader == "seqpipe.Sequences.v1":
        return Makes.LANGUAGE_MODEL
    is_fitted = isinstance(nlp.vocab.vectors, EmbedderVectors)
    is_trained = not all(isinstance(pipe, DocumentVectors) for pipe in pipes)
    if is_fitted and not is_trained and reader == "seqpipe.Sequences.v1":
        return Makes.EMBEDDING
    return Makes.HEAD


def _run_training(
    nlp: Language, file: PipelineFile, output: Path, stages: Stages
) -> tuple[Language, dict[str, Any]]:
    """Fit, train, evaluate and save a pipeline; return it as it was saved, and the report."""
    with stages.stage("data"):
        with placed(file, nlp.config, "training", "corpora"):
            training = resolve_training(nlp.config.interpolate())
            check_encoder(nlp, training)
            test = _test_corpus(nlp)
            corpora = _ours({"train": training.train, "dev": training.dev, "test": test})
            read_all(nlp, corpora)
        with placed_at_work(file, nlp.config, "corpora", "components"):
            check_data(nlp, corpora, stages.reporter)
        check_initial_files(nlp, file)
        embedding_scores = resolve_scores(nlp, file)
    with (
        stages.stage("embedder"),
        watch_fit(nlp, stages.relay_fit) as watched,
        placed_at_work(file, nlp.config, "nlp.vectors", "corpora", "initialize", "components"),
    ):
        initialise(nlp, training)
    _note_chosen(stages.reporter, "embedder", chosen_by_embedder(nlp))
    if file.leaves_training_out and "train" in corpora:
        rows = corpora["train"].rows(nlp)
        words = watched.words or _estimate_words(rows)
        training, chosen = choose_training(nlp, training, len(rows), words)
        _note_chosen(stages.reporter, "training", chosen)
    with stages.stage("training"), placed_at_work(file, nlp.config, "training", "corpora"):
        history = _train(nlp, training, output, stages)
    with stages.stage("evaluation"):
        best = load_unfinished(output, nlp)
        scores = score_texts(best, test, output=output, history=history) if test else {}
        parts = {part: corpora.get(part) for part in ("train", "test")}
        embedding = score_embedding(best, embedding_scores, **parts, reporter=stages.reporter)
        note_tuned(best, stages.reporter)
        # As the pipeline that was trained has tokenized them already.
        docs = (example.reference for example in read_examples(training.dev, nlp))
        warnings = warn(best, stages.reporter, scores=scores, history=history, docs=docs)
    with stages.stage("saving"):
        promote(output)
    report = make_report(
        best,
        corpora,
        scores=scores,
        embedding=embedding,
        history=history,
        warnings=warnings,
        seconds=stages.seconds,
    )
    return best, report


def _note_chosen(reporter: Reporter, section: str, chosen: Mapping[str, Any]) -> None:
    """Say what was chosen by the data."""
    if chosen:
        settings = ", ".join(f"{name} = {value}" for name, value in chosen.items())
        reporter.note(f"[{section}] {settings}, by the size of the data")


def to_json(report: Mapping[str, Any]) -> str:
    """Return a report as JSON."""
    # Components report their losses as numbers of numpy's too. A number that isn't finite has ended the run,
    # if it's one that we know; a scorer of spaCy's may give others, which JSON can't say.
    plain = json.loads(json.dumps(report, default=float), parse_constant=lambda _: None)
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _test_corpus(nlp: Language) -> CorpusOf | None:
    config = nlp.config.interpolate()
    if "test" not in config["corpora"]:
        return None
    corpus: CorpusOf = resolve_dot_names(config, ["corpora.test"])[0]
    return corpus


def _ours(corpora: dict[str, CorpusOf | None]) -> dict[str, Corpus]:
    """Return the corpora of which we know the rows; spaCy's own readers give none."""
    return {name: corpus for name, corpus in corpora.items() if isinstance(corpus, Corpus)}


def _train(nlp: Language, training: Training, output: Path, stages: Stages) -> list[dict[str, Any]]:
    """Train, saving each best model; return a line of history for each evaluation."""
    set_interrupted_aside(output)
    history: list[dict[str, Any]] = []
    meter = Meter()
    series = storage.SaveSeries()
    score = None
    for step in train(nlp, training):
        meter.add(step.words, sum(step.loss.get(name, 0.0) for name in _heads(nlp)))
        loss = meter.mean_loss
        if step.score is not None:
            score = step.score
            history.append(_history_line(step, meter))
        if step.is_best:
            set_performance(nlp, step.scores, step.loss)
            _save(nlp, training, output, series)
        stages.reporter.progress(
            Progress(step.fraction or None, step.epoch, loss, score, meter.words_per_second)
        )
    return history


def _heads(nlp: Language) -> list[str]:
    # What spaCy calls the loss of an encoder is the size of the gradient that it's given.
    return [name for name, pipe in nlp.pipeline if not hasattr(pipe, "listening_components")]


def _history_line(step: Step, meter: Meter) -> dict[str, Any]:
    return {
        "step": step.number,
        "epoch": step.epoch,
        **meter.take(),
        "score": step.score,
        "is_best": step.is_best,
    }


def _save(nlp: Language, training: Training, output: Path, series: storage.SaveSeries) -> None:
    saved = training.before_to_disk(nlp) if training.before_to_disk else nlp
    save_unfinished(output, saved.to_disk, series)
