"""Language models: networks that predict the next unit of a text, a character or a word."""

from seqpipe.parts.language_models._fit import Fitting as Fitting
from seqpipe.parts.language_models._fit import Step as Step
from seqpipe.parts.language_models._fit import fit as fit
from seqpipe.parts.language_models._model import LanguageModel as LanguageModel
from seqpipe.parts.language_models._model import States as States
from seqpipe.parts.language_models._model import check_shape as check_shape
from seqpipe.parts.language_models._output import AdaptiveSoftmax as AdaptiveSoftmax
from seqpipe.parts.language_models._output import Cutoffs as Cutoffs
from seqpipe.parts.language_models._output import Softmax as Softmax
from seqpipe.parts.language_models._output import choose_cutoffs as choose_cutoffs
from seqpipe.parts.language_models._sampling import restrict as restrict
from seqpipe.parts.language_models._sampling import sample as sample
from seqpipe.parts.language_models._score import Encoded as Encoded
from seqpipe.parts.language_models._score import Figures as Figures
from seqpipe.parts.language_models._score import Units as Units
from seqpipe.parts.language_models._score import measure as measure
from seqpipe.parts.language_models._score import surprisals as surprisals
from seqpipe.parts.language_models._states import states_after as states_after
from seqpipe.parts.language_models._stream import Streams as Streams
from seqpipe.parts.language_models._stream import Window as Window
from seqpipe.parts.language_models._stream import join as join
from seqpipe.parts.language_models._trained import Direction as Direction
from seqpipe.parts.language_models._trained import TrainedModel as TrainedModel
from seqpipe.parts.language_models._vocabulary import Vocabulary as Vocabulary

__all__ = [
    "AdaptiveSoftmax",
    "Cutoffs",
    "Direction",
    "Encoded",
    "Figures",
    "Fitting",
    "LanguageModel",
    "Softmax",
    "States",
    "Step",
    "Streams",
    "TrainedModel",
    "Units",
    "Vocabulary",
    "Window",
    "check_shape",
    "choose_cutoffs",
    "fit",
    "join",
    "measure",
    "restrict",
    "sample",
    "states_after",
    "surprisals",
]
