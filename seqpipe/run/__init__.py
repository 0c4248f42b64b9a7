"""Turns a pipeline file into a trained, evaluated and saved pipeline."""

from seqpipe.run._evaluation import Evaluated as Evaluated
from seqpipe.run._evaluation import evaluate_model as evaluate_model
from seqpipe.run._evaluation import read_texts as read_texts
from seqpipe.run._repeated import run_folds as run_folds
from seqpipe.run._repeated import run_seeds as run_seeds
from seqpipe.run._run import RunResult as RunResult
from seqpipe.run._run import run as run
from seqpipe.run._run import to_json as to_json
from seqpipe.run._runs import MISSING as MISSING
from seqpipe.run._runs import PastRun as PastRun
from seqpipe.run._runs import differing as differing
from seqpipe.run._runs import find_runs as find_runs
from seqpipe.run._runs import read_run as read_run

__all__ = [
    "MISSING",
    "Evaluated",
    "PastRun",
    "RunResult",
    "differing",
    "evaluate_model",
    "find_runs",
    "read_run",
    "read_texts",
    "run",
    "run_folds",
    "run_seeds",
    "to_json",
]
