"""The process that trains a classifier: `python -m seqpipe.parts.fasttext._classifier_worker`, in the job's folder.

It lies here as it's started for each training, and the packages of classifiers import much that it doesn't need.
"""

import json
from pathlib import Path
from typing import Any, Final

from seqpipe.parts.fasttext import begin, explained, train

# The files that pass a job to this process, and the result back; all in one folder.
CORPUS: Final = "corpus.txt"
DEV: Final = "dev.txt"
VECTORS: Final = "vectors.vec"
JOB: Final = "json"
MODEL: Final = "model.bin"
ARGUMENTS: Final = "arguments.json"

_REPORTED_OPTIONS = (
    *("lr", "dim", "epoch", "minCount", "minCountLabel", "minn", "maxn", "neg", "wordNgrams"),
    *("bucket", "thread", "cutoff", "dsub", "qnorm", "qout", "retrain", "seed"),
)


def main() -> None:
    """Train by the job's files in the current folder."""
    options = json.loads(Path(JOB).read_text(encoding="utf-8"))
    settings = options["settings"]
    is_silent = settings["thread"] == 1 and "autotuneValidationFile" not in settings
    begin(Path(CORPUS) if is_silent else None)
    model = train(settings, fixed=options["fixed"])
    if options["quantize"]:
        with explained():
            _quantize(model, **options["quantize"])
    with explained():
        model.saveModel(MODEL)
    Path(ARGUMENTS).write_text(json.dumps(_arguments(model)), encoding="utf-8")


def _quantize(
    model: Any, *, cutoff: int, retrain: bool, norm: bool, output: bool, subvector: int
) -> None:
    trained = model.getArgs()
    model.quantize(
        CORPUS if retrain else "",
        output,
        cutoff,
        retrain,
        trained.epoch,
        trained.lr,
        trained.thread,
        trained.verbose,
        subvector,
        norm,
    )


def _arguments(model: Any) -> dict[str, Any]:
    trained = model.getArgs()
    options = {name: getattr(trained, name) for name in _REPORTED_OPTIONS}
    return {**options, "loss": trained.loss.name, "quantized": model.isQuant()}


if __name__ == "__main__":
    main()
