"""For embedders that a library trains: in a process of its own, so that Ctrl-C works and a crash is an error.

An embedder calls `train_apart` with the name of a module. That's run as a program of its own, and calls
`serve`. Sequences go there by a file, words as numbers, so that a library can't stumble over any word.
What's trained is kept by `write_tables` and `read_tables`, in files that hold no code.
"""

from seqpipe.parts.embedders._spool import Spool as Spool
from seqpipe.parts.embedders._spool import spool_sequences as spool_sequences
from seqpipe.parts.embedders.apart._job import Job as Job
from seqpipe.parts.embedders.apart._job import serve as serve
from seqpipe.parts.embedders.apart._tables import Tables as Tables
from seqpipe.parts.embedders.apart._tables import read_tables as read_tables
from seqpipe.parts.embedders.apart._tables import write_tables as write_tables
from seqpipe.parts.embedders.apart._train import train_apart as train_apart

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
