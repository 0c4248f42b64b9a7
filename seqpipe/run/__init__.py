"""Turns a pipeline file into a trained, evaluated and saved pipeline."""

from seqpipe.run._evaluation import Evaluated as Evaluated
from seqpipe.run._evaluation import evaluate_model as evaluate_model
from seqpipe.run._repeated import run_folds as run_folds
from seqpipe.run._repeated import run_seeds as run_seeds
from seqpipe.run._run import RunResult as RunResult
from seqpipe.run._run import run as run

__all__ = ["Evaluated", "RunResult", "evaluate_model", "run", "run_folds", "run_seeds"]
