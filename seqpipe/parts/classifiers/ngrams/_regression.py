"""Logistic regression over sparse features."""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seqpipe.parts.classifiers.ngrams._sparse import Sparse

_MAX_ITERATIONS: Final = 200
#: After every so many iterations it's decided whether to go on.
_ITERATIONS: Final = 10
#: It's over when the loss has fallen by no more than this share meanwhile.
_TOLERANCE: Final = 1e-4


@dataclass(frozen=True)
class Linear:
    """A linear model.

    Attributes:
        weights: `[features, labels]`, float32.
        bias: `[labels]`.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, features: Sparse) -> NDArray[np.float32]:
        """Return the logits of each label: `[texts, labels]`."""
        with _one_thread():
            product: Tensor = features.product()(torch.from_numpy(self.weights))
        found: NDArray[np.float32] = product.numpy() + self.bias
        return found


class Regression:
    """Fits linear models to the same texts, by L-BFGS, each from where the last one ended.

    ::

        minimise  Σ_i w_i loss(s ∘ V · x_i + b, y_i) + ‖V‖² / (2 cost)

    where s scales each feature, for each label by itself; the model's weights are s ∘ V.

    Args:
        features: `[texts, features]`.
        truths: `[texts, labels]`, 1 for each label that a text has.
        text_weights: `[texts]`, how much each text counts.
        scale: `[features, labels]` or `[features, 1]`; None for 1 everywhere.
        softmax: Whether the loss is the cross entropy of a softmax, or the sum of each label's own.
        on_evaluation: Called with the number of evaluations of the loss since `fit` was called.
    """

    def __init__(
        self,
        features: Sparse,
        truths: NDArray[np.float32],
        *,
        text_weights: NDArray[np.float32],
        scale: NDArray[np.float32] | None,
        softmax: bool,
        on_evaluation: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._forward, self._backward = features.product(), features.transposed().product()
        self._truths = torch.from_numpy(truths)
        self._text_weights = torch.from_numpy(text_weights)[:, None]
        self._scale = None if scale is None else torch.from_numpy(scale)
        self._softmax = softmax
        self._on_evaluation = on_evaluation
        self._weights = torch.zeros(features.shape[1], truths.shape[1], requires_grad=True)
        self._bias = torch.zeros(truths.shape[1], requires_grad=True)

    def fit(self, cost: float) -> Linear:
        """Return the model for one strength of regularisation: the larger the cost, the weaker it is."""
        optimizer = torch.optim.LBFGS(
            [self._weights, self._bias],
            max_iter=_ITERATIONS,
            history_size=10,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )
        evaluations, loss = 0, math.inf

        @torch.no_grad()
        def closure() -> Tensor:
            nonlocal evaluations
            evaluations += 1
            losses, d_logits = self._loss(self._forward(self._scaled(self._weights)) + self._bias)
            d_weights = self._scaled(self._backward(d_logits))
            self._weights.grad = d_weights.add_(self._weights, alpha=1 / cost)
            self._bias.grad = d_logits.sum(0)
            self._on_evaluation(evaluations)
            return losses + self._weights.square().sum() / (2 * cost)

        with _one_thread():
            for _ in range(_MAX_ITERATIONS // _ITERATIONS):
                # What it returns is the loss before its first iteration.
                before, loss = loss, float(optimizer.step(closure))  # type: ignore[no-untyped-call]
                if before - loss <= _TOLERANCE * loss:
                    break
            weights = self._scaled(self._weights.detach()).clone()
        return Linear(weights.numpy(), self._bias.detach().clone().numpy())

    def _scaled(self, weights: Tensor) -> Tensor:
        return weights if self._scale is None else weights * self._scale

    def _loss(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum of the losses, and its gradient by the logits."""
        truths = self._truths
        if self._softmax:
            total = logits.logsumexp(1, keepdim=True)
            losses, gradient = total - (logits * truths).sum(1, keepdim=True), logits - total
            gradient = gradient.exp_().sub_(truths)
        else:
            losses, gradient = functional.softplus(logits) - logits * truths, logits.sigmoid()
            gradient = gradient.sub_(truths)
        return (losses * self._text_weights).sum(), gradient.mul_(self._text_weights)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Compute in one thread, since sums over several depend on how many there are."""
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)


def log_count_ratios(
    features: Sparse, truths: NDArray[np.float32], *, smoothing: float = 1.0
) -> NDArray[np.float32]:
    """Return naive Bayes' log-count ratio of each feature for each label, against all others.

    Wang & Manning (2012), section 2.1, with p and q the sums of the features' values over the texts with and without the
    label, plus the smoothing: ``r = log((p / |p|) / (q / |q|))``.

    Args:
        features: `[texts, features]`, binary.
        truths: `[texts, labels]`.
        smoothing: α of the paper.

    Returns:
        `[features, labels]`, float32.
    """
    product = features.transposed().product()
    with _one_thread():
        of_label = product(torch.from_numpy(truths)).numpy().astype(np.float64)
    of_all = np.bincount(features.columns, features.values, minlength=features.shape[1])
    p = of_label + smoothing
    q = of_all[:, None] - of_label + smoothing
    ratios: NDArray[np.float32] = (np.log(p / p.sum(0)) - np.log(q / q.sum(0))).astype(np.float32)
    return ratios
