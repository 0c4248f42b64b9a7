"""What a traced step is, whatever computes it: operations, programs, and the step's derivative."""

from seqpipe.kernels.ir._program import Program as Program
from seqpipe.kernels.ir._program import Term as Term
from seqpipe.kernels.ir._recurrence import Recurrence as Recurrence
from seqpipe.kernels.ir._recurrence import Sizes as Sizes
from seqpipe.kernels.ir._trace import DependsOnBatch as DependsOnBatch
from seqpipe.kernels.ir._trace import trace as trace

__all__ = [
    "DependsOnBatch",
    "Program",
    "Recurrence",
    "Sizes",
    "Term",
    "trace",
]
