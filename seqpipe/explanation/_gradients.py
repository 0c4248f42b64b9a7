"""Integrated gradients: how much each word contributes to a logit (Sundararajan, Taly & Yan 2017)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqpipe.devices import in_double
from seqpipe.explanation._path import Path

#: By how much contributions may miss the difference that they add up to: this share of it, or of the least difference where it's
#: smaller. Half of it is aimed at.
_TOLERANCE: Final = 0.01
_LEAST_DIFFERENCE: Final = 0.1
#: The integral is first taken over so many pieces of the way, each with so many points.
_PIECES: Final = 4
_POINTS: Final = 8
#: So many of the worst pieces are halved at once.
_HALVED: Final = 2
#: Pieces are halved until there are so many points.
_MOST_POINTS: Final = 96
#: So many vectors of words go through the encoder at once.
_AT_ONCE: Final = 20_000


@dataclass(frozen=True)
class Gradients:
    """What words contribute to one logit.

    Attributes:
        words: The contribution of each word, `[N]`; of all together, the difference of the logit to that of the baseline.
        difference: That difference.
        error: By how much the contributions miss it.
        shared_out: How much of the logit's changes on the way gradients don't account for, so that it was shared out.
        points: How many points of the way were looked at.
    """

    words: NDArray[np.float64]
    difference: float
    error: float
    shared_out: float
    points: int

    @property
    def relative_error(self) -> float:
        """The error as a share of the difference, or of 0.1 if that's smaller."""
        return self.error / max(abs(self.difference), _LEAST_DIFFERENCE)


def integrate_gradients(
    path: Path,
    label: int,
    *,
    baselines: Sequence[Tensor] | None = None,
    word: int | None = None,
    steps: int | None = None,
) -> Gradients:
    """Return what each word contributes to a logit, compared with other vectors in the place of the words'.

    For the vectors x of the words and a baseline x', with f the logit::

        contribution of word i = Σ_d (x_id - x'_id) ∫₀¹ ∂f(x' + α (x - x')) / ∂x_id dα

    Contributions add up to f(x) - f(x'), but for the error of the integral. With several baselines, both are means (expected
    gradients, Erion et al. 2021).

    On the way, a recurrent network may tip from one state to another within less than a ten-thousandth of it, which a rule with a
    fixed number of points steps over. So by default the way is cut into pieces, by the rule of Gauss and Legendre in each, and those
    whose integrals miss the difference of f between their ends most are halved, until all together miss it by less than
    a two-hundredth or there are 96 points. What's missed of a piece then is shared out among the words, in proportion to the
    absolute values of what they contribute to the piece.

    Args:
        path: The text, and the way to its logits.
        label: The number of the logit.
        baselines: What's there in the place of the words' vectors, each `[N, D]`; None for zeros. A text of hundreds of zeros is
            like nothing that a network has read, and it tips more often on the way from there: see `random_baselines`.
        word: The number of the word whose logit it is, of a head that scores words.
        steps: So many points of one rule for the whole way, in the place of pieces; nothing is shared out.
    """
    if baselines is None:
        baselines = [torch.zeros_like(path.inputs)]
    found = [_integrated(_Way(path, label, word, each), steps) for each in baselines]
    words = np.mean([each.words for each in found], axis=0)
    difference = float(np.mean([each.difference for each in found]))
    return Gradients(
        words,
        difference,
        abs(float(words.sum()) - difference),
        float(np.mean([each.shared_out for each in found])),
        sum(each.points for each in found),
    )


def _integrated(way: "_Way", steps: int | None) -> Gradients:
    if steps is not None:
        return way.gradients([way.piece(0.0, 1.0, steps)])
    bounds = np.linspace(0, 1, _PIECES + 1)
    pieces = way.pieces(list(pairwise(bounds.tolist())))
    while way.points < _MOST_POINTS:
        difference = sum(piece.difference for piece in pieces)
        wanted = _TOLERANCE * max(abs(difference), _LEAST_DIFFERENCE) / 2
        pieces.sort(key=lambda piece: -piece.error)
        # Errors of pieces that cancel out aren't trusted to do so.
        if sum(piece.error for piece in pieces) <= wanted:
            break
        worst, pieces = pieces[:_HALVED], pieces[_HALVED:]
        halves = [half for piece in worst for half in piece.halves()]
        pieces += way.pieces(halves)
    missed = sum(piece.error for piece in pieces)
    return way.gradients([piece.shared_out() for piece in pieces], missed)


