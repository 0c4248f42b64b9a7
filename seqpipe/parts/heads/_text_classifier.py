"""The head for text classification."""

import functools
from collections.abc import Sequence
from typing import Literal, TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqpipe.errors import ConfigError
from seqpipe.kernels import linear
from seqpipe.parts.heads._contract import Head

# Poolings of a sequence's vectors. Each maps `[n, width]`, n > 0, to `[width]`.


Pool: TypeAlias = Literal["last", "mean", "max", "attention"]


class Last(nn.Module):
    """Take the last vector."""

    def forward(self, sequence: Tensor) -> Tensor:
        """Pool `[n, width]` to `[width]`."""
        return sequence[-1]


class Mean(nn.Module):
    """Take the mean of the vectors."""

    def forward(self, sequence: Tensor) -> Tensor:
        """Pool `[n, width]` to `[width]`."""
        return sequence.mean(0)


class Max(nn.Module):
    """Take the greatest value of each dimension."""

    def forward(self, sequence: Tensor) -> Tensor:
        """Pool `[n, width]` to `[width]`."""
        return sequence.amax(0)


class Attention(nn.Module):
    """Take a weighted mean with learned weights (Yang et al. 2016, equations 5 to 7).

    ::

        u_t = tanh(W x_t + b),  a = softmax(u · q),  y = Σ a_t x_t
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.key = nn.Linear(width, width)
        self.query = nn.Linear(width, 1, bias=False)

    def forward(self, sequence: Tensor) -> Tensor:
        """Pool `[n, width]` to `[width]`."""
        return self.pool(sequence, self.match(sequence))

    def match(self, vectors: Tensor) -> Tensor:
        """Return how well each vector, `[N, width]`, matches the query, u · q: `[N, 1]`."""
        matches: Tensor = self.query(linear(vectors, self.key.weight, self.key.bias).tanh())
        return matches

    def pool(self, sequence: Tensor, matches: Tensor) -> Tensor:
        """Pool `[n, width]` to `[width]` by what `match` returned, `[n, 1]`."""
        return (matches.softmax(0) * sequence).sum(0)


def make_pool(name: Pool, width: int) -> nn.Module:
    """Make the pooling called `name` for vectors of `width`."""
    if name == "attention":
        return Attention(width)
    return {"last": Last, "mean": Mean, "max": Max}[name]()


class TextClassifier(Head):
    """Pools a text's contextual vectors, and scores each class by a linear layer.

    Args:
        input_width: The width of a contextual vector.
        output_width: The number of classes.
        exclusive: Whether a text has exactly one class (softmax) or any number of them (sigmoid).
        pool: One way of pooling or several, whose results are concatenated: "last", "mean",
            "max", "attention". An empty text pools to zeros.
        dropout: The share of the pooled values that are set to zero in training.
        label_smoothing: The share of the target that is spread uniformly over the classes (Szegedy et
            al. 2016); for exclusive classes only.

    Raises:
        ConfigError: No pooling is named, or a share is outside [0, 1).
    """

    def __init__(
        self,
        input_width: int,
        output_width: int,
        *,
        exclusive: bool = True,
        pool: Pool | Sequence[Pool] = ("mean", "max"),
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        names: Sequence[Pool] = [pool] if isinstance(pool, str) else pool
        _check(names, exclusive, dropout, label_smoothing)
        self.exclusive = exclusive
        self.label_smoothing = label_smoothing
        self.pools = nn.ModuleList(make_pool(name, input_width) for name in names)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(len(names) * input_width, output_width)
        # Every class is equally likely at first.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of each class, `[B, output_width]`; see `Head.forward`."""
        counts = lengths.tolist()
        if not counts:
            return inputs.new_zeros(0, self.output.out_features)
        # One product for the words of all texts.
        matches = [
            torch.split(pool.match(inputs), counts) if isinstance(pool, Attention) else None
            for pool in self.pools
        ]
        pooled = [
            self._pool(sequence, [None if each is None else each[i] for each in matches])
            for i, sequence in enumerate(torch.split(inputs, counts))
        ]
        logits: Tensor = self.output(self.dropout(torch.stack(pooled)))
        return logits

    def _pool(self, sequence: Tensor, matches: Sequence[Tensor | None]) -> Tensor:
        if not len(sequence):
            return sequence.new_zeros(self.output.in_features)
        pooled = [
            pool(sequence) if found is None else cast(Attention, pool).pool(sequence, found)
            for pool, found in zip(self.pools, matches, strict=True)
        ]
        return torch.cat(pooled)

    def scores(self, logits: Tensor) -> Tensor:
        """Return the probability of each class, `[B, output_width]`."""
        return logits.softmax(1) if self.exclusive else logits.sigmoid()

    def loss(self, logits: Tensor, truths: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean cross entropy of a batch, labels smoothed; see `Head.loss`.

        A text whose truth is unknown adds nothing, and counts in the mean.
        """
        known = ~truths.isnan().any(1)
        logits, truths = logits[known], truths[known]
        smoothing = self.label_smoothing
        targets = truths * (1 - smoothing) + smoothing / truths.shape[1]
        # The log of the sum over all labels that a text might have: by the logits, its gradient is the scores.
        total = logits.logsumexp(1) if self.exclusive else functional.softplus(logits).sum(1)
        return (total - (targets * logits).sum(1)).sum() / max(1, len(known))


#: The same head, by default with what keeps it from overfitting on some thousand texts: see docs/defaults.md.
TextClassifier2 = functools.partial(TextClassifier, pool=("mean", "max", "attention"), dropout=0.3)


def _check(names: Sequence[str], exclusive: bool, dropout: float, label_smoothing: float) -> None:
    if not names:
        raise ConfigError("`pool` names no way of pooling; choose from last, mean, max, attention")
    for setting, value in (("dropout", dropout), ("label_smoothing", label_smoothing)):
        if not 0 <= value < 1:
            raise ConfigError(f"`{setting}` is {value}; it must be at least 0 and less than 1")
    if label_smoothing and not exclusive:
        raise ConfigError(
            "`label_smoothing` is for exclusive classes only; remove it or set it to 0"
        )
