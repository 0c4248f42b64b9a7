"""Files of the fastText library, `.bin` and `.ftz`: read, written, and asked, without the library."""

from seqpipe.formats.fasttext._args import FastTextArgs as FastTextArgs
from seqpipe.formats.fasttext._hashes import Subwords as Subwords
from seqpipe.formats.fasttext._hashes import hash_subwords as hash_subwords
from seqpipe.formats.fasttext._hashes import subword_hashes as subword_hashes
from seqpipe.formats.fasttext._matrix import Dense as Dense
from seqpipe.formats.fasttext._matrix import Matrix as Matrix
from seqpipe.formats.fasttext._matrix import Quantized as Quantized
from seqpipe.formats.fasttext._model import FastTextModel as FastTextModel
from seqpipe.formats.fasttext._read import read_fasttext as read_fasttext
from seqpipe.formats.fasttext._write import write_fasttext as write_fasttext

__all__ = [
    "Dense",
    "FastTextArgs",
    "FastTextModel",
    "Matrix",
    "Quantized",
    "Subwords",
    "hash_subwords",
    "read_fasttext",
    "subword_hashes",
    "write_fasttext",
]
