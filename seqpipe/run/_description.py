"""What the description of a saved pipeline, spaCy's meta.json, says of the run."""

import re
from collections.abc import Mapping
from typing import Any

from spacy.language import Language

from seqpipe.config import PipelineFile, name_of


def describe(nlp: Language, file: PipelineFile) -> None:
    """Name a pipeline after its file, unless the file names it, and give it its version."""
    settings = file.sections.get("pipeline", {})
    # `spacy package` names a Python package after it.
    after_file = re.sub(r"\W+", "_", name_of(file.path), flags=re.ASCII).strip("_")
    nlp.meta["name"] = settings.get("name") or after_file or "pipeline"
    nlp.meta["version"] = settings.get("version", "0.0.0")


def set_performance(
    nlp: Language, scores: Mapping[str, Any], losses: Mapping[str, float] | None = None
) -> None:
    """Write down a pipeline's scores on the dev part, as `spacy train` does.

    Args:
        nlp: The pipeline.
        scores: All of spaCy's scores; those that have a weight in [training.score_weights] are taken.
        losses: The loss of each component.
    """
    metrics = nlp.config.interpolate()["training"]["score_weights"]
    chosen = {metric: scores.get(metric, 0.0) for metric in metrics}
    losses = {f"{name}_loss": loss for name, loss in (losses or {}).items()}
    nlp.meta["performance"] = {**chosen, **losses}
