"""The head for numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from seqpipe.parts.heads._pooled import Pool, PooledHead

#: The task of the head.
NUMBERS = "seqpipe.Numbers.v1"


class Regressor(PooledHead):
    """Predicts one number of a text or several, by a linear layer over its pooled vectors.

    Inside, numbers are standardised by the mean and the standard deviation that they have in the train part, so that prices are
    learnt as well as grades. What's minimised is the mean square of the differences between predicted and true standardised numbers.

    Args:
        input_width: The width of a contextual vector.
        output_width: How many numbers.
        pool: One way of pooling or several, whose results are concatenated: "last", "mean",
            "max", "attention". An empty text pools to zeros.
        dropout: The share of the pooled values that are set to zero in training.

    Raises:
        ConfigError: No pooling is named, or the share is outside [0, 1).
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        input_width: int,
        output_width: int,
        *,
        pool: Pool | Sequence[Pool] = ("mean", "max", "attention"),
        dropout: float = 0.3,
    ) -> None:
        super().__init__(input_width, output_width, pool=pool, dropout=dropout)
        self.register_buffer("mean", torch.zeros(output_width))
        self.register_buffer("deviation", torch.ones(output_width))

    @classmethod
    def task(cls, settings: Mapping[str, Any]) -> str:
        """Name the task: numbers."""
        return NUMBERS

    def prepare(self, truths: Tensor) -> None:
        """Take the mean and the standard deviation of the numbers to be learnt; see `Head.prepare`."""
        truths = truths.double()
        known = ~truths.isnan()
        counts = known.sum(0).clamp(min=1)
        mean = truths.nan_to_num(0.0).sum(0) / counts
        squares = torch.where(known, (truths - mean).square(), 0.0)
        deviation = (squares.sum(0) / counts).sqrt()
        self.mean.copy_(mean)
        # Numbers that are all the same are learnt as they are.
        self.deviation.copy_(torch.where(deviation > 0, deviation, 1.0))

    def scores(self, logits: Tensor) -> Tensor:
        """Return the numbers, `[B, output_width]`."""
        return logits * self.deviation + self.mean

    def loss(self, logits: Tensor, truths: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean square error of standardised numbers over texts; an unknown number, NaN, adds nothing."""
        known = ~truths.isnan()
        standardised = (truths - self.mean) / self.deviation
        errors = torch.where(known, logits - standardised.nan_to_num(0.0), 0.0)
        return errors.square().mean(1).sum() / max(1, len(truths))