@dataclass(frozen=True)
class _Piece:
    """A piece of the way from the baseline to the text.

    Attributes:
        start: Where it begins, from 0 to 1.
        end: Where it ends.
        words: The contributions of the words on it, `[N]`.
        difference: By how much the logit changes on it.
    """

    start: float
    end: float
    words: NDArray[np.float64]
    difference: float

    @property
    def error(self) -> float:
        return abs(float(self.words.sum()) - self.difference)

    def shared_out(self) -> "_Piece":
        """Return the piece with what its contributions miss shared out among them."""
        shares = np.abs(self.words)
        total = float(shares.sum())
        shares = shares / total if total else np.full_like(shares, 1 / len(shares))
        missed = self.difference - float(self.words.sum())
        return _Piece(self.start, self.end, self.words + missed * shares, self.difference)

    def halves(self) -> list[tuple[float, float]]:
        middle = (self.start + self.end) / 2
        return [(self.start, middle), (middle, self.end)]


class _Way:
    """The straight way from a baseline to a text, and a logit on it."""

    def __init__(self, path: Path, label: int, word: int | None, baseline: Tensor) -> None:
        self._path, self._label, self._word = path, label, word
        self._start, self._whole = baseline, path.inputs - baseline
        self.points = 0

    def piece(self, start: float, end: float, points: int) -> _Piece:
        """Return what a piece contributes, by a rule of so many points."""
        places, weights = np.polynomial.legendre.leggauss(points)
        # From -1 to 1 there.
        alphas = start + (places + 1) / 2 * (end - start)
        gradients = self._products(alphas)
        first, last = self._logits(np.array([start, end]))
        words = (weights / 2 * (end - start)) @ gradients
        return _Piece(start, end, words, float(last - first))

    def pieces(self, bounds: list[tuple[float, float]]) -> list[_Piece]:
        """Return several pieces, which is faster than one after another."""
        places, weights = np.polynomial.legendre.leggauss(_POINTS)
        starts, ends = np.array(bounds).T
        widths = ends - starts
        alphas = starts[:, None] + (places + 1) / 2 * widths[:, None]
        gradients = self._products(alphas.ravel()).reshape(len(bounds), _POINTS, -1)
        logits = self._logits(np.concatenate([starts, ends])).reshape(2, -1)
        words = np.einsum("p,kpn->kn", weights / 2, gradients) * widths[:, None]
        return [
            _Piece(start, end, of_piece, float(difference))
            for (start, end), of_piece, difference in zip(
                bounds, words, logits[1] - logits[0], strict=True
            )
        ]

    def gradients(self, pieces: list[_Piece], shared_out: float = 0.0) -> Gradients:
        """Return what pieces that make up the way contribute together, of which so much was shared out."""
        words = np.sum([piece.words for piece in pieces], axis=0)
        first, last = self._logits(np.array([0.0, 1.0]))
        difference = float(last - first)
        error = abs(float(words.sum()) - difference)
        return Gradients(words, difference, error, shared_out, self.points)

    def _products(self, alphas: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the products of each word's vector with the logit's gradient by it, at points of the way, `[K, N]`."""
        self.points += len(alphas)
        found = []
        for piece in self._cut(alphas):
            inputs = self._at(piece).requires_grad_()
            (gradients,) = torch.autograd.grad(self._one(inputs).sum(), inputs)
            # In double precision: thousands of small numbers are added up.
            found.append((in_double(gradients) * in_double(self._whole)).sum(2).cpu().numpy())
        return np.concatenate(found)

    def _logits(self, alphas: NDArray[np.float64]) -> NDArray[np.float64]:
        logits = torch.cat([self._one(self._at(piece)).detach() for piece in self._cut(alphas)])
        found: NDArray[np.float64] = logits.cpu().double().numpy()
        return found

    def _at(self, alphas: Tensor) -> Tensor:
        return self._start + alphas[:, None, None] * self._whole

    def _cut(self, alphas: NDArray[np.float64]) -> Iterator[Tensor]:
        like = self._start
        at_once = max(1, _AT_ONCE // len(like))
        for start in range(0, len(alphas), at_once):
            yield torch.tensor(alphas[start : start + at_once], dtype=like.dtype).to(like.device)

    def _one(self, inputs: Tensor) -> Tensor:
        logits = self._path.logits(inputs)
        return logits[:, self._label] if self._word is None else logits[:, self._word, self._label]
