"""The trainer of vectors of whatever co-occurs in sequences: words, parts of words, items, nodes."""

from seqpipe.parts.cooccurrence._corpus import Corpus as Corpus
from seqpipe.parts.cooccurrence._corpus import check_words as check_words
from seqpipe.parts.cooccurrence._corpus import read_corpus as read_corpus
from seqpipe.parts.cooccurrence._corpus import read_known as read_known
from seqpipe.parts.cooccurrence._corpus import told_of_disks as told_of_disks
from seqpipe.parts.cooccurrence._draws import huffman_paths as huffman_paths
from seqpipe.parts.cooccurrence._draws import keep_probabilities as keep_probabilities
from seqpipe.parts.cooccurrence._draws import negatives as negatives
from seqpipe.parts.cooccurrence._inference import Inference as Inference
from seqpipe.parts.cooccurrence._trainer import EpochLoss as EpochLoss
from seqpipe.parts.cooccurrence._trainer import Start as Start
from seqpipe.parts.cooccurrence._trainer import Trained as Trained
from seqpipe.parts.cooccurrence._trainer import Training as Training
from seqpipe.parts.cooccurrence._trainer import train as train

__all__ = [
    "Corpus",
    "EpochLoss",
    "Inference",
    "Start",
    "Trained",
    "Training",
    "check_words",
    "huffman_paths",
    "keep_probabilities",
    "negatives",
    "read_corpus",
    "read_known",
    "told_of_disks",
    "train",
]
