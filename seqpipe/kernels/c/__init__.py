"""The engine for CPUs: C, generated and compiled for each cell."""

from seqpipe.kernels.c._build import BuildError as BuildError
from seqpipe.kernels.c._engine import Compiled as Compiled

__all__ = ["BuildError", "Compiled"]
