"""The engine for CPUs: C, generated and compiled for each cell."""

from seqpipe.kernels.c._engine import Compiled as Compiled
from seqpipe.kernels.c._library import BuildError as BuildError

__all__ = ["BuildError", "Compiled"]
