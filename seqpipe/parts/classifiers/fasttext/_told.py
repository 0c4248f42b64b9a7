"""The settings of a training in the library's words."""

from typing import Any, Final

from seqpipe.parts._fasttext import library_seed
from seqpipe.parts.classifiers.fasttext import _job as job
from seqpipe.parts.classifiers.fasttext._corpus import Corpus
from seqpipe.parts.classifiers.fasttext._forms import PREFIX, label_form
from seqpipe.parts.classifiers.fasttext._ngrams import fitted_buckets
from seqpipe.parts.classifiers.fasttext._settings import SEARCHED, Settings

_LOSSES: Final = {
    "softmax": "softmax",
    "one-vs-rest": "ova",
    "hierarchical": "hs",
    "negative-sampling": "ns",
}


def told_to_library(
    settings: Settings, corpus: Corpus, *, seed: int, begins: bool
) -> dict[str, Any]:
    """Return what the process is told.

    Args:
        settings: The settings.
        corpus: What it trains on.
        seed: As `Classifier.fit` has it.
        begins: Whether there's a file of the vectors that words begin with.
    """
    told = {
        "input": job.CORPUS,
        "model": "supervised",
        "loss": _LOSSES[settings.loss],
        "dim": settings.width,
        "epoch": settings.epochs,
        "lr": settings.learning_rate,
        "wordNgrams": settings.word_ngrams,
        "minn": settings.min_n if settings.max_n else 0,
        "maxn": settings.max_n,
        "bucket": _buckets(settings, corpus),
        "minCount": settings.min_count,
        "minCountLabel": settings.min_count_label,
        "neg": settings.negatives,
        "thread": settings.threads,
        "seed": library_seed(seed),
        "label": PREFIX,
        "verbose": 2,
    }
    if begins:
        told["pretrainedVectors"] = job.VECTORS
    if settings.autotune:
        told |= _search(settings)
    fixed = _fixed(settings, begins=begins) if settings.autotune else []
    return {"settings": told, "fixed": fixed, "quantize": _quantization(settings)}


def _buckets(settings: Settings, corpus: Corpus) -> int:
    if settings.word_ngrams < 2 and not settings.max_n and not settings.autotune:
        return 0
    if settings.buckets is not None:
        return settings.buckets
    known = [word for word, count in corpus.words.items() if count >= settings.min_count]
    return fitted_buckets(corpus.ngrams.count, known, min_n=settings.min_n, max_n=settings.max_n)


def _search(settings: Settings) -> dict[str, Any]:
    return {
        "autotuneValidationFile": job.DEV,
        "autotuneDuration": settings.autotune,
        "autotuneMetric": _metric(settings.autotune_metric),
        "autotuneModelSize": settings.autotune_model_size or "",
    }


def _metric(metric: str) -> str:
    name, colon, label = metric.partition(":")
    return f"{name}{colon}{label_form(label)}" if name == "f1" and label else metric


def _fixed(settings: Settings, *, begins: bool) -> list[str]:
    """Return what the search leaves as it is: what isn't at its default, and the kind of scores."""
    fixed = {"loss"}
    for name, (default, theirs) in SEARCHED.items():
        if getattr(settings, name) != default:
            fixed.update(theirs)
    if begins:
        fixed.add("dim")
    return sorted(fixed)


def _quantization(settings: Settings) -> dict[str, Any] | None:
    if not settings.quantize:
        return None
    return {
        "cutoff": settings.cutoff,
        "retrain": settings.retrain,
        "norm": settings.quantize_norm,
        "output": settings.quantize_output,
        "subvector": settings.subvector,
    }
