"""From hidden vectors to the probabilities of all units: softmax, or adaptive softmax for large vocabularies."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, Literal, TypeAlias, cast

import torch
from torch import Tensor, nn

from seqpipe.errors import ConfigError
from seqpipe.kernels import linear

#: Where the clusters of adaptive softmax begin; "auto" chooses by the size of the vocabulary, none are one softmax.
Cutoffs: TypeAlias = list[int] | Literal["auto"]

_LARGE: Final = 5_000
_NARROWER: Final = 4.0
_AUTO: Final = (2_000, 10_000, 50_000)


def choose_cutoffs(cutoffs: Cutoffs | Sequence[int], size: int) -> tuple[int, ...]:
    """Return where the clusters of a vocabulary begin; empty for a single softmax.

    "auto" takes a single one for up to 5,000 units, and else clusters that begin at the 2,000th, 10,000th and
    50,000th.

    Args:
        cutoffs: As a file gives them.
        size: How many units there are, in the order of their frequency.

    Raises:
        ConfigError: They don't rise from 1 to less than the number of units.
    """
    if cutoffs == "auto":
        return tuple(each for each in _AUTO if each < size - 1) if size > _LARGE else ()
    given = tuple(cutoffs)
    if list(given) != sorted(set(given)) or (given and not 0 < given[0] <= given[-1] < size - 1):
        raise ConfigError(
            f"`cutoffs` are {list(given)}; they have to rise, from 1 to at most {size - 2}, as the vocabulary "
            f"has {size} units"
        )
    return given


class Output(nn.Module):
    """Predicts the next unit from a hidden vector."""

    @abstractmethod
    def losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return what each target costs, in nats: `[N, width]` and `[N]` to `[N]`."""

    @abstractmethod
    def begin_at(self, counts: Tensor) -> None:
        """Begin with the frequencies of the units, `[size]`, as the probabilities where a hidden vector is 0.

        A rare unit then gets next to no gradient while it doesn't occur. Adam would divide a small one by its own size: the
        unit's vector would go astray, and with tied weights so would the state after such a unit.
        """

    @abstractmethod
    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """Return the logarithm of each unit's probability: `[N, width]` to `[N, size]`."""


class Softmax(Output):
    """A linear map to a score for each unit.

    Args:
        width: The width of a hidden vector.
        size: The number of units.
        weight: `[size, width]`, if it's that of the embedding (Press & Wolf 2017; Inan et al. 2017); else None.
    """

    def __init__(self, width: int, size: int, weight: Tensor | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size, width)) if weight is None else weight
        if weight is None:
            nn.init.xavier_uniform_(self.weight)
        self.bias = nn.Parameter(torch.zeros(size))

    def losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return what each target costs; see `Output.losses`."""
        scores = linear(hidden, self.weight, self.bias)
        return nn.functional.cross_entropy(scores, targets, reduction="none")

    @torch.no_grad()
    def begin_at(self, counts: Tensor) -> None:
        """Begin with the frequencies of the units; see `Output.begin_at`."""
        self.bias.copy_(log_frequencies(counts))

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """Return the logarithm of each unit's probability; see `Output.log_probabilities`."""
        return linear(hidden, self.weight, self.bias).log_softmax(1)


class AdaptiveSoftmax(Output):
    """Rare units in clusters, whose vectors are narrower and are only computed where they're needed (Grave et al. 2017).

    It's torch's `AdaptiveLogSoftmaxWithLoss`, with our matrix products. Its weights can't be those of an embedding.

    Args:
        width: The width of a hidden vector.
        size: The number of units, the most frequent first.
        cutoffs: Where clusters begin.
    """

    def __init__(self, width: int, size: int, cutoffs: Sequence[int]) -> None:
        super().__init__()
        # Each cluster's vectors are a quarter as wide as those of the one before, and the last one's not narrower than 1.
        narrower = min(_NARROWER, (width / 1.01) ** (1 / len(cutoffs)))
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
            width, size, list(cutoffs), div_value=narrower, head_bias=True
        )
        self.softmax.head = _Product(self.softmax.head)
        for tail in cast(Iterable[nn.Sequential], self.softmax.tail):
            for i, layer in enumerate(tail):
                tail[i] = _Product(cast(nn.Linear, layer))

    def losses(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return what each target costs; see `Output.losses`."""
        output: Tensor = self.softmax(hidden, targets).output
        return -output

    @torch.no_grad()
    def begin_at(self, counts: Tensor) -> None:
        """Begin with the frequencies of the units and clusters; those in a cluster have no bias. See `Output.begin_at`."""
        bounds = self.softmax.cutoffs
        clusters = [counts[a:b].sum() for a, b in pairwise(bounds)]
        together = torch.cat([counts[: bounds[0]], torch.stack(clusters)])
        self.softmax.head.bias.copy_(log_frequencies(together))

    def log_probabilities(self, hidden: Tensor) -> Tensor:
        """Return the logarithm of each unit's probability; see `Output.log_probabilities`."""
        return self.softmax.log_prob(hidden)


def log_frequencies(counts: Tensor) -> Tensor:
    """Return the logarithms of shares, `[size]`; what doesn't occur counts as if it did once."""
    shares = counts.clamp(min=1).double()
    return (shares / shares.sum()).log().float()


class _Product(nn.Linear):
    """A linear layer by our own matrix products, with the weights of torch's."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=False)
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)
