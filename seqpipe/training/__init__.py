"""Trains a pipeline by the [training] section of its configuration."""

from seqpipe.training._loop import Step as Step
from seqpipe.training._loop import TrainingState as TrainingState
from seqpipe.training._loop import train as train
from seqpipe.training._process import RandomState as RandomState
from seqpipe.training._process import computing as computing
from seqpipe.training._settings import OWN_SETTINGS as OWN_SETTINGS
from seqpipe.training._settings import CorpusOf as CorpusOf
from seqpipe.training._settings import Training as Training
from seqpipe.training._settings import check_encoder as check_encoder
from seqpipe.training._settings import choose_training as choose_training
from seqpipe.training._settings import resolve_training as resolve_training

__all__ = [
    "OWN_SETTINGS",
    "CorpusOf",
    "RandomState",
    "Step",
    "Training",
    "TrainingState",
    "check_encoder",
    "choose_training",
    "computing",
    "resolve_training",
    "train",
]
