"""Unrolls a cell over ragged sequences: the plain loop, and the engines that must equal it."""

from seqpipe.parts.recurrence._check import check_batch as check_batch
from seqpipe.parts.recurrence._engines import engine_names as engine_names
from seqpipe.parts.recurrence._engines import traced_step as traced_step
from seqpipe.parts.recurrence._engines import usable_engines as usable_engines
from seqpipe.parts.recurrence._observe import GATING as GATING
from seqpipe.parts.recurrence._observe import Call as Call
from seqpipe.parts.recurrence._observe import observe as observe
from seqpipe.parts.recurrence._plain import unroll_plain as unroll_plain
from seqpipe.parts.recurrence._unroll import unroll as unroll

__all__ = [
    "GATING",
    "Call",
    "check_batch",
    "engine_names",
    "observe",
    "traced_step",
    "unroll",
    "unroll_plain",
    "usable_engines",
]
