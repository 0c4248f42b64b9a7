"""A saved pipeline in use, by whatever runs it: batches of records in, plain values with a schema out.

A `Predictor` predicts; what's below is around it: records out of files, their predictions into others, and the
processes that share the work.
"""

from seqpipe.inference._files import Records as Records
from seqpipe.inference._files import predict_to_file as predict_to_file
from seqpipe.inference._files import predict_to_stream as predict_to_stream
from seqpipe.inference._files import reading_of as reading_of
from seqpipe.inference._job import error_line as error_line
from seqpipe.inference._load import load_pipeline as load_pipeline
from seqpipe.inference._predictor import Failure as Failure
from seqpipe.inference._predictor import Predictions as Predictions
from seqpipe.inference._predictor import Predictor as Predictor
from seqpipe.inference._predictor import trained_on as trained_on
from seqpipe.inference._sources import FORMATS as FORMATS
from seqpipe.inference._sources import STDIN as STDIN
from seqpipe.inference._sources import Format as Format
from seqpipe.inference._sources import Item as Item
from seqpipe.inference._sources import Reading as Reading
from seqpipe.inference._sources import format_of as format_of
from seqpipe.inference._work import Done as Done
from seqpipe.inference._work import Failed as Failed

__all__ = [
    "FORMATS",
    "STDIN",
    "Done",
    "Failed",
    "Failure",
    "Format",
    "Item",
    "Predictions",
    "Predictor",
    "Reading",
    "Records",
    "error_line",
    "format_of",
    "load_pipeline",
    "predict_to_file",
    "predict_to_stream",
    "reading_of",
    "trained_on",
]
