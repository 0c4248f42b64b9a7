"""What a head is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from torch import Tensor, nn


class Head(nn.Module, ABC):
    """Turns contextual vectors into scores for a task.

    Its constructor takes the two sizes by position, and settings by keyword only. It's called when
    the labels are known, so that `output_width` is their number:
    ``__init__(self, input_width, output_width, *, ...)``. It can be pickled and copied, and raises a
    `ConfigError` for sizes and settings that can't be used. `seqpipe.testing` holds it to all of this. A
    head is offered as its class, or a partial of that, since `component` is asked before one is made.
    """

    @classmethod
    @abstractmethod
    def component(cls, settings: Mapping[str, Any]) -> str:
        """Name the spaCy component that the head serves with these settings, such as "textcat"."""

    @abstractmethod
    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of a batch.

        Args:
            inputs: The contextual vectors `[N, input_width]`, one sequence behind the other.
            lengths: `[B]`, int64, on the CPU; 0 is allowed.

        Returns:
            `[B, output_width]`
        """

    @abstractmethod
    def scores(self, logits: Tensor) -> Tensor:
        """Turn logits into what the component reads, such as probabilities, in the same shape."""

    @abstractmethod
    def grad_logits(self, scores: Tensor, grad_scores: Tensor) -> Tensor:
        """Turn the gradient that the component gives into that of the loss by the logits.

        spaCy's components hand back ``scores - truths``, which is already the gradient of the cross
        entropy by the logits, both for softmax and for sigmoid.
        """


#: Makes a head from ``(input_width, output_width)``.
HeadFactory: TypeAlias = Callable[[int, int], Head]
