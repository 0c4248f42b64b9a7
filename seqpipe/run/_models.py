"""The models in the folder of a run (best, unfinished, interrupted), and what their meta.json says."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import spacy
from spacy.language import Language

from seqpipe import storage
from seqpipe.adapters import move_pipeline, placement_of
from seqpipe.config import PipelineFile, name_of
from seqpipe.errors import SavedModelError


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


BEST: Final = "model-best"
UNFINISHED: Final = "model-unfinished"
INTERRUPTED: Final = "model-interrupted"


def check_replaceable(output: Path) -> None:
    """Check that a run may write its models into a folder.

    Raises:
        SavedModelError: Something else is in their place.
    """
    for model in (BEST, UNFINISHED, INTERRUPTED):
        storage.check_replaceable(output / model)


def set_interrupted_aside(output: Path) -> None:
    """Keep the unfinished model of a run before this one, if it left any."""
    if _is_whole(output / UNFINISHED):
        storage.move_folder(output / UNFINISHED, output / INTERRUPTED)


def save_unfinished(
    output: Path, to_disk: Callable[[Path], Any], series: storage.SaveSeries | None = None
) -> None:
    """Write the best model so far; what stayed the same since the save before in the series is linked."""
    storage.write_folder(output / UNFINISHED, to_disk, series=series)


def load_unfinished(output: Path, nlp: Language) -> Language:
    """Load the best model so far, and move it to the device that the pipeline being trained computes on."""
    loaded = spacy.load(output / UNFINISHED)
    move_pipeline(loaded, placement_of(nlp))
    return loaded


def promote(output: Path) -> None:
    """Make the unfinished model the best one, now that the run has ended."""
    storage.move_folder(output / UNFINISHED, output / BEST)
    if (output / INTERRUPTED).exists():
        storage.remove_folder(output / INTERRUPTED)


def what_was_kept(output: Path) -> str:
    """Say which models a run leaves that didn't finish."""
    kept = []
    for name, what in (
        (UNFINISHED, "the best model so far"),
        (INTERRUPTED, "that of an interrupted run before"),
        (BEST, "the model of the last finished run"),
    ):
        if _is_whole(output / name):
            kept.append(f"{what} is in {output / name}")
    return "; ".join(kept) or "there was no model yet to keep"


def _is_whole(model: Path) -> bool:
    try:
        storage.verify_folder(model)
    except SavedModelError:
        return False
    return True
