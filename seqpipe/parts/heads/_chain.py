"""The likelihood of labels in a linear chain, differentiable; see `seqpipe.kernels.forward_backward`."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqpipe.kernels import Chain, forward_backward


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
