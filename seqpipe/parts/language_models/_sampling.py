"""Writes text: draws one unit after another from a model's probabilities."""

from collections.abc import Iterator, Sequence
from typing import Final

import torch
from torch import Tensor

from seqpipe.errors import ConfigError
from seqpipe.parts.language_models._model import LanguageModel
from seqpipe.parts.language_models._vocabulary import END, UNKNOWN

#: What torch's generators take.
_SEEDS: Final = range(-(2**63), 2**64)


def check_sampling(
    *,
    length: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int | None = None,
) -> None:
    """Check how a text is to be drawn; see `restrict`.

    Raises:
        ConfigError: `length` or `top_k` is less than 1, `temperature` is negative or not finite, `top_p` isn't in (0, 1], or
            `seed` is too large.
    """
    for name, number in (("length", length), ("top_k", top_k)):
        if number is not None and number < 1:
            raise ConfigError(f"`{name}` is {number}; it must be at least 1")
    if not 0 <= temperature < float("inf"):
        raise ConfigError(f"`temperature` is {temperature}; it must be a number of at least 0")
    if top_p is not None and not 0 < top_p <= 1:
        raise ConfigError(f"`top_p` is {top_p}; it must be more than 0 and at most 1")
    if seed is not None and seed not in _SEEDS:
        raise ConfigError(f"`seed` is {seed}; it must be from -2**63 to 2**64 - 1")


def restrict(
    log_probabilities: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """Return the probabilities that the next unit is drawn by.

    Args:
        log_probabilities: `[size]`, of each unit; minus infinity for those that can't follow.
        temperature: The logarithms are divided by it: below 1 likely units become likelier. 0 leaves the likeliest alone.
        top_k: Only so many of the likeliest units are drawn (Fan et al. 2018); None for all.
        top_p: Of these, only the likeliest that have this share of the probability together, the fewest that do
            (Holtzman et al. 2020); None for all.

    Returns:
        `[size]`, float64, on the CPU; they add up to 1.
    """
    scores = log_probabilities.cpu().double()
    if temperature == 0:
        top_k, temperature = 1, 1.0
    # The greatest is 0 then, so a tiny temperature doesn't overflow all of them.
    scaled = (scores - scores.max()) / temperature
    ordered, order = scaled.sort(descending=True, stable=True)
    kept = ordered.softmax(0)
    if top_k is not None:
        kept[top_k:] = 0
        kept /= kept.sum()
    if top_p is not None:
        before = kept.cumsum(0) - kept
        kept[before >= top_p] = 0
        kept /= kept.sum()
    return torch.zeros_like(kept).scatter_(0, order, kept)


def draw(probabilities: Tensor, generator: torch.Generator) -> int:
    """Draw a number with these probabilities, `[size]`."""
    sums = probabilities.cumsum(0)
    point = torch.rand((), generator=generator, dtype=torch.float64) * sums[-1]
    return int(torch.searchsorted(sums, point, right=True).clamp(max=len(sums) - 1))


def sample(
    model: LanguageModel,
    prompt: Sequence[int],
    *,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator,
) -> Iterator[int]:
    """Yield units that a model goes on with after a prompt, up to the end of the text.

    Args:
        model: The model, in evaluation mode.
        prompt: The numbers of the units that the text begins with.
        length: How many units are drawn at most.
        temperature: See `restrict`.
        top_k: See `restrict`.
        top_p: See `restrict`.
        generator: What draws.
    """
    read, states = torch.tensor([END, *prompt], dtype=torch.int64), None
    for _ in range(length):
        with torch.no_grad():
            hidden, states = model(read, torch.tensor([len(read)], device="cpu"), states)
            following = model.output.log_probabilities(hidden[-1:])[0]
        following[UNKNOWN] = -torch.inf
        chances = restrict(following, temperature=temperature, top_k=top_k, top_p=top_p)
        unit = draw(chances, generator)
        if unit == END:
            return
        yield unit
        read = torch.tensor([unit], dtype=torch.int64)
