"""Several encoders side by side, each with a head of its own, as one encoder and one head."""

import functools
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

from seqpipe.adapters._contract import made_by
from seqpipe.errors import ConfigError
from seqpipe.parts.encoders import Encoder, EncoderFactory
from seqpipe.parts.heads import Head, HeadFactory, has_loss


def check_ensemble(count: int) -> None:
    """Raise a `ConfigError` for a number of members that can't be."""
    if count < 1:
        raise ConfigError(
            f"`ensemble` is {count}; at least 1 is needed, which is no ensemble", setting="ensemble"
        )


class EncoderEnsemble(Encoder):
    """Encoders that read the same vectors; what they give stands side by side.

    Args:
        make: Makes one, each with random weights of its own.
        count: How many there are.
        input_width: The width of an input vector.
    """

    def __init__(self, make: EncoderFactory, count: int, input_width: int) -> None:
        super().__init__()
        made = [make(input_width) for _ in range(count)]
        for each in made:
            made_by(each, make)
        made_by(self, make)
        self.members = nn.ModuleList(made)
        self.input_width = input_width
        self.width = sum(each.width for each in made)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Encode a batch, `[N, width]`; see `Encoder.forward`."""
        return torch.cat([member(inputs, lengths) for member in self.members], dim=1)


class HeadEnsemble(Head):
    """Heads for the encoders of an `EncoderEnsemble`: each sees the vectors of one.

    They learn by the mean of their losses, so that each learns from its own mistakes. Predictions are made of the mean of
    their logits. What turns logits into scores and a loss, such as the transitions of a CRF, is that of the first.

    Args:
        make: Makes one.
        count: How many there are.
        input_width: The width of the vectors of all encoders together.
        output_width: As heads have it.

    Raises:
        ConfigError: The width can't be divided, or the head has no `loss`.
    """

    def __init__(self, make: HeadFactory, count: int, input_width: int, output_width: int) -> None:
        super().__init__()
        if input_width % count:
            raise ConfigError(
                f"the head has `ensemble` {count}, and vectors of width {input_width}, which isn't a multiple of that: "
                "the encoder needs the same `ensemble`",
                setting="ensemble",
            )
        made = [make(input_width // count, output_width) for _ in range(count)]
        for each in made:
            made_by(each, make)
        first: Any = made[0]
        if not has_loss(first):
            raise ConfigError(
                f"{type(first).__name__} has no `loss`, only the gradient of one, so it can't be a member of an ensemble: "
                "leave `ensemble` out",
                setting="ensemble",
            )
        made_by(self, make)
        self.members = nn.ModuleList(made)
        # What others ask a head for.
        self.level = first.level  # type: ignore[misc]
        self.sees_words = first.sees_words  # type: ignore[misc]
        self.sees_pairs = first.sees_pairs  # type: ignore[misc]
        self.exclusive = getattr(first, "exclusive", False)

    def prepare(self, truths: Tensor) -> None:
        """Have each member look at what's to be learnt; see `Head.prepare`."""
        for member in self._heads:
            member.prepare(truths)

    def forward(self, inputs: Tensor, lengths: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Return the mean of the members' logits; in training mode those of each, `[samples, …]`, see `Head.forward`."""
        parts = inputs.chunk(len(self.members), dim=1)
        logits = [
            member(part.contiguous(), lengths, *args, **kwargs)
            for member, part in zip(self.members, parts, strict=True)
        ]
        if not self.training:
            return torch.stack(logits).mean(0)
        # A member may have several samples itself.
        return torch.cat([each if each.ndim > 2 else each[None] for each in logits])

    def scores(self, logits: Tensor) -> Tensor:
        """Return scores as the first member does."""
        return self._heads[0].scores(logits)

    def sequence_scores(self, logits: Tensor, lengths: Tensor) -> Tensor:
        """Return scores as the first member does."""
        return self._heads[0].sequence_scores(logits, lengths)

    def loss(self, logits: Tensor, truths: Tensor, lengths: Tensor) -> Tensor:
        """Return the loss of one member, as the first computes it."""
        return self._heads[0].loss(logits, truths, lengths)

    @property
    def _heads(self) -> list[Head]:
        return list(cast(Iterable[Head], self.members))


def members_of(encoder: nn.Module) -> list[nn.Module]:
    """Return the encoders of an ensemble, or an encoder that's none by itself."""
    return list(encoder.members) if isinstance(encoder, EncoderEnsemble) else [encoder]


def encoder_factory(make: EncoderFactory, count: int) -> EncoderFactory:
    """Return what makes an ensemble of encoders, or one encoder where there's one."""
    return make if count == 1 else functools.partial(EncoderEnsemble, make, count)


def head_factory(make: HeadFactory, count: int) -> HeadFactory:
    """Return what makes an ensemble of heads, or one head where there's one."""
    return make if count == 1 else functools.partial(HeadEnsemble, make, count)
