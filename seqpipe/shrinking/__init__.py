"""A saved pipeline in fewer bytes: numbers of less precision, product quantisation, fewer words."""

from seqpipe.shrinking._settings import DTYPES as DTYPES
from seqpipe.shrinking._settings import Settings as Settings
from seqpipe.shrinking._settings import parse_size as parse_size
from seqpipe.shrinking._shrink import Shrunk as Shrunk
from seqpipe.shrinking._shrink import shrink as shrink
from seqpipe.shrinking._shrink import shrink_to_size as shrink_to_size
from seqpipe.shrinking._shrink import told_size as told_size

__all__ = ["DTYPES", "Settings", "Shrunk", "parse_size", "shrink", "shrink_to_size", "told_size"]
