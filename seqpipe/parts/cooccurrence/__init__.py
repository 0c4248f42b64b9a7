"""The trainer of vectors of whatever co-occurs in sequences: words, parts of words, items, nodes."""

from seqpipe.parts.cooccurrence._checkpoints import Checkpoints as Checkpoints
from seqpipe.parts.cooccurrence._checkpoints import checkpoints_in as checkpoints_in
from seqpipe.parts.cooccurrence._corpus import END as END
from seqpipe.parts.cooccurrence._corpus import Corpus as Corpus
from seqpipe.parts.cooccurrence._corpus import Tokens as Tokens
from seqpipe.parts.cooccurrence._corpus import check_words as check_words
from seqpipe.parts.cooccurrence._corpus import read_corpus as read_corpus
from seqpipe.parts.cooccurrence._corpus import read_known as read_known
from seqpipe.parts.cooccurrence._corpus import told_of_disks as told_of_disks
from seqpipe.parts.cooccurrence._draws import huffman_paths as huffman_paths
from seqpipe.parts.cooccurrence._draws import keep_probabilities as keep_probabilities
from seqpipe.parts.cooccurrence._draws import negatives as negatives
from seqpipe.parts.cooccurrence._fit import default_threads as default_threads
from seqpipe.parts.cooccurrence._fit import fit_tables as fit_tables
from seqpipe.parts.cooccurrence._inference import Inference as Inference
from seqpipe.parts.cooccurrence._trainer import train as train
from seqpipe.parts.cooccurrence._training import Engine as Engine
from seqpipe.parts.cooccurrence._training import EpochLoss as EpochLoss
from seqpipe.parts.cooccurrence._training import Loss as Loss
from seqpipe.parts.cooccurrence._training import Start as Start
from seqpipe.parts.cooccurrence._training import Trained as Trained
from seqpipe.parts.cooccurrence._training import Training as Training

__all__ = [
    "END",
    "Checkpoints",
    "Corpus",
    "Engine",
    "EpochLoss",
    "Inference",
    "Loss",
    "Start",
    "Tokens",
    "Trained",
    "Training",
    "check_words",
    "checkpoints_in",
    "default_threads",
    "fit_tables",
    "huffman_paths",
    "keep_probabilities",
    "negatives",
    "read_corpus",
    "read_known",
    "told_of_disks",
    "train",
]
