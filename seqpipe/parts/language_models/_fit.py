"""Trains a language model on a stream, by truncated backpropagation through time."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

import torch
from torch import Tensor, nn

from seqpipe.errors import ConfigError, NotFiniteError
from seqpipe.parts.language_models._model import LanguageModel, States, detached
from seqpipe.parts.language_models._score import Encoded, Figures, measure
from seqpipe.parts.language_models._stream import Streams, Window, cut, join

_BETAS: Final = (0.9, 0.99)


@dataclass(frozen=True)
class Fitting:
    """How a language model is trained.

    Attributes:
        sequence_length: The number of units that a gradient is backpropagated over; the state is carried on.
        batch_size: The number of parallel streams.
        epochs: The number of passes over the stream.
        seconds: After how many the training ends, if the epochs haven't; None for no limit.
        fresh_starts: The share of texts that are begun with a fresh state, as a text by itself is; the others go on with that
            of the text before.
        learn_rate: The greatest learning rate: it rises to that over the first share of the training, and falls to 0.
        warmup: That share, in [0, 1).
        weight_decay: That of AdamW (Loshchilov & Hutter 2019); vectors don't decay.
        grad_clip: The greatest norm of the gradient; 0 doesn't clip.
        evaluations: How often the model is evaluated on the dev part.

    Raises:
        ConfigError: One of them is out of bounds.
    """

    sequence_length: int = 64
    batch_size: int = 32
    epochs: int = 10
    seconds: float | None = None
    fresh_starts: float = 0.1
    learn_rate: float = 0.01
    warmup: float = 0.05
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    evaluations: int = 10

    def __post_init__(self) -> None:
        for name in ("sequence_length", "batch_size", "epochs", "evaluations"):
            if getattr(self, name) < 1:
                raise ConfigError(f"`{name}` is {getattr(self, name)}; it must be at least 1")
        for name in ("learn_rate", "weight_decay", "grad_clip"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"`{name}` is {getattr(self, name)}; it must be at least 0")
        if self.seconds is not None and not self.seconds > 0:
            raise ConfigError(f"`seconds` is {self.seconds}; it must be more than 0")
        if not 0 <= self.fresh_starts <= 1:
            raise ConfigError(f"`fresh_starts` is {self.fresh_starts}; it must be from 0 to 1")
        if not 0 <= self.warmup < 1:
            raise ConfigError(f"`warmup` is {self.warmup}; it must be at least 0 and less than 1")

    def rate(self, fraction: float) -> float:
        """Return the learning rate when this part of the training is done, 0 to 1."""
        rising = fraction / self.warmup if self.warmup else 1.0
        return self.learn_rate * min(rising, (1 - fraction) / (1 - self.warmup), 1.0)


@dataclass(frozen=True)
class Step:
    """What one step of the training did.

    Attributes:
        number: Which step, from 1.
        epoch: Which pass over the stream, from 1.
        fraction: The part of the training that's done, 0 to 1.
        units: How many units were read.
        loss: What a unit cost in this step, in nats.
        dev: How well the dev part is predicted, if that was measured.
        is_best: Whether that's the best so far. Without a dev part each model is, where it would be measured.
    """

    number: int
    epoch: int
    fraction: float
    units: int
    loss: float
    dev: Figures | None = None
    is_best: bool = False


def fit(
    model: LanguageModel,
    train: Sequence[Encoded],
    dev: Sequence[Encoded],
    fitting: Fitting,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Step]:
    """Train a model, and yield each step.

    The weights are those of the last step at the end: whoever wants the best ones keeps them when a step says so.

    Args:
        model: The model, as it was initialised.
        train: What it's trained on, in order.
        dev: What says which weights are the best; may be empty.
        fitting: How it's trained.
        clock: Returns the seconds that `fitting.seconds` counts.

    Raises:
        NotFiniteError: A loss, a gradient or a weight is NaN or infinite.
    """
    streams = Streams(
        join(text.units for text in train),
        count=fitting.batch_size,
        steps=fitting.sequence_length,
    )
    trainer = _Trainer(model, fitting)
    total, start = fitting.epochs * len(streams), clock()
    best, due = math.inf, 1

    def done(steps: float) -> float:
        elapsed = (clock() - start) / fitting.seconds if fitting.seconds else 0.0
        return min(1.0, max(steps / total, elapsed))

    number = 0
    for epoch in range(1, fitting.epochs + 1):
        trainer.forget()
        for window in streams:
            loss = trainer.step(window, fitting.rate(done(number + 0.5)))
            number += 1
            fraction = done(number)
            figures, is_best = None, False
            if fraction * fitting.evaluations >= due:
                due = math.floor(fraction * fitting.evaluations) + 1
                figures = measure(model, dev) if dev else None
                is_best = figures is None or figures.bits < best
                best = figures.bits if figures and is_best else best
            yield Step(number, epoch, fraction, len(window.units), loss, figures, is_best)
            if fraction >= 1:
                return


class _Trainer:
    """Takes steps, and carries the state on from one to the next."""

    def __init__(self, model: LanguageModel, fitting: Fitting) -> None:
        self._model = model
        self._clip = fitting.grad_clip
        self._fresh = fitting.fresh_starts
        self._states: States | None = None
        self._number = 0
        parameters = list(model.parameters())
        groups = [
            {
                "params": [p for p in parameters if p.ndim > 1],
                "weight_decay": fitting.weight_decay,
            },
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=0.0, betas=_BETAS, fused=True)

    def forget(self) -> None:
        """Begin the stream anew."""
        self._states = None

    def step(self, window: Window, learn_rate: float) -> float:
        """Change the weights by a window, and return its loss."""
        self._number += 1
        self._model.train()
        hidden = self._read(window)
        loss = self._model.output.losses(hidden, window.targets.to(hidden.device)).mean()
        value = loss.item()
        if not math.isfinite(value):
            raise self._not_finite(f"the loss of the language model is {value}")
        torch.autograd.backward(loss)
        norm = nn.utils.get_total_norm(
            [p.grad for p in self._model.parameters() if p.grad is not None]
        )
        if not norm.isfinite():
            raise self._not_finite("the gradient of the language model isn't finite")
        if self._clip:
            nn.utils.clip_grads_with_norm_(self._model.parameters(), self._clip, norm)
        for group in self._optimizer.param_groups:
            group["lr"] = learn_rate
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return value

    def _read(self, window: Window) -> Tensor:
        """Return the hidden vectors of a window, `[B * T, width]`, and keep the state after it."""
        pieces = cut(window, self._fresh) if self._fresh else None
        if pieces is None:
            hidden, states = self._model(window.units, window.lengths, self._states)
        else:
            before = self._model.choose_states(self._states, pieces.streams, pieces.carried)
            hidden, after = self._model(window.units, pieces.lengths, before)
            last = pieces.last.to(hidden.device)
            states = tuple(tuple(each[last] for each in state) for state in after)
        self._states = detached(states)
        return cast(Tensor, hidden)

    def _not_finite(self, what: str) -> NotFiniteError:
        return NotFiniteError(
            f"{what} in step {self._number}; set a smaller `learn_rate` in [language_model], or a smaller "
            "`grad_clip` there"
        )
