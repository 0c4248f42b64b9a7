"""The engine for CPUs: C, generated and compiled for each cell."""

from seqpipe.kernels.c._chains import Chain as Chain
from seqpipe.kernels.c._chains import Sums as Sums
from seqpipe.kernels.c._chains import forward_backward as forward_backward
from seqpipe.kernels.c._chains import viterbi as viterbi
from seqpipe.kernels.c._engine import Compiled as Compiled
from seqpipe.kernels.c._engine import linear as linear
from seqpipe.kernels.c._library import available_threads as available_threads
from seqpipe.kernels.c._library import has_own_threads as has_own_threads
from seqpipe.kernels.c._pooling import Attention as Attention
from seqpipe.kernels.c._pooling import pool_sequences as pool_sequences

__all__ = [
    "Attention",
    "Chain",
    "Compiled",
    "Sums",
    "available_threads",
    "forward_backward",
    "has_own_threads",
    "linear",
    "pool_sequences",
    "viterbi",
]
