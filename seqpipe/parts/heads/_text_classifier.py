"""The head for text classification."""

import functools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from seqpipe.errors import ConfigError
from seqpipe.parts.heads._pooled import Pool, PooledHead, check_share


class TextClassifier(PooledHead):
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
        dropout_samples: How many times values are set to zero, at random each time (Inoue 2019,
            "Multi-sample dropout"). The loss is the mean over the samples, which share encoder and pooling.
        focal: The exponent γ of the focal loss (Lin et al. 2017), ``-(1 - p)^γ log p``, where p is the probability
            given to the truth: the higher, the less texts count that are classified well. 0 for cross entropy.

    Raises:
        ConfigError: No pooling is named, a share is outside [0, 1), another number is out of bounds, or
            settings exclude each other.
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
        dropout_samples: int = 1,
        focal: float = 0.0,
    ) -> None:
        _check_samples(dropout, dropout_samples)
        _check_loss(exclusive, label_smoothing, focal)
        super().__init__(
            input_width, output_width, pool=pool, dropout=dropout, dropout_samples=dropout_samples
        )
        self.exclusive = exclusive
        self.label_smoothing = label_smoothing
        self.focal = focal

    def scores(self, logits: Tensor) -> Tensor:
        """Return the probability of each class, `[B, output_width]`."""
        return logits.softmax(1) if self.exclusive else logits.sigmoid()

    def loss(self, logits: Tensor, truths: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean cross entropy of a batch, labels smoothed, or its focal loss; see `Head.loss`.

        A text whose truth is unknown adds nothing, and counts in the mean.
        """
        known = ~truths.isnan().any(1)
        logits, truths = logits[known], truths[known]
        if self.focal:
            return self._focal_loss(logits, truths) / max(1, len(known))
        smoothing = self.label_smoothing
        targets = truths * (1 - smoothing) + smoothing / truths.shape[1]
        # The log of the sum over all labels that a text might have: by the logits, its gradient is the scores.
        total = logits.logsumexp(1) if self.exclusive else functional.softplus(logits).sum(1)
        return (total - (targets * logits).sum(1)).sum() / max(1, len(known))

    def _focal_loss(self, logits: Tensor, truths: Tensor) -> Tensor:
        """Return the focal loss, summed over texts and, where they aren't exclusive, labels."""
        scores = self.scores(logits)
        if self.exclusive:
            # Without a class all scores are wrong, and the text counts fully.
            entropy = logits.logsumexp(1) - (truths * logits).sum(1)
            return (_power(1 - (truths * scores).sum(1), self.focal) * entropy).sum()
        present = _power(1 - scores, self.focal) * functional.softplus(-logits)
        absent = _power(scores, self.focal) * functional.softplus(logits)
        losses = truths * present + (1 - truths) * absent
        # Where a text doesn't say whether it has a label, the truth is the score itself, as spaCy has it.
        return losses.where((truths - scores).abs() > _SAME, 0.0).sum()


#: Numbers this close are the same but for rounding.
_SAME = 1e-6


def _power(share: Tensor, exponent: float) -> Tensor:
    """Return the power of numbers from 0 to 1, with a finite gradient at 0."""
    return share.clamp(min=torch.finfo(share.dtype).eps) ** exponent


#: The same head, by default with what keeps it from overfitting on some thousand texts: see docs/defaults.md.
TextClassifier2 = functools.partial(TextClassifier, pool=("mean", "max", "attention"), dropout=0.3)


def _check_samples(dropout: float, samples: int) -> None:
    if samples < 1:
        raise ConfigError(f"`dropout_samples` is {samples}; it must be at least 1")
    if samples > 1 and not dropout:
        raise ConfigError(
            f"`dropout_samples` is {samples}, and without dropout all samples are the same: set `dropout`, or "
            "leave this out",
            setting="dropout_samples",
        )


def _check_loss(exclusive: bool, label_smoothing: float, focal: float) -> None:
    check_share("label_smoothing", label_smoothing)
    if label_smoothing and not exclusive:
        raise ConfigError(
            "`label_smoothing` is for exclusive classes only; remove it or set it to 0"
        )
    if not 0 <= focal < float("inf"):
        raise ConfigError(f"`focal` is {focal}; it must be at least 0")
    if focal and label_smoothing:
        raise ConfigError(
            "`focal` can't be combined with `label_smoothing`: the focal loss goes by the probability of the one "
            "true class; remove one of them",
            setting="focal",
        )
