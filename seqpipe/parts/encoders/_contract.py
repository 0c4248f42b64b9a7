"""The contract of encoders."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor, nn


class Encoder(nn.Module, ABC):
    """Turns the vectors of sequences into contextual vectors, without padding.

    Its constructor takes the input's width by position, and settings by keyword only. One setting is
    required of all: ``width``, the width of the output:
    ``__init__(self, input_width, *, width=128, ...)``. It can be pickled and copied, and raises a
    `ConfigError` for sizes and settings that can't be used. `seqpipe.testing` checks all of this.

    Attributes:
        input_width: The width of an input vector.
        width: The width of an output vector.
    """

    input_width: int
    width: int

    @abstractmethod
    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Encode a batch of concatenated sequences.

        A sequence's output doesn't depend on the others in the batch.

        Args:
            inputs: `[N, input_width]`, N the sum of `lengths`.
            lengths: `[B]`, int64, on the CPU; 0 is allowed.

        Returns:
            `[N, width]`
        """


#: Makes an encoder from ``(input_width)``.
EncoderFactory: TypeAlias = Callable[[int], Encoder]
