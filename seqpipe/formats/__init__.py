"""Vector and model files of other programs: read strictly, and some written."""

from seqpipe.formats._compression import COMPRESSED_SUFFIXES as COMPRESSED_SUFFIXES
from seqpipe.formats._compression import READ_FAILURES as READ_FAILURES
from seqpipe.formats._compression import open_decompressed as open_decompressed
from seqpipe.formats._compression import opener_of as opener_of
from seqpipe.formats._floret import FloretTable as FloretTable
from seqpipe.formats._saved import SavedEmbedder as SavedEmbedder
from seqpipe.formats._saved import make_saved as make_saved
from seqpipe.formats._vector_file import VectorFile as VectorFile
from seqpipe.formats._vector_file import check_readable as check_readable
from seqpipe.formats._vector_file import detect_format as detect_format
from seqpipe.formats._vector_file import find_vectors as find_vectors
from seqpipe.formats._vector_file import read_vectors as read_vectors
from seqpipe.formats._vector_file import read_width as read_width
from seqpipe.formats._words import Format as Format
from seqpipe.formats._words import Options as Options
from seqpipe.formats._words import Undecodable as Undecodable
from seqpipe.formats._words import WordTable as WordTable
from seqpipe.formats.fasttext import Dense as Dense
from seqpipe.formats.fasttext import FastTextArgs as FastTextArgs
from seqpipe.formats.fasttext import FastTextModel as FastTextModel
from seqpipe.formats.fasttext import Matrix as Matrix
from seqpipe.formats.fasttext import Quantized as Quantized
from seqpipe.formats.fasttext import read_fasttext as read_fasttext
from seqpipe.formats.fasttext import write_fasttext as write_fasttext

__all__ = [
    "COMPRESSED_SUFFIXES",
    "READ_FAILURES",
    "Dense",
    "FastTextArgs",
    "FastTextModel",
    "FloretTable",
    "Format",
    "Matrix",
    "Options",
    "Quantized",
    "SavedEmbedder",
    "Undecodable",
    "VectorFile",
    "WordTable",
    "check_readable",
    "detect_format",
    "find_vectors",
    "make_saved",
    "open_decompressed",
    "opener_of",
    "read_fasttext",
    "read_vectors",
    "read_width",
    "write_fasttext",
]
