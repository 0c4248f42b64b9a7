"""Encoders: vectors of sequences to contextual vectors."""

from seqpipe.parts.encoders._attention import SelfAttention as SelfAttention
from seqpipe.parts.encoders._contract import Encoder as Encoder
from seqpipe.parts.encoders._contract import EncoderFactory as EncoderFactory
from seqpipe.parts.encoders._convolutional import Convolutional as Convolutional
from seqpipe.parts.encoders._recurrent import Recurrent as Recurrent
from seqpipe.parts.encoders._stacked import Stacked as Stacked
from seqpipe.parts.recurrence import check_batch as check_batch
from seqpipe.parts.recurrence import unroll as unroll
from seqpipe.parts.recurrence import unroll_plain as unroll_plain
from seqpipe.parts.recurrence import usable_engines as usable_engines

__all__ = [
    "Convolutional",
    "Encoder",
    "EncoderFactory",
    "Recurrent",
    "SelfAttention",
    "Stacked",
    "check_batch",
    "unroll",
    "unroll_plain",
    "usable_engines",
]
