"""The report of a run: what came out, from which data, by which software, on which machine."""

import importlib.metadata
import os
import platform
from typing import Any

from spacy.language import Language

from seqpipe import __version__
from seqpipe.adapters import (
    Corpus,
    Watched,
    decision_of,
    device_of,
    mix_of,
    placement_of,
    recurrent_engines,
)
from seqpipe.devices import device_name
from seqpipe.errors import EmbedderError
from seqpipe.kernels import available_threads
from seqpipe.parts.embedders.fasttext import library_version
from seqpipe.plugins import host

_PACKAGES = ("spacy", "thinc", "confection", "torch", "numpy", "safetensors")


def versions() -> dict[str, str]:
    """Return the versions of Python, of seqpipe, and of the packages that it's built on."""
    found = {"python": platform.python_version(), "seqpipe": __version__}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    try:
        # All builds of it install the same module: this says which one that is.
        found["fasttext"] = library_version()
    except EmbedderError as error:
        found["fasttext"] = str(error)
    return found


def plugin_versions() -> dict[str, str]:
    """Return the distributions, with versions, of the plugins that were loaded, by plugin name."""
    return {plugin.name: str(plugin.owner) for plugin in host().loaded}


def machine() -> dict[str, str | int | None]:
    """Return what the run's speed depends on."""
    return {
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
    }


def make_report(
    nlp: Language,
    corpora: dict[str, Corpus],
    *,
    scores: dict[str, Any],
    embedding: dict[str, Any],
    history: list[dict[str, Any]],
    warnings: list[str],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Gather what a run did and how well, as plain data.

    Args:
        nlp: The best pipeline.
        corpora: The parts of the data by name.
        scores: The scores of the best pipeline on the test part.
        embedding: What each score of [evaluation] says of its embedder.
        history: A line for each evaluation on the dev part.
        warnings: What looks wrong with the pipeline.
        seconds: How long each stage took.
    """
    words = sum(line["words"] for line in history)
    return {
        "seed": nlp.config.interpolate()["training"]["seed"],
        "data": _describe(nlp, corpora),
        "dev": next((line for line in reversed(history) if line["is_best"]), {}),
        "test": scores,
        "embedding": embedding,
        "history": history,
        "warnings": warnings,
        "mix": mix_of(nlp),
        "decision": decision_of(nlp),
        "words_per_second": _speed(words, seconds.get("training")),
        "engines": recurrent_engines(nlp),
        **_circumstances(nlp, seconds),
    }


def report_embedding(
    nlp: Language, watched: Watched, *, scores: dict[str, Any], seconds: dict[str, float]
) -> dict[str, Any]:
    """Gather what a run did that made an embedding and no more, as plain data.

    Args:
        nlp: The pipeline with the vectors.
        watched: What was seen of the fitting.
        scores: What each score of [evaluation] says of the embedder.
        seconds: How long each stage took.
    """
    known, width = nlp.vocab.vectors.shape
    return {
        "seed": nlp.config.interpolate()["training"]["seed"],
        "data": {
            "fingerprint": watched.fingerprint,
            "sequences": watched.sequences,
            "words": watched.words,
        },
        "vectors": {"known": known, "width": width},
        "embedding": scores,
        "words_per_second": _speed(watched.words, seconds.get("embedder")),
        **_circumstances(nlp, seconds),
    }


def report_language_model(
    nlp: Language,
    texts: dict[str, int],
    *,
    vocabulary: int,
    figures: dict[str, dict[str, float]],
    sample: str,
    history: list[dict[str, Any]],
    warnings: list[str],
    units_per_second: float | None,
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Gather what a run did that made a language model, as plain data.

    Args:
        nlp: The pipeline.
        texts: How many texts each part has.
        vocabulary: How many units there are.
        figures: Perplexity and bits per character of the dev and the test part.
        sample: What the model has written.
        history: A line for each evaluation.
        warnings: What looks wrong with the model.
        units_per_second: The speed of the training.
        seconds: How long each stage took.
    """
    return {
        "seed": nlp.config.interpolate()["training"]["seed"],
        "data": {"texts": texts, "units": vocabulary},
        **figures,
        "sample": sample,
        "history": history,
        "warnings": warnings,
        "units_per_second": round(units_per_second) if units_per_second else None,
        **_circumstances(nlp, seconds),
    }


def _speed(words: int, seconds: float | None) -> int | None:
    return round(words / seconds) if seconds else None


def _circumstances(nlp: Language, seconds: dict[str, float]) -> dict[str, Any]:
    return {
        "timings": {**seconds, "total": round(sum(seconds.values()), 3)},
        "versions": versions(),
        "plugins": plugin_versions(),
        "machine": {
            **machine(),
            "threads": available_threads(),
            "device": device_name(device_of(nlp)),
            "precision": placement_of(nlp).precision,
        },
    }


def _describe(nlp: Language, corpora: dict[str, Corpus]) -> dict[str, Any]:
    first = next(iter(corpora.values()), None)
    if first is None:
        return {}
    data = first.read(nlp)
    return {
        "fingerprint": data.fingerprint,
        "rows": {name: len(corpus.rows(nlp)) for name, corpus in corpora.items()},
        "labels": data.labels,
        "skipped": [f"{bad.source}: {bad.problem}" for bad in data.skipped],
    }
