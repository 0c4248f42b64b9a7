"""A saved pipeline in fewer bytes: numbers of less precision, product quantisation, fewer words."""

from seqpipe.shrinking._settings import DTYPES as DTYPES
from seqpipe.shrinking._settings import Settings as Settings
from seqpipe.shrinking._settings import parse_size as parse_size
from seqpipe.shrinking._shrink import Shrunk as Shrunk
from seqpipe.shrinking._shrink import check_shrinkable as check_shrinkable
from seqpipe.shrinking._shrink import format_size as format_size
from seqpipe.shrinking._shrink import shrink as shrink
from seqpipe.shrinking._shrink import shrink_to_size as shrink_to_size

__all__ = [
    "DTYPES",
    "Settings",
    "Shrunk",
    "check_shrinkable",
    "format_size",
    "parse_size",
    "shrink",
    "shrink_to_size",
]
