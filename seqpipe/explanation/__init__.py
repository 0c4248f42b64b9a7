"""Why a pipeline predicts what it predicts: which words mattered."""

from seqpipe.explanation._explain import METHODS as METHODS
from seqpipe.explanation._explain import Explained as Explained
from seqpipe.explanation._explain import Explanation as Explanation
from seqpipe.explanation._explain import Method as Method
from seqpipe.explanation._explain import explain as explain
from seqpipe.explanation._gradients import Gradients as Gradients
from seqpipe.explanation._gradients import integrate_gradients as integrate_gradients
from seqpipe.explanation._page import draw_page as draw_page
from seqpipe.explanation._page import told as told
from seqpipe.explanation._path import Path as Path
from seqpipe.explanation._path import random_baselines as random_baselines

__all__ = [
    "METHODS",
    "Explained",
    "Explanation",
    "Gradients",
    "Method",
    "Path",
    "draw_page",
    "explain",
    "integrate_gradients",
    "random_baselines",
    "told",
]
