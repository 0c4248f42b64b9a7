"""The contract of heads."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import torch
from torch import Tensor, nn

#: The task of heads that don't name one.
TEXT_CLASSES = "seqpipe.TextClasses.v1"


class Head(nn.Module, ABC):
    """Turns contextual vectors into predictions for a task, and owns the loss that it's trained by.

    Its constructor takes the two sizes by position, and settings by keyword only. It's called when
    the labels are known, so that `output_width` is their number:
    ``__init__(self, input_width, output_width, *, ...)``. It can be pickled and copied, and raises a
    `ConfigError` for sizes and settings that can't be used. `seqpipe.testing` checks all of this. A
    head is offered as its class, or a partial of that, since `task` and `component` are asked before one is made.

    A head sees tensors, lengths and lists of strings, never spaCy: what its truths mean, and what becomes of its
    predictions, is its task's business; see `seqpipe.tasks.Task`.
    """

    #: What a row of the head's output belongs to: a "text", or each "word" of the texts.
    level: ClassVar[Literal["text", "word"]] = "text"

    #: Whether `forward` takes the words of the texts beside their vectors: a list of strings for each text.
    sees_words: ClassVar[bool] = False

    #: Whether `forward` takes where in each text the second text of a pair begins. The encoder has read each by itself.
    sees_pairs: ClassVar[bool] = False

    @classmethod
    def task(cls, settings: Mapping[str, Any]) -> str:
        """Name the task that the head is for with these settings: "seqpipe.TextClasses.v1"."""
        return TEXT_CLASSES

    @classmethod
    def component(cls, settings: Mapping[str, Any]) -> str:
        """Name spaCy's component that the head serves with these settings, if its task is to put texts into classes.

        By default the one for exclusive classes, unless a setting `exclusive` is false.
        """
        return "textcat" if settings.get("exclusive", True) else "textcat_multilabel"

    def prepare(self, truths: Tensor) -> None:
        """Look at what's to be learnt, once, before the training; by default do nothing.

        Whatever the head finds out, such as the scale of numbers, it keeps in buffers, so that it's saved.

        Args:
            truths: The truths of all texts of the train part, as `loss` has them.
        """

    @abstractmethod
    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of a batch.

        Args:
            inputs: The contextual vectors `[N, input_width]`, the sequences concatenated.
            lengths: `[B]`, int64, on the CPU; 0 is allowed.

        A head that `sees_words` takes a third argument, the words of each text: ``Sequence[Sequence[str]]``. One that
        `sees_pairs` takes how many of a pair's words belong to its first text, `[B]`, int64, by the name `firsts`.

        Returns:
            `[B, output_width]`, or `[N, output_width]` if its `level` is "word". In training mode a head with a `loss`
            may return several samples of them, `[samples, B, output_width]`, such as one for each of several dropout
            masks. What's learnt from is the mean of their losses: `scores` and `loss` are called once for each sample.
        """

    @abstractmethod
    def scores(self, logits: Tensor) -> Tensor:
        """Turn logits into what the task reads, such as probabilities, in the same shape."""

    def sequence_scores(self, logits: Tensor, lengths: Tensor) -> Tensor:
        """Turn logits into scores where those of a word depend on the other words of its text; by default they don't.

        Args:
            logits: What `forward` returned.
            lengths: As `forward` has it.
        """
        return self.scores(logits)

    def loss(self, logits: Tensor, truths: Tensor, lengths: Tensor) -> Tensor:
        """Return the loss of a batch, a scalar: the mean over its texts or words.

        It may use parameters of the head (the transitions of a CRF): these are trained by its gradient too.

        Args:
            logits: What `forward` returned.
            truths: What the task knows of these texts, in the form that the task describes. For classes of texts
                `[B, output_width]`, 1 for each label that a text has; NaN throughout where the truth is unknown. For labels of words
                their numbers, `[N]`, int64; -1 where one is unknown.
            lengths: As `forward` has it.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no `loss`, and is trained by its `grad_logits`"
        )

    def grad_logits(self, scores: Tensor, grad_scores: Tensor) -> Tensor:
        """Turn ``scores - truths`` into the gradient of the loss by the logits.

        Heads written before `loss` was part of the contract have this instead; it's not called on others.
        """
        raise NotImplementedError(f"{type(self).__name__} has a `loss` instead")


#: Makes a head from ``(input_width, output_width)``.
HeadFactory: TypeAlias = Callable[[int, int], Head]

#: What a head that `sees_words` is given beside vectors.
Words: TypeAlias = Sequence[Sequence[str]]


def has_loss(head: Head) -> bool:
    """Whether a head has a loss of its own, rather than the gradient that older ones have.

    One that has both is an older one with a method that happens to be called so.
    """
    older = getattr(type(head), "grad_logits", Head.grad_logits) is not Head.grad_logits
    return not older and getattr(type(head), "loss", Head.loss) is not Head.loss


def sample_scores(head: Head, logits: Tensor, lengths: Tensor) -> Tensor:
    """Return a head's scores of logits, in the same shape, also where these are several samples."""
    if logits.ndim < _SAMPLED:
        return head.sequence_scores(logits, lengths)
    return torch.stack([head.sequence_scores(each, lengths) for each in logits])


def loss_gradient(
    head: Head, logits: Tensor, truths: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """Return a head's loss and its gradient by the logits; of several samples, the mean of their losses.

    Where the loss uses parameters of the head itself, their gradients are added up as `backward` does.

    Args:
        head: The head.
        logits: What it returned; gradients go no further back.
        truths: As `Head.loss` has them; or, with three dimensions, those of each sample.
        lengths: As `Head.forward` has them.

    Raises:
        TypeError: The loss isn't a scalar.
    """
    logits = logits.detach().requires_grad_()
    with torch.enable_grad():
        if logits.ndim < _SAMPLED:
            loss = _scalar(head.loss(logits, truths, lengths))
        else:
            of_each = truths if truths.ndim == _SAMPLED else [truths] * len(logits)
            pairs = zip(logits, of_each, strict=True)
            losses = [_scalar(head.loss(each, truth, lengths)) for each, truth in pairs]
            loss = torch.stack(losses).mean()
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach(), torch.zeros_like(logits) if logits.grad is None else logits.grad


#: Logits have two dimensions, and several samples of them one more.
_SAMPLED = 3


def _scalar(loss: Any) -> Tensor:
    if not isinstance(loss, Tensor) or loss.ndim:
        found = list(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise TypeError(f"its loss is {found}, and should be a scalar tensor")
    return loss
