"""The scores of an embedding that a pipeline file asks for."""

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from spacy.language import Language
from spacy.util import registry

from seqpipe.adapters import Corpus, EmbedderVectors, SequenceCorpus, calling, describe
from seqpipe.config import PipelineFile
from seqpipe.errors import ConfigError, NotFiniteError, PluginError
from seqpipe.evaluation import EmbeddingScore, Fitted, Sequences
from seqpipe.reporting import Reporter
from seqpipe.run._build import placed


def resolve_scores(nlp: Language, file: PipelineFile) -> dict[str, EmbeddingScore]:
    """Make the scores that [evaluation] names.

    Raises:
        ConfigError: One of them can't be made, or there's no embedder to score.
    """
    section = nlp.config.interpolate().get("evaluation", {})
    if not section:
        return {}
    if not isinstance(nlp.vocab.vectors, EmbedderVectors):
        raise ConfigError(
            "[evaluation] scores the embedder of seqpipe.Vectors.v1, and [nlp.vectors] names something "
            "else: change that, or remove [evaluation]"
        )
    with placed(file, nlp.config, "evaluation"):
        made: dict[str, Any] = registry.resolve({"evaluation": section})["evaluation"]
    for name, score in made.items():
        if not callable(score):
            raise ConfigError(f"[evaluation.{name}] made {score!r}, which scores nothing")
    return made


def score_embedding(
    nlp: Language,
    scores: Mapping[str, EmbeddingScore],
    *,
    train: Corpus | SequenceCorpus | None,
    test: Corpus | SequenceCorpus | None,
    reporter: Reporter,
) -> dict[str, Any]:
    """Return what each score says of a pipeline's embedder, by the name it has in the file.

    Without scores the vectors of the pipeline may be anybody's.

    Raises:
        SeqpipeError: As the scores.
    """
    if not scores:
        return {}
    fitted = Fitted(
        embedder=nlp.vocab.vectors.embedder,
        train=_anew(nlp, train),
        test=_anew(nlp, test),
        seed=nlp.config.interpolate()["training"]["seed"] or 0,
    )
    found = {}
    for name, score in scores.items():
        reporter.note(f"scoring {name}")
        with calling(score, f"score [evaluation.{name}],", "scored the embedder"):
            given = score(fitted)
        if not isinstance(given, Mapping):
            raise PluginError(
                f"[evaluation.{name}] returned {describe(given)}, and should return a dictionary"
            )
        if (bad := _not_finite(given)) is not None:
            raise NotFiniteError(f"[evaluation.{name}] gave the score {bad}, which isn't finite")
        found[name] = dict(given)
    return found


def _not_finite(scores: Mapping[Any, Any]) -> str | None:
    """Return the first number among scores, or scores of scores, that's NaN or infinite."""
    for name, value in scores.items():
        if isinstance(value, Mapping):
            if (bad := _not_finite(value)) is not None:
                return f"{name}.{bad}"
        elif isinstance(value, Real) and not math.isfinite(value):
            return f"{name} = {float(value)}"
    return None


def _anew(nlp: Language, corpus: Corpus | SequenceCorpus | None) -> Sequences:
    return (lambda: corpus.sequences(nlp)) if corpus else (lambda: ())
