"""The former name of `seqpipe.workers`, which plugins may import until 0.3."""

from seqpipe.workers import Job as Job
from seqpipe.workers import Spool as Spool
from seqpipe.workers import Tables as Tables
from seqpipe.workers import read_tables as read_tables
from seqpipe.workers import serve as serve
from seqpipe.workers import spool_sequences as spool_sequences
from seqpipe.workers import train_out_of_process as train_apart
from seqpipe.workers import write_tables as write_tables

__all__ = [
    "Job",
    "Spool",
    "Tables",
    "read_tables",
    "serve",
    "spool_sequences",
    "train_apart",
    "write_tables",
]
