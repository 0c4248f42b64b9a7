"""Kernels over arrays of numpy, and the compiler of all kernels in C. It knows nothing of torch, which takes a second to import."""

from seqpipe.native._cache import load_cached as load_cached
from seqpipe.native._compiler import assert_layout as assert_layout
from seqpipe.native._compiler import build as build
from seqpipe.native._compiler import preamble as preamble
from seqpipe.native._compiler import processor as processor
from seqpipe.native._cooccurrence import MOST_TARGETS as MOST_TARGETS
from seqpipe.native._cooccurrence import MOST_WINDOW as MOST_WINDOW
from seqpipe.native._cooccurrence import Block as Block
from seqpipe.native._cooccurrence import Cooccurrence as Cooccurrence
from seqpipe.native._cooccurrence import Documents as Documents
from seqpipe.native._cooccurrence import Members as Members
from seqpipe.native._cooccurrence import Negatives as Negatives
from seqpipe.native._cooccurrence import Paths as Paths
from seqpipe.native._cooccurrence import Rounds as Rounds
from seqpipe.native._cooccurrence import aligned_rows as aligned_rows
from seqpipe.native._cooccurrence import begin_rounds as begin_rounds
from seqpipe.native._cooccurrence import check_block as check_block
from seqpipe.native._cooccurrence import check_cooccurrence as check_cooccurrence
from seqpipe.native._ngrams import KnownNgrams as KnownNgrams
from seqpipe.native._ngrams import WeighedNgrams as WeighedNgrams
from seqpipe.native._ngrams import can_weigh_ngrams as can_weigh_ngrams
from seqpipe.native._ngrams import weigh_ngrams as weigh_ngrams
from seqpipe.native._threads import find_own_threads as find_own_threads
from seqpipe.native._threads import find_pool as find_pool
from seqpipe.native._threads import load_pool as load_pool
from seqpipe.native._threads import own_threads as own_threads
from seqpipe.native._threads import usable_threads as usable_threads

__all__ = [
    "MOST_TARGETS",
    "MOST_WINDOW",
    "Block",
    "Cooccurrence",
    "Documents",
    "KnownNgrams",
    "Members",
    "Negatives",
    "Paths",
    "Rounds",
    "WeighedNgrams",
    "aligned_rows",
    "assert_layout",
    "begin_rounds",
    "build",
    "can_weigh_ngrams",
    "check_block",
    "check_cooccurrence",
    "find_own_threads",
    "find_pool",
    "load_cached",
    "load_pool",
    "own_threads",
    "preamble",
    "processor",
    "usable_threads",
    "weigh_ngrams",
]
