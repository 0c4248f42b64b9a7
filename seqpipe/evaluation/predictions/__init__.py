"""What the predictions of a pipeline are worth: figures with intervals, slices, calibration, mistakes, and a page of them."""

from seqpipe.evaluation.predictions._evaluate import Predicted as Predicted
from seqpipe.evaluation.predictions._evaluate import compare as compare
from seqpipe.evaluation.predictions._evaluate import evaluate as evaluate
from seqpipe.evaluation.predictions._page import draw_history as draw_history
from seqpipe.evaluation.predictions._page import draw_page as draw_page
from seqpipe.evaluation.predictions._page import told_test as told_test
from seqpipe.evaluation.predictions._page import told_value as told_value

__all__ = [
    "Predicted",
    "compare",
    "draw_history",
    "draw_page",
    "evaluate",
    "told_test",
    "told_value",
]
