"""Out-of-process training: Ctrl-C works, a crash of a library is an error, and no process outlives its parent.

A part calls `train_out_of_process` with the name of a module. That's run as a program of its own, and calls
`serve`. Sequences are passed in a file, words as integers, so that no word can break a library's parser.
The result is saved by `write_tables` and `read_tables`, in files that hold no code.

What needs NumPy is imported when it's first used: a process that trains for a tenth of a second needn't wait
as long for that.
"""

import importlib
from typing import TYPE_CHECKING, Any

from seqpipe.workers._process import leave_end_to_parent as leave_end_to_parent
from seqpipe.workers._process import run as run
from seqpipe.workers._process import run_module as run_module
from seqpipe.workers._progress import FitProgress as FitProgress
from seqpipe.workers._progress import OnProgress as OnProgress
from seqpipe.workers._spool import Spool as Spool
from seqpipe.workers._spool import spool_sequences as spool_sequences

if TYPE_CHECKING:
    from seqpipe.workers._training import Job as Job
    from seqpipe.workers._training import Tables as Tables
    from seqpipe.workers._training import read_tables as read_tables
    from seqpipe.workers._training import serve as serve
    from seqpipe.workers._training import train_out_of_process as train_out_of_process
    from seqpipe.workers._training import write_tables as write_tables

__all__ = [
    "FitProgress",
    "Job",
    "OnProgress",
    "Spool",
    "Tables",
    "leave_end_to_parent",
    "read_tables",
    "run",
    "run_module",
    "serve",
    "spool_sequences",
    "train_out_of_process",
    "write_tables",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("seqpipe.workers._training"), name)
