"""The engine for CPUs: C, generated and compiled for each cell."""

from seqpipe.kernels.c._engine import Compiled as Compiled
from seqpipe.kernels.c._engine import linear as linear
from seqpipe.kernels.c._library import BuildError as BuildError
from seqpipe.kernels.c._library import available_threads as available_threads
from seqpipe.kernels.c._library import own_threads as own_threads
from seqpipe.kernels.c._pooling import Attention as Attention
from seqpipe.kernels.c._pooling import pool_sequences as pool_sequences

__all__ = [
    "Attention",
    "BuildError",
    "Compiled",
    "available_threads",
    "linear",
    "own_threads",
    "pool_sequences",
]
