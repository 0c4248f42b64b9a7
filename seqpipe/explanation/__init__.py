"""Why a pipeline predicts what it predicts: which words mattered, and what its neurons do."""

from seqpipe.explanation._explain import METHODS as METHODS
from seqpipe.explanation._explain import Explained as Explained
from seqpipe.explanation._explain import Explanation as Explanation
from seqpipe.explanation._explain import Method as Method
from seqpipe.explanation._explain import explain as explain
from seqpipe.explanation._gates import Strip as Strip
from seqpipe.explanation._gates import record_gates as record_gates
from seqpipe.explanation._gradients import Gradients as Gradients
from seqpipe.explanation._gradients import integrate_gradients as integrate_gradients
from seqpipe.explanation._neurons import LabelledTexts as LabelledTexts
from seqpipe.explanation._neurons import Neurons as Neurons
from seqpipe.explanation._neurons import Trace as Trace
from seqpipe.explanation._neurons import look_at_neurons as look_at_neurons
from seqpipe.explanation._neurons_page import draw_all as draw_all
from seqpipe.explanation._neurons_page import draw_neurons as draw_neurons
from seqpipe.explanation._page import draw_page as draw_page
from seqpipe.explanation._page import told as told
from seqpipe.explanation._path import Path as Path
from seqpipe.explanation._path import random_baselines as random_baselines
from seqpipe.explanation._similarity import similar_order as similar_order
from seqpipe.explanation._trajectories import Trajectory as Trajectory
from seqpipe.explanation._trajectories import place_states as place_states
from seqpipe.explanation._units import Activations as Activations
from seqpipe.explanation._units import Context as Context
from seqpipe.explanation._units import UnitClassifier as UnitClassifier
from seqpipe.explanation._units import find_contexts as find_contexts
from seqpipe.explanation._units import fit_each as fit_each
from seqpipe.explanation._units import read_units as read_units
from seqpipe.explanation._units import tell_labels as tell_labels

__all__ = [
    "METHODS",
    "Activations",
    "Context",
    "Explained",
    "Explanation",
    "Gradients",
    "LabelledTexts",
    "Method",
    "Neurons",
    "Path",
    "Strip",
    "Trace",
    "Trajectory",
    "UnitClassifier",
    "draw_all",
    "draw_neurons",
    "draw_page",
    "explain",
    "find_contexts",
    "fit_each",
    "integrate_gradients",
    "look_at_neurons",
    "place_states",
    "random_baselines",
    "read_units",
    "record_gates",
    "similar_order",
    "tell_labels",
    "told",
]
