"""The head for classes with an order."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqpipe.errors import ConfigError
from seqpipe.parts.heads._pooled import Pool, PooledHead

#: The task of the head.
ORDERED_CLASSES = "seqpipe.OrderedClasses.v1"
#: How far thresholds are apart at least, so that no class is impossible.
_LEAST_GAP = 1e-3


class OrdinalClassifier(PooledHead):
    """Scores a text by one number, and tells its class by thresholds between the classes (McCullagh 1980, proportional odds).

    With the score s, a linear layer over the pooled vectors, and thresholds b_1 < b_2 < ... that are learnt too::

        P(class > k) = σ(s - b_k)

    What's minimised is the cross entropy.

    Args:
        input_width: The width of a contextual vector.
        output_width: The number of classes, from the lowest to the highest.
        pool: One way of pooling or several, whose results are concatenated: "last", "mean",
            "max", "attention". An empty text pools to zeros.
        dropout: The share of the pooled values that are set to zero in training.

    Raises:
        ConfigError: No pooling is named, the share is outside [0, 1), or there are fewer than two classes.
    """

    def __init__(
        self,
        input_width: int,
        output_width: int,
        *,
        pool: Pool | Sequence[Pool] = ("mean", "max", "attention"),
        dropout: float = 0.3,
    ) -> None:
        if output_width < 2:
            raise ConfigError(f"there's an order of two classes at least, and here {output_width}")
        super().__init__(input_width, 1, pool=pool, dropout=dropout)
        self.lowest = nn.Parameter(torch.tensor(-(output_width - 2) / 2))
        # Their softplus is how far each threshold is from the one before: 1 at first.
        self.gaps = nn.Parameter(torch.full((output_width - 2,), 0.5413))

    @classmethod
    def task(cls, settings: Mapping[str, Any]) -> str:
        """Name the task: classes with an order."""
        return ORDERED_CLASSES

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Return the logarithm of each class' probability, `[B, output_width]`; see `Head.forward`."""
        gaps = functional.softplus(self.gaps) + _LEAST_GAP
        thresholds = torch.cat([self.lowest[None], self.lowest + gaps.cumsum(0)])
        above = super().forward(inputs, lengths) - thresholds
        # P(k) = P(> k-1) - P(> k) = σ(a) - σ(b), and σ(a) - σ(b) = σ(a) σ(-b) (1 - exp(b - a)).
        logs = [functional.logsigmoid(-above[:, :1])]
        if len(gaps):
            between = torch.log(-torch.expm1(-gaps))
            logs.append(
                functional.logsigmoid(above[:, :-1])
                + functional.logsigmoid(-above[:, 1:])
                + between
            )
        return torch.cat([*logs, functional.logsigmoid(above[:, -1:])], 1)

    def scores(self, logits: Tensor) -> Tensor:
        """Return the probability of each class, `[B, output_width]`."""
        return logits.softmax(1)

    def loss(self, logits: Tensor, truths: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean cross entropy; a text whose class is unknown adds nothing, and counts in the mean."""
        known = ~truths.isnan().any(1)
        logs = logits[known].log_softmax(1)
        return -(truths[known] * logs).sum() / max(1, len(truths))
