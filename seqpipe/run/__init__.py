"""Turns a pipeline file into a trained, evaluated and saved pipeline."""

from seqpipe.run._run import RunResult as RunResult
from seqpipe.run._run import run as run
from seqpipe.run._seeds import run_seeds as run_seeds

__all__ = ["RunResult", "run", "run_seeds"]
