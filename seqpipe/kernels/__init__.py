"""Fused recurrences: a cell's step is traced, and engines run it. Pooling of sequences. They see tensors only."""

from seqpipe.kernels._autograd import Plan as Plan
from seqpipe.kernels._autograd import Weights as Weights
from seqpipe.kernels._autograd import recur as recur
from seqpipe.kernels._autograd import recur_multiplied as recur_multiplied
from seqpipe.kernels._cooccurrence import Block as Block
from seqpipe.kernels._cooccurrence import Cooccurrence as Cooccurrence
from seqpipe.kernels._cooccurrence import Documents as Documents
from seqpipe.kernels._cooccurrence import Members as Members
from seqpipe.kernels._cooccurrence import Negatives as Negatives
from seqpipe.kernels._cooccurrence import Paths as Paths
from seqpipe.kernels._cooccurrence import Rounds as Rounds
from seqpipe.kernels._cooccurrence import aligned_rows as aligned_rows
from seqpipe.kernels._cooccurrence import begin_rounds as begin_rounds
from seqpipe.kernels._eager import Eager as Eager
from seqpipe.kernels._eager import Packing as Packing
from seqpipe.kernels._eager import find_fault as find_fault
from seqpipe.kernels._eager import pack as pack
from seqpipe.kernels._eager import rank as rank
from seqpipe.kernels._engine import Engine as Engine
from seqpipe.kernels._engine import Layout as Layout
from seqpipe.kernels._threads import computing_in as computing_in
from seqpipe.kernels._threads import usable_threads as usable_threads
from seqpipe.kernels._transforms import break_graph as break_graph
from seqpipe.kernels._transforms import find_transform as find_transform
from seqpipe.kernels._transforms import is_dispatched as is_dispatched
from seqpipe.kernels._transforms import is_recorded as is_recorded
from seqpipe.kernels.c import Attention as Attention
from seqpipe.kernels.c import BuildError as BuildError
from seqpipe.kernels.c import Chain as Chain
from seqpipe.kernels.c import Compiled as Compiled
from seqpipe.kernels.c import KnownNgrams as KnownNgrams
from seqpipe.kernels.c import Sums as Sums
from seqpipe.kernels.c import WeighedNgrams as WeighedNgrams
from seqpipe.kernels.c import available_threads as available_threads
from seqpipe.kernels.c import can_weigh_ngrams as can_weigh_ngrams
from seqpipe.kernels.c import forward_backward as forward_backward
from seqpipe.kernels.c import has_own_threads as has_own_threads
from seqpipe.kernels.c import linear as linear
from seqpipe.kernels.c import own_threads as own_threads
from seqpipe.kernels.c import pool_sequences as pool_sequences
from seqpipe.kernels.c import processor as processor
from seqpipe.kernels.c import viterbi as viterbi
from seqpipe.kernels.c import weigh_ngrams as weigh_ngrams
from seqpipe.kernels.ir import DependsOnBatch as DependsOnBatch
from seqpipe.kernels.ir import Recurrence as Recurrence
from seqpipe.kernels.ir import Sizes as Sizes
from seqpipe.kernels.ir import trace as trace
from seqpipe.kernels.triton import Triton as Triton
from seqpipe.kernels.triton import supports as supports

__all__ = [
    "Attention",
    "Block",
    "BuildError",
    "Chain",
    "Compiled",
    "Cooccurrence",
    "DependsOnBatch",
    "Documents",
    "Eager",
    "Engine",
    "KnownNgrams",
    "Layout",
    "Members",
    "Negatives",
    "Packing",
    "Paths",
    "Plan",
    "Recurrence",
    "Rounds",
    "Sizes",
    "Sums",
    "Triton",
    "WeighedNgrams",
    "Weights",
    "aligned_rows",
    "available_threads",
    "begin_rounds",
    "break_graph",
    "can_weigh_ngrams",
    "computing_in",
    "find_fault",
    "find_transform",
    "forward_backward",
    "has_own_threads",
    "is_dispatched",
    "is_recorded",
    "linear",
    "own_threads",
    "pack",
    "pool_sequences",
    "processor",
    "rank",
    "recur",
    "recur_multiplied",
    "supports",
    "trace",
    "usable_threads",
    "viterbi",
    "weigh_ngrams",
]
