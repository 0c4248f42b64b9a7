"""Fused recurrences: a step is traced, and engines carry it out. They know tensors only."""

from seqpipe.kernels._build import BuildError as BuildError
from seqpipe.kernels._compiled import Compiled as Compiled
from seqpipe.kernels._eager import Eager as Eager
from seqpipe.kernels._packing import Packing as Packing
from seqpipe.kernels._packing import pack as pack
from seqpipe.kernels._packing import rank as rank
from seqpipe.kernels._pass import Engine as Engine
from seqpipe.kernels._pass import Layout as Layout
from seqpipe.kernels._recur import Plan as Plan
from seqpipe.kernels._recur import Weights as Weights
from seqpipe.kernels._recur import recur as recur
from seqpipe.kernels._recurrence import Recurrence as Recurrence
from seqpipe.kernels._recurrence import Sizes as Sizes
from seqpipe.kernels._trace import trace as trace
from seqpipe.kernels._transforms import break_graph as break_graph
from seqpipe.kernels._transforms import find_transform as find_transform
from seqpipe.kernels._transforms import is_dispatched as is_dispatched
from seqpipe.kernels._transforms import is_recorded as is_recorded
from seqpipe.kernels._triton import Triton as Triton
from seqpipe.kernels._triton import supports as supports
from seqpipe.kernels._verify import find_fault as find_fault

__all__ = [
    "BuildError",
    "Compiled",
    "Eager",
    "Engine",
    "Layout",
    "Packing",
    "Plan",
    "Recurrence",
    "Sizes",
    "Triton",
    "Weights",
    "break_graph",
    "find_fault",
    "find_transform",
    "is_dispatched",
    "is_recorded",
    "pack",
    "rank",
    "recur",
    "supports",
    "trace",
]
