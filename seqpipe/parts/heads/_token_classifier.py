"""Heads that label words."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from seqpipe.kernels import Chain, forward_backward, linear
from seqpipe.parts.heads._contract import Head
from seqpipe.parts.heads._pooled import check_share

#: The task of heads that label words.
TOKEN_LABELS = "seqpipe.TokenLabels.v1"


class TokenClassifier(Head):
    """Scores each label of each word by a linear layer, whatever the labels of the other words are.

    Args:
        input_width: The width of a contextual vector.
        output_width: The number of labels.
        dropout: The share of the vectors' values that are set to zero in training.
        label_smoothing: The share of the target that is spread uniformly over the labels (Szegedy et al. 2016).

    Raises:
        ConfigError: A share is outside [0, 1).
    """

    level: ClassVar[Literal["text", "word"]] = "word"

    def __init__(
        self,
        input_width: int,
        output_width: int,
        *,
        dropout: float = 0.3,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        check_share("dropout", dropout)
        check_share("label_smoothing", label_smoothing)
        self.label_smoothing = label_smoothing
        self.dropout = nn.Dropout(dropout)
        self.output = _output(input_width, output_width)

    @classmethod
    def task(cls, settings: Mapping[str, Any]) -> str:
        """Name the task: labels of words."""
        return TOKEN_LABELS

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of each label, `[N, output_width]`; see `Head.forward`."""
        return _logits(self.output, self.dropout(inputs))

    def scores(self, logits: Tensor) -> Tensor:
        """Return the probability of each label, `[N, output_width]`."""
        return logits.softmax(1)

    def loss(self, logits: Tensor, truths: Tensor, lengths: Tensor) -> Tensor:
        """Return the cross entropy of the words whose label is known, summed, over the number of all words.

        Args:
            logits: `[N, output_width]`.
            truths: The number of each word's label, `[N]`, int64; -1 where it's unknown.
            lengths: The number of words of each text, `[B]`.
        """
        total = functional.cross_entropy(
            logits, truths, ignore_index=-1, label_smoothing=self.label_smoothing, reduction="sum"
        )
        return total / max(1, len(truths))


class Crf(Head):
    """A linear-chain conditional random field: the labels of a text are scored together (Lafferty et al. 2001; Lample et al. 2016).

    The score of a sequence of labels is the sum of its words' logits and of a learnt number for each pair of neighbouring labels, for the first label and for the last one; see `seqpipe.kernels.forward_backward`.
    The scores of a word are marginals: the probability of each label over all sequences.

    Args:
        input_width: The width of a contextual vector.
        output_width: The number of labels.
        dropout: The share of the vectors' values that are set to zero in training.

    Raises:
        ConfigError: The share is outside [0, 1).
    """

    level: ClassVar[Literal["text", "word"]] = "word"

    def __init__(self, input_width: int, output_width: int, *, dropout: float = 0.3) -> None:
        super().__init__()
        check_share("dropout", dropout)
        self.dropout = nn.Dropout(dropout)
        self.output = _output(input_width, output_width)
        # All sequences are equally likely at first.
        self.transitions = nn.Parameter(torch.zeros(output_width, output_width))
        self.starts = nn.Parameter(torch.zeros(output_width))
        self.ends = nn.Parameter(torch.zeros(output_width))

    @classmethod
    def task(cls, settings: Mapping[str, Any]) -> str:
        """Name the task: labels of words."""
        return TOKEN_LABELS

    @property
    def chain(self) -> Chain:
        """The scores of labels beside each other."""
        return Chain(self.transitions, self.starts, self.ends)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of each label, `[N, output_width]`; see `Head.forward`."""
        return _logits(self.output, self.dropout(inputs))

    def scores(self, logits: Tensor) -> Tensor:
        """Return the probability of each label of words that are texts by themselves; see `sequence_scores`."""
        return self.sequence_scores(logits, torch.ones(len(logits), dtype=torch.int64))

    def sequence_scores(self, logits: Tensor, lengths: Tensor) -> Tensor:
        """Return the marginal probability of each label at each word, `[N, output_width]`; see `Head.sequence_scores`."""
        with torch.no_grad():
            chain = Chain(*(each.cpu() for each in self.chain))
            marginals = forward_backward(logits.cpu(), lengths, chain).marginals
        return marginals.to(logits)

    def loss(self, logits: Tensor, truths: Tensor, lengths: Tensor) -> Tensor:
        """Return the negative log-likelihood of the labels, summed over texts, over the number of words.

        Where a label is unknown, all sequences count that have the known ones.

        Args:
            logits: `[N, output_width]`.
            truths: The number of each word's label, `[N]`, int64; -1 where it's unknown.
            lengths: The number of words of each text, `[B]`.
        """
        # In single precision the difference of two sums of thousands may be below 0.
        logits, truths = logits.cpu().double(), truths.cpu()
        chain = Chain(*(each.cpu().double() for each in self.chain))
        known = truths >= 0
        if known.all():
            of_truth = sequence_score(logits, truths, lengths, chain)
        else:
            is_other = functional.one_hot(truths.clamp(min=0), logits.shape[1]) == 0
            allowed = logits.masked_fill(is_other & known[:, None], -torch.inf)
            of_truth = log_partition(allowed, lengths, chain)
        return (log_partition(logits, lengths, chain) - of_truth) / max(1, len(truths))


def _output(input_width: int, output_width: int) -> nn.Linear:
    layer = nn.Linear(input_width, output_width)
    # Every label is equally likely at first.
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _logits(layer: nn.Linear, inputs: Tensor) -> Tensor:
    return linear(inputs, layer.weight) + layer.bias


# The likelihood of labels in a chain.


class _LogPartition(torch.autograd.Function):
    """The sum of log Z over texts, a scalar, of logits `[N, L]` and a chain; its gradients are expected counts."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, transitions: Tensor, starts: Tensor, ends: Tensor, lengths: Tensor
    ) -> Tensor:
        found = forward_backward(logits, lengths, Chain(transitions, starts, ends))
        counts = found.marginals, found.transitions, found.starts, found.ends
        ctx.save_for_backward(*(each.to(logits.dtype) for each in counts))
        return found.log_partitions.sum().to(logits.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return *(gradient * each for each in ctx.saved_tensors), None


def log_partition(logits: Tensor, lengths: Tensor, chain: Chain) -> Tensor:
    """Return the sum of log Z over all texts, a scalar with gradients by logits and chain.

    Args:
        logits: As `forward_backward` has them.
        lengths: As there.
        chain: As there.

    Raises:
        ValueError: As there.
    """
    total: Tensor = _LogPartition.apply(logits, *chain, lengths)  # type: ignore[no-untyped-call]
    return total


def sequence_score(logits: Tensor, labels: Tensor, lengths: Tensor, chain: Chain) -> Tensor:
    """Return the sum over all texts of the score of one sequence of labels, a scalar.

    Args:
        logits: As `forward_backward` has them.
        labels: The label of each word, `[N]`, int64.
        lengths: As there.
        chain: As there.
    """
    ends = lengths.cumsum(0)[lengths > 0]
    first, last = ends - lengths[lengths > 0], ends - 1
    is_inner = torch.ones(len(labels), dtype=torch.bool)
    is_inner[last] = False
    rows = is_inner.nonzero()[:, 0]
    return (
        logits.gather(1, labels[:, None]).sum()
        + chain.transitions[labels[rows], labels[rows + 1]].sum()
        + chain.starts[labels[first]].sum()
        + chain.ends[labels[last]].sum()
    )
