"""Logistic regression over sparse features."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seqpipe.kernels import available_threads
from seqpipe.parts.classifiers.ngrams._sparse import Product, Sparse

#: The fit is over when the loss can fall by no more than this share, as far as its curvature tells.
_TOLERANCE: Final = 1e-4
_MAX_STEPS: Final = 100
_USUAL_STEPS: Final = 10
#: How well each Newton step is solved for: by how much the residual is to shrink, and in how many products at most.
_RESIDUAL: Final = 0.2
_MAX_PRODUCTS: Final = 30
#: A step is halved so often at most, until the loss falls by this share of what its slope promises.
_MAX_HALVINGS: Final = 20
_ENOUGH: Final = 1e-4
_TINY: Final = 1e-30
#: So that what's computed with stays in the processor's cache.
_LABELS_AT_ONCE: Final = 32


@dataclass(frozen=True)
class Linear:
    """A linear model.

    Attributes:
        weights: `[features, labels]`, float32.
        bias: `[labels]`.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, features: Product) -> NDArray[np.float32]:
        """Return the logits of each label: `[texts, labels]`."""
        with _one_thread():
            product: Tensor = features(torch.from_numpy(self.weights))
        found: NDArray[np.float32] = product.numpy() + self.bias
        return found


class Regression:
    """Fits linear models to the same texts by Newton's method, each from where the last one ended.

    ::

        minimise  Σ_i w_i loss(s ∘ V · x_i + b, y_i) + ‖V‖² / (2 cost)

    where s scales each feature, for each label by itself; the model's weights are s ∘ V. The steps are found by conjugate
    gradients, which only need products with the Hessian (Lin, Weng & Keerthi 2008). Where each label has a loss of its
    own, some labels are solved for at once, each by itself.

    Args:
        features: `[texts, features]`.
        truths: `[texts, labels]`, 1 for each label that a text has.
        text_weights: `[texts]`, how much each text counts.
        scale: `[features, labels]` or `[features, 1]`; None for 1 everywhere.
        softmax: Whether the loss is the cross entropy of a softmax, or the sum of each label's own.
        on_progress: Called with the part of a fit that's done, 0 to 1, as far as that can be told.
    """

    def __init__(
        self,
        features: Sparse,
        truths: NDArray[np.float32],
        *,
        text_weights: NDArray[np.float32],
        scale: NDArray[np.float32] | None,
        softmax: bool,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._forward, self._backward = features.product(), features.transposed().product()
        self._truths = torch.from_numpy(truths)
        self._text_weights = torch.from_numpy(text_weights)[:, None]
        self._scale = None if scale is None else torch.from_numpy(scale)
        self._softmax = softmax
        self._on_progress = on_progress
        #: V, and the biases as its last row.
        self._weights = torch.zeros(features.shape[1] + 1, truths.shape[1])
        self._weights[-1] = _first_biases(self._truths, self._text_weights, softmax=softmax)

    def fit(self, cost: float) -> Linear:
        """Return the model for one strength of regularisation: the larger the cost, the weaker it is."""
        threads = available_threads()
        with _one_thread():
            self._solve_blocks(self._blocks(), cost, threads)
            weights = self._weights[:-1] * (1 if self._scale is None else self._scale)
        return Linear(weights.numpy(), self._weights[-1].clone().numpy())

    def _solve_blocks(self, blocks: Sequence[Tensor], cost: float, threads: int) -> None:
        """Fit the weights of blocks of labels, as many at a time as there are threads: none depends on another."""
        if len(blocks) == 1:
            self._solve(blocks[0], cost, lambda step: self._on_progress(step / _USUAL_STEPS))
            return
        pool = ThreadPoolExecutor(threads)
        try:
            solved = [pool.submit(self._solve, labels, cost) for labels in blocks]
            for done, block in enumerate(as_completed(solved), start=1):
                block.result()
                self._on_progress(done / len(blocks))
        finally:
            pool.shutdown(cancel_futures=True)

    def _blocks(self) -> Sequence[Tensor]:
        """Return which labels are solved for at once: all, or if each has a loss of its own, some that are about as frequent."""
        if self._softmax:
            return [torch.arange(self._truths.shape[1])]
        by_frequency: Tensor = self._truths.sum(0).argsort(descending=True, stable=True)
        return torch.split(by_frequency, _LABELS_AT_ONCE)

    @torch.no_grad()
    def _solve(
        self, labels: Tensor, cost: float, tell: Callable[[int], None] = lambda _: None
    ) -> None:
        """Fit the weights of labels; `tell` gets the number of steps so far before each."""
        scale, kind = self._scale, _Joint if self._softmax else _Separate
        problem: _Problem = kind(
            self._forward,
            self._backward,
            self._truths[:, labels],
            self._text_weights,
            scale if scale is None or scale.shape[1] == 1 else scale[:, labels],
            cost,
        )
        at = problem.point(self._weights[:, labels])
        for step in range(_MAX_STEPS):
            tell(min(step, _USUAL_STEPS))
            at, is_over = _step(problem, at)
            self._weights[:, labels] = at.weights
            if is_over.all():
                break
            if not self._softmax:
                labels, going = labels[~is_over], ~is_over
                problem, at = problem.only(going), at.only(going)


class _Point(NamedTuple):
    """Where a fit is.

    Attributes:
        weights: V, and the biases as its last row: `[features + 1, L]`.
        losses: What's minimised: of each label, `[L]`, or of all of them together, `[1]`; float64.
        gradient: Its gradient by the weights.
        scores: The probabilities of the labels, `[texts, L]`, on which the curvature depends.
    """

    weights: Tensor
    losses: Tensor
    gradient: Tensor
    scores: Tensor

    def only(self, which: Tensor) -> "_Point":
        """Return the same for some of its labels, of those whose losses are their own."""
        columns = (self.weights, self.gradient, self.scores)
        weights, gradient, scores = (each[:, which] for each in columns)
        return _Point(weights, self.losses[which], gradient, scores)


@dataclass(frozen=True)
class _Problem(ABC):
    """What's minimised for some labels; the arguments are those of `Regression`, and its products."""

    forward: Product
    backward: Product
    truths: Tensor
    text_weights: Tensor
    scale: Tensor | None
    cost: float

    def only(self, which: Tensor) -> "_Problem":
        """Return the problem of some of the labels."""
        scale = self.scale
        if scale is not None and scale.shape[1] > 1:
            scale = scale[:, which]
        return replace(self, truths=self.truths[:, which], scale=scale)

    def point(self, weights: Tensor) -> _Point:
        """Compute what's known at a point, by its weights."""
        losses, scores = self.losses(self._logits(weights))
        losses = self.sum(losses * self.text_weights)
        losses += self.dot(weights[:-1], weights[:-1]) / (2 * self.cost)
        gradient = self._weigh((scores - self.truths) * self.text_weights, weights)
        return _Point(weights, losses, gradient, scores)

    def hessian_product(self, at: _Point, vectors: Tensor) -> Tensor:
        """Return the Hessian times vectors, `[features + 1, L]`."""
        change = self.change_of_scores(at.scores, self._logits(vectors))
        return self._weigh(change.mul_(self.text_weights), vectors)

    def dot(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the dot products of the weights that have a loss of their own, `[L]` or `[1]`; float64."""
        return self.sum(left * right)

    def _logits(self, weights: Tensor) -> Tensor:
        return self.forward(self._scaled(weights[:-1])) + weights[-1]

    def _weigh(self, d_logits: Tensor, weights: Tensor) -> Tensor:
        """Return the gradient by the weights, from that of the losses by the logits."""
        d_weights = torch.empty_like(weights)
        torch.add(
            self._scaled(self.backward(d_logits)),
            weights[:-1],
            alpha=1 / self.cost,
            out=d_weights[:-1],
        )
        torch.sum(d_logits, 0, out=d_weights[-1])
        return d_weights

    def _scaled(self, weights: Tensor) -> Tensor:
        return weights if self.scale is None else weights * self.scale

    @abstractmethod
    def sum(self, values: Tensor) -> Tensor:
        """Return the sums of columns, or of all of them, of what has one for each loss; float64."""

    @abstractmethod
    def losses(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return the losses of texts, `[texts, L]` or `[texts, 1]`, and their scores."""

    @abstractmethod
    def change_of_scores(self, scores: Tensor, change: Tensor) -> Tensor:
        """Return by how much scores change with the logits."""


class _Joint(_Problem):
    """The cross entropy of a softmax."""

    def sum(self, values: Tensor) -> Tensor:
        return values.sum().double()[None]

    def losses(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        total = logits.logsumexp(1, keepdim=True)
        losses = total - (logits * self.truths).sum(1, keepdim=True)
        return losses, logits.sub_(total).exp_()

    def change_of_scores(self, scores: Tensor, change: Tensor) -> Tensor:
        return scores * (change - (scores * change).sum(1, keepdim=True))


class _Separate(_Problem):
    """A logistic loss for each label."""

    def sum(self, values: Tensor) -> Tensor:
        return values.sum(0).double()

    def losses(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        return functional.softplus(logits) - logits * self.truths, logits.sigmoid()

    def change_of_scores(self, scores: Tensor, change: Tensor) -> Tensor:
        return scores * (1 - scores) * change


def _step(problem: _Problem, at: _Point) -> tuple[_Point, Tensor]:
    """Take a step; returns where it leads, and for each loss whether there's nothing more to gain."""
    direction = _direction(problem, at)
    slope = problem.dot(at.gradient, direction)
    size = torch.ones_like(slope)
    for _ in range(_MAX_HALVINGS):
        there = problem.point(at.weights + size.float() * direction)
        falls = there.losses <= at.losses + _ENOUGH * size * slope
        if falls.all():
            break
        size = torch.where(falls, size, size / 2)
    else:
        # Rounding hides any further gain.
        there = problem.point(at.weights + (size * falls).float() * direction)
    # A step of full size lowers a quadratic function by half its slope.
    return there, (-slope / 2 <= _TOLERANCE * at.losses) | ~falls


def _direction(problem: _Problem, at: _Point) -> Tensor:
    """Return about where the minimum lies, by the gradient and curvature at a point: d, where ``H d = -gradient``."""
    direction = torch.zeros_like(at.weights)
    residual = -at.gradient
    search = residual.clone()
    square = problem.dot(residual, residual)
    enough = square * _RESIDUAL**2
    for _ in range(_MAX_PRODUCTS):
        product = problem.hessian_product(at, search)
        # What's solved for stays as it is, while others aren't.
        size = torch.where(square > enough, square / problem.dot(search, product), 0.0).float()
        direction.addcmul_(search, size)
        residual.addcmul_(product, size, value=-1)
        before, square = square, problem.dot(residual, residual)
        if not (square > enough).any():
            break
        search.mul_((square / before.clamp(min=_TINY)).float()).add_(residual)
    return direction


def _first_biases(truths: Tensor, text_weights: Tensor, *, softmax: bool) -> Tensor:
    """Return the biases by which labels have the scores that their frequencies say."""
    # One text is added to each side, so that none is infinite.
    has = (truths * text_weights).sum(0) + 1
    return has.log() if softmax else has.log() - ((1 - truths) * text_weights).sum(0).add(1).log()


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
