"""Runs a file that makes an embedding and no more: fit, save, score."""

from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.util import registry

from seqpipe.adapters import (
    DocumentVectors,
    EmbedderVectors,
    SequenceCorpus,
    Watched,
    watch_fit,
)
from seqpipe.config import PipelineFile
from seqpipe.run._build import check_initial_files, placed, placed_at_work
from seqpipe.run._models import UNFINISHED, promote, save_unfinished, set_interrupted_aside
from seqpipe.run._report import report_embedding
from seqpipe.run._scores import resolve_scores, score_embedding
from seqpipe.run._stages import Stages


def is_embedding(nlp: Language) -> bool:
    """Whether nothing of a pipeline is trained but the embedder of its vectors, on sequences that we read."""
    train = nlp.config["corpora"].get("train", {})
    ours = isinstance(nlp.vocab.vectors, EmbedderVectors)
    trained = [pipe for _, pipe in nlp.pipeline if not isinstance(pipe, DocumentVectors)]
    return ours and not trained and train.get("@readers") == "seqpipe.Sequences.v1"


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
    with stages.stage("embedder"), watch_fit(stages.relay_fit) as watched:
        with placed_at_work(file, nlp.config, "nlp.vectors", "corpora", "initialize"):
            nlp.initialize()
        stages.reporter.note(_sizes(nlp, watched))
    with stages.stage("saving"):
        set_interrupted_aside(output)
        save_unfinished(output, nlp.to_disk)
    with stages.stage("evaluation"):
        saved = spacy.load(output / UNFINISHED)
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
