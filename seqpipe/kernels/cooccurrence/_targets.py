"""What the steps of a round predict, drawn on the device: words and negatives, or the turns on the way to a word."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqpipe.kernels.cooccurrence._choices import STRIDE, Choices
from seqpipe.native import Negatives, Paths

_FACTORS: Final = (0xBF58476D1CE4E5B9 - (1 << 64), 0x94D049BB133111EB - (1 << 64))
_STRIDE: Final = STRIDE - (1 << 64)


@dataclass(frozen=True, eq=False)
class Targets:
    """What steps predict, `[steps, slices, K]`.

    Attributes:
        numbers: Rows of outputs; where there's nothing, that behind the last.
        truths: Whether each is what's predicted, float32.
        weights: How much each counts, float32; 0 where there's nothing.
        updates: For how many updates of its row each stands, for each of a step's inputs, float32.
    """

    numbers: Tensor
    truths: Tensor
    weights: Tensor
    updates: Tensor


def _shifted(numbers: Tensor, bits: int) -> Tensor:
    """Shift to the right as if numbers had no sign."""
    return (numbers >> bits) & ((1 << (64 - bits)) - 1)


def _scramble(numbers: Tensor) -> Tensor:
    numbers = (numbers ^ _shifted(numbers, 30)) * _FACTORS[0]
    numbers = (numbers ^ _shifted(numbers, 27)) * _FACTORS[1]
    return numbers ^ _shifted(numbers, 31)


def _below(numbers: Tensor, count: int) -> Tensor:
    return (_shifted(numbers, 32) * count) >> 32


class DrawnNegatives:
    """Draws words to contrast with.

    Args:
        targets: How.
        nothing: The number of what isn't there.
        device: Where.
    """

    def __init__(self, targets: Negatives, nothing: int, device: torch.device) -> None:
        self._targets, self._nothing = targets, nothing
        self._alias = _sent(targets.alias, device).long()
        self._share = _sent(targets.share, device)

    def of(self, choices: Choices, words: Tensor) -> Targets:
        """Return what steps predict, given the words that they predict, `[steps, slices]`; -1 where there's no step."""
        device, drawn, size = words.device, choices.drawn, self._targets.pool
        keys = _sent(choices.keys, device)
        places = _sent(choices.start, device)[:, :, None] + torch.arange(drawn, device=device)
        random = _scramble(keys[None, :, None] + (places + 1) * _STRIDE)
        if size:
            ranks = torch.arange(1, size + 1, device=device)
            pool = self._drawn(_scramble(keys[:, None] + ranks * _STRIDE))
            slices = torch.arange(len(keys), device=device)[None, :, None]
            others = pool[slices, _below(random, size)]
        else:
            others = self._drawn(random)
        word = words[:, :, None]
        is_there = word >= 0
        numbers = torch.where(is_there, torch.cat([word, others], dim=2), self._nothing)
        weight = self._targets.per_pair / drawn
        updates = torch.full(numbers.shape, weight, device=device) * is_there
        # The word itself is no contrast.
        weights = torch.where(numbers == word, 0.0, updates)
        truths = torch.zeros_like(weights)
        truths[:, :, 0] = weights[:, :, 0] = updates[:, :, 0] = is_there[:, :, 0].float()
        return Targets(numbers, truths, weights, updates)

    def _drawn(self, random: Tensor) -> Tensor:
        words = _below(random, len(self._alias))
        is_word = (random & 0xFFFFFF).float() / 16777216 < self._share[words]
        return torch.where(is_word, words, self._alias[words])


class TurnsOfPaths:
    """Finds the turns on the way to words.

    Args:
        paths: The ways.
        nothing: The number of what isn't there.
        device: Where.
    """

    def __init__(self, paths: Paths, nothing: int, device: torch.device) -> None:
        self._nothing = nothing
        self._nodes = _sent(paths.nodes, device).long()
        self._signs = _sent(paths.signs, device)
        self._starts = _sent(paths.starts, device)

    def of(self, choices: Choices, words: Tensor) -> Targets:
        """Return what steps predict, given the words that they predict, `[steps, slices]`; -1 where there's no step."""
        word = words.clamp(min=0)
        counts = (self._starts[word + 1] - self._starts[word]) * (words >= 0)
        columns = torch.arange(int(counts.max()), device=words.device)
        is_there = columns < counts[:, :, None]
        at = torch.where(is_there, self._starts[word][:, :, None] + columns, 0)
        ones = is_there.float()
        numbers = torch.where(is_there, self._nodes[at], self._nothing)
        return Targets(numbers, self._signs[at] * ones, ones, ones)


def _sent(array: NDArray[Any], device: torch.device) -> Tensor:
    # A copy, as torch warns of arrays that mustn't be written to.
    return torch.from_numpy(np.array(array)).to(device)
