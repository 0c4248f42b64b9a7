"""The report of a run."""

from typing import Any

import torch
from spacy.language import Language

from seqpipe.adapters import Corpus, recurrent_engines
from seqpipe.run._versions import machine, plugin_versions, versions


def make_report(
    nlp: Language,
    corpora: dict[str, Corpus],
    *,
    scores: dict[str, Any],
    history: list[dict[str, Any]],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Gather what a run did and how well, as plain data.

    Args:
        nlp: The best pipeline.
        corpora: The parts of the data by name.
        scores: The scores of the best pipeline on the test part.
        history: A line for each evaluation on the dev part.
        seconds: How long each stage took.
    """
    words = sum(line["words"] for line in history)
    return {
        "seed": nlp.config.interpolate()["training"]["seed"],
        "data": _describe(corpora),
        "dev": next((line for line in reversed(history) if line["is_best"]), {}),
        "test": scores,
        "history": history,
        "timings": {**seconds, "total": round(sum(seconds.values()), 3)},
        "words_per_second": round(words / seconds["training"]) if seconds.get("training") else None,
        "versions": versions(),
        "plugins": plugin_versions(),
        "engines": recurrent_engines(nlp),
        "machine": {**machine(), "threads": torch.get_num_threads()},
    }


def _describe(corpora: dict[str, Corpus]) -> dict[str, Any]:
    first = next(iter(corpora.values()), None)
    if first is None:
        return {}
    return {
        "fingerprint": first.data.fingerprint,
        "rows": {name: len(corpus.rows) for name, corpus in corpora.items()},
        "labels": first.data.labels,
        "skipped": [f"{bad.source}: {bad.problem}" for bad in first.data.skipped],
    }
