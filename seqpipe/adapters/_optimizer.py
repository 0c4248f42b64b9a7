"""torch's optimizer in the place where spaCy expects thinc's."""

from collections.abc import Iterator
from typing import Any

import torch
from thinc.optimizers import Optimizer
from torch import nn

from seqpipe.errors import ConfigError, NotFiniteError


class AdamW(Optimizer):  # type: ignore[misc]
    """AdamW (Loshchilov & Hutter 2019), run by torch for whole torch modules and by thinc elsewhere.

    Before each step the gradient of a module is clipped by its global norm (Pascanu et al. 2013).
    Weights of one dimension (biases) don't decay.

    The learning rate rises from 0 over the first share of the training, `warmup`, and falls to 0 in
    a straight line over the rest. For that someone has to say how far the training is, by
    `set_progress`; seqpipe's loop does. spaCy's own loop doesn't, and there the rate stays as it is.

    With `average`, a moving average of all weights is kept beside them (after Polyak & Juditsky 1992). It begins as
    the weights that the first step starts from, and after step t, from 1, it's ``d * average + (1 - d) * weights``,
    where ``d = min(average, (1 + t) / (10 + t))``: so the first weights are soon forgotten. `averages` is
    what thinc's optimizers have too, for `nlp.use_params`: training goes on with the weights themselves. Buffers of
    modules aren't averaged.

    Args:
        learn_rate: The greatest learning rate; or a schedule of thinc's, which yields one for each
            step and is left to itself.
        beta1: The decay of the gradient's mean.
        beta2: The decay of the gradient's square.
        eps: Added to the denominator.
        weight_decay: The share of a weight that is taken away in a step, times the learning rate.
        grad_clip: The greatest norm of a module's gradient; 0 doesn't clip.
        warmup: The share of the training over which the rate rises, in [0, 1).
        average: The decay of the weights' average, in [0, 1); 0 keeps none.

    Raises:
        ConfigError: `beta1`, `beta2`, `warmup` or `average` isn't in [0, 1), or `learn_rate` is negative.
    """

    averages: dict[Any, Any] | None

    def __init__(
        self,
        learn_rate: float | Iterator[float],
        *,
        beta1: float,
        beta2: float,
        eps: float,
        weight_decay: float,
        grad_clip: float,
        warmup: float,
        average: float = 0.0,
    ) -> None:
        super().__init__(
            learn_rate,
            beta1=beta1,
            beta2=beta2,
            eps=eps,
            L2=weight_decay,
            grad_clip=grad_clip,
            use_averages=bool(average),
        )
        _check(learn_rate=learn_rate, beta1=beta1, beta2=beta2, warmup=warmup, average=average)
        self._average = average
        self._peak = learn_rate if isinstance(learn_rate, float | int) else None
        self._warmup = warmup
        # By the modules themselves: their ids would mean others once this is pickled.
        self._steppers: dict[nn.Module, torch.optim.AdamW] = {}

    def set_progress(self, fraction: float) -> None:
        """Set the learning rate for a step at whose middle this part of the training is done, 0 to 1."""
        if self._peak is None:
            return
        rising = fraction / self._warmup if self._warmup else 1.0
        falling = (1.0 - fraction) / (1.0 - self._warmup)
        self.learn_rate = self._peak * min(rising, falling, 1.0)

    def __call__(
        self, key: tuple[int, str], weights: Any, gradient: Any, *, lr_scale: float = 1.0
    ) -> tuple[Any, Any]:
        """Step an array of thinc's, as its optimizers do, and average it as the modules are."""
        averages, self.averages = self.averages, None  # thinc's begin at zero
        try:
            if averages is not None and key not in averages:
                averages[key] = weights.copy()
            weights, gradient = super().__call__(key, weights, gradient, lr_scale=lr_scale)
        finally:
            self.averages = averages
        if averages is not None:
            averages[key] += (1 - self._decay(self.nr_update[key])) * (weights - averages[key])
        return weights, gradient

    def step_module(self, module: nn.Module, key: int) -> None:
        """Change a module's weights by their gradients, and clear those.

        Args:
            module: What has the weights.
            key: What the module is known by in `averages`, whose keys are pairs of this and a weight's name.

        Raises:
            NotFiniteError: As `clip_gradient`.
        """
        parameters = [p for p in module.parameters() if p.grad is not None]
        if not parameters:
            return
        clip_gradient(module, self.grad_clip)
        if module not in self._steppers:
            self._start(module, key)
        stepper = self._steppers[module]
        for group in stepper.param_groups:
            group["lr"] = self.learn_rate
        stepper.step()
        stepper.zero_grad(set_to_none=True)
        if self.averages is not None:
            self.nr_update[key, ""] += 1
            share = 1 - self._decay(self.nr_update[key, ""])
            for name, parameter in module.named_parameters():
                self.averages[key, name].lerp_(parameter.detach(), share)

    def _start(self, module: nn.Module, key: int) -> None:
        self._steppers[module] = self._make_stepper(module)
        if self.averages is not None:
            # A module that's built anew is known by the same key.
            self.nr_update[key, ""] = 0
            for name, parameter in module.named_parameters():
                self.averages[key, name] = parameter.detach().clone()

    def _decay(self, step: int) -> float:
        return min(self._average, (1 + step) / (10 + step))

    def _make_stepper(self, module: nn.Module) -> torch.optim.AdamW:
        parameters = list(module.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.L2},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=self.learn_rate,
            betas=(self.b1, self.b2),
            eps=self.eps,
            fused=True,
        )


def clip_gradient(module: nn.Module, most: float) -> None:
    """Clip the gradient of a module's weights by its global norm (Pascanu et al. 2013).

    Args:
        module: What has the weights.
        most: The greatest norm; 0 doesn't clip.

    Raises:
        NotFiniteError: The gradient has NaN or infinite numbers, or is too large for its norm to be a number.
            No weight has changed then.
    """
    named = [(name, each) for name, each in module.named_parameters() if each.grad is not None]
    norm = nn.utils.get_total_norm([each.grad for _, each in named if each.grad is not None])
    if not norm.isfinite():
        found = [n for n, each in named if not each.grad.isfinite().all()]  # type: ignore[union-attr]
        what = f"weight {found[0]!r}" if found else "weights, whose norm overflows,"
        raise NotFiniteError(f"the gradient of the {what} of {type(module).__name__} isn't finite")
    if most:
        nn.utils.clip_grads_with_norm_([each for _, each in named], most, norm)


def _check(*, learn_rate: Any, **shares: float) -> None:
    if isinstance(learn_rate, float | int):
        if not learn_rate >= 0:
            raise ConfigError(f"`learn_rate` is {learn_rate}; it must be at least 0")
    elif not hasattr(learn_rate, "__next__"):
        raise ConfigError(f"`learn_rate` is {learn_rate!r}; it must be a number or a schedule")
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ConfigError(f"`{name}` is {share}; it must be at least 0 and less than 1")


def make_adamw(
    learn_rate: Any = 0.003,
    beta1: float = 0.9,
    beta2: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    grad_clip: float = 1.0,
    warmup: float = 0.1,
    average: float = 0.0,
) -> AdamW:
    """Make an `AdamW`; registered as the optimizer "seqpipe.AdamW.v1"."""
    return AdamW(
        learn_rate,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        weight_decay=weight_decay,
        grad_clip=grad_clip,
        warmup=warmup,
        average=average,
    )
